"""Images in SQLite, executed."""

from __future__ import annotations

import sqlite3

import pytest

from bulkq.dialects.sqlite_row_images import IMAGES, identifier
from bulkq.model.key_range import KeyColumn, TableKey
from bulkq.model.row_images import CapturedChange, CapturedTable, ImageStatements

KEY = TableKey("t", (KeyColumn("id", "INTEGER"),))
ALL = {"bulkq_lo": 0, "bulkq_hi": 9, "bulkq_first": "1"}


def execute(connection: sqlite3.Connection, statements: ImageStatements, images: CapturedTable) -> int:
    """Execute what one range does; the number of rows that it changed."""
    del images
    for text in statements.before:
        connection.execute(text, ALL)
    changed = connection.execute(statements.main, ALL).rowcount
    for text in statements.after:
        connection.execute(text, ALL)
    return changed


@pytest.fixture
def connection() -> sqlite3.Connection:
    """A table with values of every type."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.execute('create table t (id integer primary key, "a" text collate nocase, b)')
    made.executemany("insert into t values (?, ?, ?)", [(1, "x", 1), (2, None, 1.5), (3, "it's", b"\0\xff")])
    return made


def made_for(connection: sqlite3.Connection, *, deletes: bool = False) -> CapturedTable:
    """A run over the table, with its table of images."""
    columns = ("id", "a", "b") if deletes else ("a", "b")
    wanted = CapturedTable("i", "r1", 1, KEY, tuple(KeyColumn(name, "") for name in columns), deletes)
    for text in IMAGES.create("i", (), 1, len(columns)):
        connection.execute(text)
    return wanted


def test_changed_rows_come_back(connection: sqlite3.Connection) -> None:
    """Byte for byte, but for those that have other values by now, in another case too."""
    wanted = made_for(connection)
    before = connection.execute("select * from t").fetchall()
    change = CapturedChange("a = 'NEW', b = 2", "id > 0", "(id > :bulkq_lo AND id <= :bulkq_hi)", 0)
    assert execute(connection, IMAGES.capture(wanted, change), wanted) == 3
    connection.execute("update t set a = 'new' where id = 2")
    assert connection.execute(f"select {IMAGES.matching(wanted)} from i as bulkq_i").fetchall() == [(1,), (0,), (1,)]
    undo = IMAGES.undo(wanted, "bulkq_i.first = 1")
    assert execute(connection, undo, wanted) == 2
    assert connection.execute("select state from i order by place").fetchall() == [(1,), (2,), (1,)]
    assert execute(connection, undo, wanted) == 0
    connection.execute("update t set a = 'NEW' where id = 2")
    assert execute(connection, undo, wanted) == 1
    assert connection.execute("select * from t").fetchall() == before


def test_statements_of_users(connection: sqlite3.Connection) -> None:
    """Rows of the range that they leave as they are have no image."""
    wanted = made_for(connection)
    text = "update t set b = 2 where (id > :bulkq_lo AND id <= :bulkq_hi) and id = 2"
    change = CapturedChange("", "", "(id > :bulkq_lo AND id <= :bulkq_hi)", 0, text)
    assert execute(connection, IMAGES.capture(wanted, change), wanted) == 1
    assert connection.execute("select k1, o2, n2 from i").fetchall() == [(2, 1.5, 2)]


def test_deleted_rows_come_back(connection: sqlite3.Connection) -> None:
    """A row whose deletion a trigger prevented has no image; one that is there again is left alone."""
    wanted = made_for(connection, deletes=True)
    connection.execute("create trigger keep before delete on t when old.id = 3 begin select raise(ignore); end")
    before = connection.execute("select * from t").fetchall()
    change = CapturedChange("", "", "(id > :bulkq_lo AND id <= :bulkq_hi)", 0)
    assert execute(connection, IMAGES.capture(wanted, change), wanted) == 2
    connection.execute("insert into t values (1, 'other', null)")
    undo = IMAGES.undo(wanted, "bulkq_i.first = 1")
    assert execute(connection, undo, wanted) == 1
    assert connection.execute("select state from i order by place").fetchall() == [(2,), (1,)]
    assert connection.execute(
        f"select {', '.join(IMAGES.keys(wanted))} from i as bulkq_i where state = 2"
    ).fetchall() == [("1",)]
    connection.execute("delete from t where id = 1")
    assert execute(connection, undo, wanted) == 1
    assert connection.execute("select * from t").fetchall() == before


def test_columns_are_added_when_more_are_kept() -> None:
    """Those that are there stay."""
    assert IMAGES.create("i", ["k1", "o1", "n1"], 1, 2)[1:] == (
        "ALTER TABLE i ADD COLUMN o2",
        "ALTER TABLE i ADD COLUMN n2",
    )


def test_facts(connection: sqlite3.Connection) -> None:
    """Generated columns are not kept, and references with an action are named, while they are enforced."""
    connection.execute("create table g (a integer primary key, c as (a + 1))")
    connection.execute("create table r (x references g on delete cascade on update set null, y references g(a))")
    question = IMAGES.facts.format(bare="'g'")
    assert IMAGES.read_facts(connection.execute(question).fetchall()).deletions == ()
    connection.execute("pragma foreign_keys = on")
    facts = IMAGES.read_facts(connection.execute(question).fetchall())
    assert (facts.stored, facts.deletions, facts.updates, facts.wrong) == (("a",), ("r.x",), (("a", "r.x"),), "")
    assert identifier('a"b') == '"a""b"'
