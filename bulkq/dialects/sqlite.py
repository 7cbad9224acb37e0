"""SQLite, through any library."""

from __future__ import annotations

from bulkq.dialects.base import Dialect
from bulkq.dialects.sqlite_affinity import AFFINITIES, has_affinity

DIALECT = Dialect(
    name="sqlite",
    simple_tokens=True,
    products=frozenset({"sqlite"}),
    names_schemas=False,
    is_file=True,
    # An unknown name in double quotes is a string: https://sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
    quote="`",
    question_parameters=True,
    parameter_marks="@$#",
    dynamic_types=True,
    affinities=AFFINITIES,
    has_affinity=has_affinity,
    current_schema="'main'",
    write_locks="the database file until the range commits: other writers wait, and in WAL mode readers go on",
    is_known=True,  # BEGIN IMMEDIATE is a lock on everything
    locked=frozenset(
        {
            "SQLITE_BUSY",
            "SQLITE_BUSY_SNAPSHOT",
            "SQLITE_BUSY_RECOVERY",
            "SQLITE_BUSY_TIMEOUT",
            "SQLITE_LOCKED",
            "SQLITE_LOCKED_SHAREDCACHE",
        }
    ),
    cancelled=frozenset({"SQLITE_INTERRUPT"}),
    read_only=frozenset({"SQLITE_READONLY"}),
    late={
        "tables": "sqlite_backfill_catalog:CATALOG",
        "plans": "sqlite_query_plan:CATALOG",
        "keys": "sqlite_key_conversion:KEYS",
        "images": "sqlite_row_images:IMAGES",
        "maintenance": "sqlite_maintenance:MAINTENANCE",
        "requirements": "sqlite_requirements:REQUIREMENTS",
    },
)
