"""How PostgreSQL is asked what a query requires. Every role may ask."""

from __future__ import annotations

from bulkq.dialects.requirement_catalog import RequirementCatalog, RequirementQuery

REQUIREMENTS = RequirementCatalog(
    table=RequirementQuery(
        sql="SELECT t.name, NULL FROM unnest(ARRAY[{names}]) AS t (name) WHERE to_regclass(t.name) IS NOT NULL"
    ),
    # An extension may be installed in a schema in which the session does not look names up.
    extension=RequirementQuery(
        sql=(
            "SELECT e.extname::text, CASE WHEN n.nspname <> ALL (current_schemas(true)) "
            "THEN 'it is in the schema ' || quote_ident(n.nspname) || ', which is not in the search_path' END "
            "FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace "
            "WHERE e.extname IN ({names})"
        ),
        advice="CREATE EXTENSION {name}",
    ),
    # Membership counts if it is inherited; a superuser is a member of all roles.
    role=RequirementQuery(
        sql=(
            "SELECT rolname::text, NULL FROM pg_catalog.pg_roles "
            "WHERE rolname IN ({names}) AND pg_has_role(current_user, oid, 'USAGE')"
        ),
        advice="GRANT {name} TO {user}",
    ),
    # A setting of a library is there if the library is loaded, whatever the role may read.
    setting=RequirementQuery(
        sql="SELECT name, setting FROM pg_catalog.pg_settings WHERE name IN ({names})",
        advice="it is there once its library is in shared_preload_libraries",
    ),
)
