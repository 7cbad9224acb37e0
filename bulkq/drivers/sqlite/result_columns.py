"""The columns of a query's result, as SQLite names them. In the connection's thread."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from bulkq.model import Column

if TYPE_CHECKING:
    from bulkq.drivers.sqlite.bind_parameters import SqliteBinding
    from bulkq.drivers.sqlite.transaction import Handle

PROBE_S = 0.25


def columns_of(cursor: sqlite3.Cursor) -> tuple[Column, ...]:
    """The columns of the statement that `cursor` has executed; () if that failed or has none."""
    return tuple(Column(entry[0]) for entry in cursor.description or ())


def ask_for_columns(db: Handle, binding: SqliteBinding) -> tuple[Column, ...]:
    """The columns, from the statement made to give no row; () where SQLite will not say without a row. In a transaction."""
    if db.verb == "EXPLAIN":
        return columns_of(db.cursor)
    for text in (f"{binding.sample}\nLIMIT 0", f"SELECT * FROM (\n{binding.sample}\n) LIMIT 0"):
        db.deadline.start(PROBE_S, ())
        with suppress(sqlite3.Error, sqlite3.Warning, OverflowError, ValueError):
            db.cursor.execute(text, binding.nulls).fetchall()
            return columns_of(db.cursor)
    return ()
