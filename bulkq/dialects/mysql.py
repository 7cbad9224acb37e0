"""MySQL and MariaDB."""

from __future__ import annotations

from bulkq.dialects.base import Dialect

_EXPECTATIONS = {
    "database": "database()",
    "user": "substring_index(current_user(), '@', 1)",
    "host": "@@hostname",
    "version": "version()",
}

DIALECT = Dialect(
    name="mysql",
    simple_tokens=True,
    products=frozenset({"mysql", "mariadb"}),
    port="3306",
    fastest=("mysqldb", "MySQLdb", "mysqlclient"),
    major_parts=2,
    quote="`",
    backslashes=True,
    double_pipe_is_or=True,
    commits_implicitly=True,  # both manuals list the statements under "implicit commit"
    question_parameters=True,
    executes_comments=True,
    is_known=True,
    marker_text="varchar(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",  # the longest key that every InnoDB takes
    key_text="mediumtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    marker_moment="timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP",
    table_end=" ENGINE=InnoDB",  # an engine with transactions, whatever the default is
    insert="INSERT IGNORE",
    shared_lock=" LOCK IN SHARE MODE",
    row_lock="FOR UPDATE",
    on_conflict="",
    returns_updates=False,
    server="SELECT CONCAT_WS('/', @@hostname, @@port, @@datadir, @@server_id, DATABASE())",
    databases=(
        "SELECT schema_name, '' FROM information_schema.schemata "
        "WHERE LOWER(schema_name) NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1"
    ),
    current_schema="DATABASE()",
    write_locks=(
        "each row of the range until it commits, and with REPEATABLE READ the gaps between them; ALTER TABLE waits"
    ),
    expectations={
        "mysql": {**_EXPECTATIONS, "system_identifier": "@@server_uuid"},
        "mariadb": {**_EXPECTATIONS, "system_identifier": "@@server_uid"},
    },
    late={
        "catalog": "mysql_row_key_catalog:CATALOG",
        "tables": "mysql_backfill_catalog:CATALOG",
        "plans": "mysql_query_plan:CATALOG",
        "signals": "mysql_throttle_signals:SIGNALS",
        "requirements": "mysql_requirements:REQUIREMENTS",
        "keys": "mysql_key_conversion:KEYS",
        "maintenance": "mysql_maintenance:MAINTENANCE",
    },
)
