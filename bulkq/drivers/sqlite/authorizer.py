"""The actions that SQLite's authorizer denies: https://sqlite.org/c3ref/set_authorizer.html ."""

from __future__ import annotations

import sqlite3

HARMLESS_PRAGMAS = frozenset(
    {
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    }
)
"""Pragmas whose argument is a question. Every other argument is a change. https://sqlite.org/pragma.html"""

ACTING_PRAGMAS = frozenset({"incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint"})
"""Pragmas that act without an argument."""


def refusal(action: int, first: str | None, second: str | None, *, reading: bool, verb: str) -> str:
    """Why a statement that begins with `verb` may not do what SQLite's authorizer asks about; "" where it may.

    Args:
        action: one of SQLite's action codes, https://sqlite.org/c3ref/c_alter_table.html
        first: what is acted on, such as the name of a pragma.
        second: the argument of a pragma.
        reading: the run is read-only.
        verb: the statement's first keyword.
    """
    if verb == "VACUUM" and not reading:
        return ""  # attaches a new file and opens transactions of its own
    if action in {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}:
        return "a run works on one database file: ATTACH and VACUUM INTO are refused"
    if action in {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT}:
        return "transactions are opened and ended by bulkq, one per batch"
    if action == sqlite3.SQLITE_PRAGMA and reading:
        name = (first or "").lower()
        if name in ACTING_PRAGMAS or (second is not None and name not in HARMLESS_PRAGMAS):
            return f"PRAGMA {name} may change data"
    return ""
