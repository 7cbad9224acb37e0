"""How MySQL and MariaDB are asked what a query requires. Every user may ask."""

from __future__ import annotations

from bulkq.dialects.requirement_catalog import RequirementCatalog, RequirementQuery

REQUIREMENTS = RequirementCatalog(
    table=RequirementQuery(
        sql=(
            "SELECT CONCAT(IF(table_schema = DATABASE(), '', CONCAT(table_schema, '.')), table_name) AS name, NULL "
            "FROM information_schema.tables HAVING name IN ({names})"
        ),
    ),
    extension=RequirementQuery(
        sql=(
            "SELECT lower(plugin_name), NULL FROM information_schema.plugins "
            "WHERE plugin_status = 'ACTIVE' AND lower(plugin_name) IN ({names})"
        ),
    ),
    privilege=RequirementQuery(
        sql=(
            "SELECT privilege_type, NULL FROM information_schema.user_privileges WHERE privilege_type IN ({names}) "
            "AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
        ),
        advice="GRANT {name} ON *.* TO {user}",
    ),
    setting=RequirementQuery(sql="SHOW GLOBAL VARIABLES WHERE variable_name IN ({names})"),
)
