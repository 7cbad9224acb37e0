"""The names of result columns, also where no row may be asked for directly."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bulkq.drivers.sqlite.bind_parameters import SqliteBinding
from bulkq.drivers.sqlite.result_columns import ask_for_columns
from bulkq.drivers.sqlite.transaction import Handle
from bulkq.query import inline

if TYPE_CHECKING:
    from pathlib import Path


def test_columns_without_a_row(tmp_path: Path) -> None:
    """The names of the query, of one with a LIMIT as SQLite makes them unique, and none of one that cannot be compiled."""
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as made:
        made.execute("create table t(a, b)")
    made.close()
    db = Handle(path, read_only=True)
    db.open()
    found = {
        sql: [
            column.name for column in ask_for_columns(db, SqliteBinding(inline(sql, "sqlite"), {}, typed=True, most=9))
        ]
        for sql in ("select *, a from t where a = :v", "select *, a from t limit :v", "select c from t where a = :v")
    }
    assert list(found.values()) == [["a", "b", "a"], ["a", "b", "a:1"], []]
    db.raw.close()
