"""The actions that SQLite's authorizer denies: https://sqlite.org/c3ref/set_authorizer.html ."""

from __future__ import annotations

import sqlite3

from bulkq.dialects import pragmas


def explain_refusal(action: int, first: str | None, second: str | None, *, reading: bool, verb: str) -> str:
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
        if name in pragmas.ACTING or (second is not None and name not in pragmas.ANSWERING):
            return f"PRAGMA {name} may change data"
    return ""
