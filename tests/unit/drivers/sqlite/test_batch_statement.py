"""Statements for several parameter sets, and the reply that is made of their rows."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from bulkq.dialects.sqlite_batch_statement import COPIES
from bulkq.drivers.sqlite.batch_statement import REFUSED, SharedStatement, execute, share
from bulkq.drivers.sqlite.bind_parameters import SqliteBinding
from bulkq.drivers.sqlite.transaction import Handle
from bulkq.model import Column, Query
from bulkq.query import inline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = (Column("a"), Column("b"))


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Handle]:
    """A file with a table."""
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as made:
        made.executescript("create table t(a int, b text); insert into t values (1, 'x'), (2, 'y'), (2, 'z')")
    made.close()
    handle = Handle(path, read_only=True)
    handle.open()
    yield handle
    handle.raw.close()


def shared(db: Handle, query: Query, columns: tuple[Column, ...] = COLUMNS) -> SharedStatement | str:
    """What stands for several sets of `query`, in a transaction."""

    def explain(text: str, count: int) -> list[tuple[object, ...]]:
        db.raw.text_factory = bytes
        try:
            return db.raw.execute(f"explain {text}", (None,) * count).fetchall()
        finally:
            db.raw.text_factory = str

    return share(db, query, columns, bound(query), explain)


def bound(query: Query) -> SqliteBinding:
    """The binding of `query`."""
    return SqliteBinding(query, {}, typed=True, most=999)


def test_rows_have_the_positions_of_their_sets(db: Handle) -> None:
    """Two statements, and the sets that are left over."""
    query = inline("select a, b from t where a = :v", "sqlite")
    statement = shared(db, query)
    assert isinstance(statement, SharedStatement)
    assert statement.schema == db.schema_version()
    sets = [(n % 3,) for n in range(2 * COPIES + 3)]
    answers: list[int] = []
    reply = execute(db, statement, COLUMNS, bound(query), sets, answers)
    expected = [(n, *row) for n, (v,) in enumerate(sets) for row in {1: [(1, "x")], 2: [(2, "y"), (2, "z")]}.get(v, [])]
    assert list(zip(reply.positions, *reply.values, strict=True)) == expected
    assert (len(answers), sum(answers)) == (5, len(expected))
    assert execute(db, statement, COLUMNS, bound(query), [(0,)] * COPIES, []).values == [[], []]


def test_why_there_is_none(db: Handle) -> None:
    """Each reason in one line."""
    query = inline("select a, b from t where a = :v", "sqlite")
    assert shared(db, query, ()) == "its columns are not known before it is executed"
    found = {
        sql: shared(db, inline(sql, "sqlite"))
        for sql in ("select a from t", "select distinct b from t where a = :v", "select a from t where a = :v limit 1")
    }
    assert list(found.values()) == ["it has no parameter", REFUSED, "its text is not a simple SELECT"]
    db.raw.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, COPIES - 1)
    assert shared(db, query) == f"this SQLite does not take {COPIES} copies of it in one statement"
