"""What happens to a table in a SQLite file, as its schema tells it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from bulkq.dialects.sqlite_table_traces import TRACES, read_traces, suspicions
from bulkq.model.key_range import KeyColumn, TableKey

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = TableKey("`t`", (KeyColumn("id", "INTEGER"),))

ROWID = TableKey("`t`", (KeyColumn("rowid", "INTEGER", rowid=True),))

COPY = (
    "create table n (id integer primary key, w)",
    "insert into n (id) select id from t",
    "drop table t",
    "alter table n rename to t",
)


@pytest.fixture
def file() -> Iterator[sqlite3.Connection]:
    """A table between two others."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in ("create table a (x unique)", "create table t (id integer primary key)", "create table z (x)"):
        connection.execute(statement)
    yield connection
    connection.close()


def traces(file: sqlite3.Connection) -> dict[str, str]:
    """The traces of `t`."""
    return read_traces(file.execute(TRACES.format(table="'T'")).fetchall())


@pytest.mark.parametrize(
    ("statements", "told", "by_rowid"),
    [
        ((), "", ""),
        (("vacuum",), "", "VACUUM or a copy"),
        (("create index i on t (id)", "alter table t add w", "create table n (x unique)"), "", ""),
        (("create table n (x)", "vacuum"), "", "VACUUM or a copy"),
        (("drop table a", "vacuum"), "", "VACUUM or a copy"),
        (("drop table a", "vacuum", "create table n (x)", "drop table z"), "", "VACUUM or a copy"),
        (("alter table z rename to y",), "", ""),
        (COPY, "it was dropped and made anew", "VACUUM or a copy"),
        ((*COPY, "vacuum"), "it was dropped and made anew", "VACUUM or a copy"),
        (("drop table z", *COPY), "it was dropped and made anew", "VACUUM or a copy"),
        (
            ("create table n (id integer primary key)", "alter table t rename to o", "alter table n rename to t"),
            "it was renamed to o, and another table has its name now",
            "it was renamed to o",
        ),
    ],
)
def test_events(file: sqlite3.Connection, statements: tuple[str, ...], told: str, by_rowid: str) -> None:
    """VACUUM and changes in place leave the keys of rows as they are, but not their numbers."""
    then = traces(file)
    for statement in statements:
        file.execute(statement)
    for key, text in ((KEY, told), (ROWID, by_rowid)):
        found = [one.told for one in suspicions(then, traces(file), key)]
        assert (len(found), all(one.startswith(text) for one in found)) == (1 if text else 0, True), found


@pytest.mark.parametrize(
    ("statements", "told"),
    [(("drop table z",), ""), (("drop index i", "drop index j"), ""), (("drop table z", "vacuum"), "VACUUM or a copy")],
)
def test_rowids_where_a_table_takes_its_indexes_along(
    file: sqlite3.Connection, statements: tuple[str, ...], told: str
) -> None:
    """DROP TABLE is one change of the schema, whatever indexes the table had."""
    file.execute("create index i on z (x)")
    file.execute("create index j on z (x)")
    then = traces(file)
    for statement in statements:
        file.execute(statement)
    found = [one.told for one in suspicions(then, traces(file), ROWID)]
    assert (len(found), all(one.startswith(told) for one in found)) == (1 if told else 0, True), found


def test_a_table_that_is_gone(file: sqlite3.Connection) -> None:
    """Others say that; nor is there anything to compare with the record of an older version."""
    then = traces(file)
    file.execute("drop table t")
    assert list(suspicions(then, traces(file), KEY)) == []
    assert list(suspicions({}, then, KEY)) == []
