"""SQLite, through any library."""

from __future__ import annotations

from bulkq.dialects.base import Dialect

DIALECT = Dialect(
    name="sqlite",
    products=frozenset({"sqlite"}),
    names_schemas=False,
    is_file=True,
    question_parameters=True,
    parameter_marks="@$#",
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
)
