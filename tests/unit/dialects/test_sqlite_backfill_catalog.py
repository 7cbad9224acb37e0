"""What SQLite's schema says about tables that are to be changed in ranges of their key."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from bulkq.dialects import SQLITE
from bulkq.dialects.sqlite_backfill_catalog import read_rows
from bulkq.model.key_range import KeyColumn

if TYPE_CHECKING:
    from bulkq.dialects.backfill_catalog import KeyCandidate, TableDescription

RENUMBERED = ("VACUUM may give its rows other rowids: run none until the backfill has ended",)


def table(script: str, name: str = "t") -> TableDescription:
    """What is read about the table `name` in a database that `script` has made."""
    assert SQLITE.tables is not None
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(script)
        answers = [
            connection.execute(query.format(**SQLITE.name_values([name]))).fetchall() for query in SQLITE.tables.queries
        ]
    return SQLITE.tables.read(answers)


def keys(found: TableDescription) -> list[tuple[tuple[str, ...], str]]:
    """The columns and the fault of each candidate."""
    return [(one.names, one.fault) for one in found.candidates]


def only(script: str) -> KeyCandidate:
    """The only candidate."""
    (found,) = table(script).candidates
    return found


def test_the_rowid_by_its_own_name() -> None:
    """An INTEGER PRIMARY KEY is never NULL and comes first."""
    found = table("create table t (id integer primary key, x int not null unique, y text collate nocase)")
    assert found.columns == {"id": "INTEGER", "x": "INT", "y": "TEXT"}
    assert keys(found) == [(("id",), ""), (("x",), "")]
    assert found.candidates[0].primary
    assert found.candidates[0].columns == (KeyColumn("id", "INTEGER"),)
    both = table("create table t (id integer primary key, x int not null); create unique index i on t (x, id)")
    assert keys(both)[1] == (("x", "id"), "")


@pytest.mark.parametrize(
    ("script", "names", "fault"),
    [
        ("create table t (id text primary key)", ("id",), 'its column "id" may be NULL'),
        ("create table t (id integer primary key desc)", ("id",), 'its column "id" may be NULL'),
        ("create table t (id int not null primary key) strict", ("id",), ""),
        ("create table t (a int, b int, primary key (b, a)) without rowid", ("b", "a"), ""),
        ("create table t (a int, primary key (a desc)) without rowid", ("a",), 'its column "a" is in descending order'),
        ("create table t (a int not null); create unique index i on t (a) where a > 1", ("a",), "it is partial"),
        ("create table t (a int not null); create unique index i on t (a, a + 1)", ("a", ""), "it has an expression"),
        (
            "create table t (a int not null, g not null as (a + 1) unique)",
            ("g",),
            'its column "g" is generated, so an UPDATE may change it',
        ),
    ],
)
def test_indexes(script: str, names: tuple[str, ...], fault: str) -> None:
    """NULLs, descending columns, conditions, expressions and generated columns make a key unusable."""
    assert keys(table(script))[0] == (names, fault)


def test_a_collation_that_is_not_known() -> None:
    """The program that made the table knows it; we do not."""
    row = ["i", "u", 0, 0, "a", 0, "local", 0, "3.40.1"]
    assert SQLITE.tables is not None
    found = SQLITE.tables.read(
        [[("t", "table", "create table t (a collate local)", "`t`")], [("a", "", 1, 0, 0)], [row], []]
    )
    assert found.candidates[0].fault == 'its column "a" has the collation "local", which is not known here'


@pytest.mark.parametrize(
    ("declared", "version", "usable"), [("", "3.40.1", False), ("blob", "3.41.0", True), ("int", "3.8.2", True)]
)
def test_a_column_that_may_hold_blobs(declared: str, version: str, usable: bool) -> None:
    """Since 3.41, SQLite makes a BLOB of its text."""
    row = ["i", "u", 0, 0, "a", 0, "BINARY", 1, version]
    assert SQLITE.tables is not None
    found = SQLITE.tables.read([[("t", "table", "", "`t`")], [("a", declared, 1, 0, 0)], [row], []])
    fault = f'its column "a" may hold BLOBs, which SQLite {version} does not read from text, as 3.41 does'
    assert found.candidates[0].fault == ("" if usable else fault)


def test_other_names_of_a_key() -> None:
    """By which an UPDATE may change it."""
    aliases = ("rowid", "_rowid_", "oid")
    assert only("create table t (id integer primary key)").columns[0].aliases == aliases
    both = table("create table t (id integer primary key, oid int not null); create unique index i on t (oid, id)")
    assert [one.aliases for one in both.candidates[1].columns] == [(), aliases[:2]]
    assert only("create table t (a)").columns[0].aliases == aliases[1:]
    assert table("create table t (rowid, _rowid_, oid)").candidates == ()


def test_collations() -> None:
    """That of the index counts. It is said unless there is only BINARY."""
    assert only("create table t (a text primary key) without rowid").columns == (KeyColumn("a", "TEXT"),)
    script = "create table t (a text collate nocase, b int, primary key (a, b)) without rowid"
    assert only(script).columns == (KeyColumn("a", "TEXT", "nocase"), KeyColumn("b", "INT", "BINARY"))
    assert only(script).width == 72


def test_a_column_of_any_type() -> None:
    """ANY of a strict table stores every value as it is, as a column without a type does."""
    assert only("create table t (a any primary key) strict, without rowid").columns == (KeyColumn("a", ""),)


@pytest.mark.parametrize(
    ("script", "names", "spare"),
    [
        ("create table t (a, b)", ("rowid",), False),
        ("create table t (a, RowId)", ("_rowid_",), False),
        ("create table t (a text primary key)", ("rowid",), True),
    ],
)
def test_the_number_of_a_row(script: str, names: tuple[str, ...], spare: bool) -> None:
    """It is the key of a table without a primary key, under a name that no column has; else only by name."""
    found = table(script).candidates[-1]
    assert (found.names, found.spare, found.notices) == (names, spare, RENUMBERED)


def test_a_table_whose_columns_have_the_names_of_the_rowid() -> None:
    """Its number cannot be said."""
    assert table("create table t (rowid, oid, _rowid_)").candidates == ()


@pytest.mark.parametrize(
    ("script", "name", "wrong"),
    [
        ("create table t (a)", "t", ""),
        ("create view t as select 1", "t", "a view: name the table under it"),
        ("create table u (a); create index t on u (a)", "t", "an index: name its table"),
        (
            "create table t (a primary key); analyze",
            "sqlite_stat1",
            "a table of the database itself, which must not be changed by hand",
        ),
    ],
)
def test_what_is_not_a_table_of_the_user(script: str, name: str, wrong: str) -> None:
    """It is named for what it is."""
    found = table(script, name)
    assert found.wrong.startswith(wrong)
    assert bool(found.wrong) == bool(wrong)


def test_a_virtual_table() -> None:
    """Its rows are not in the file."""
    assert SQLITE.tables is not None
    found = SQLITE.tables.read([[("t", "table", "CREATE VIRTUAL TABLE t USING x", "`t`")], [], [], []])
    assert found.wrong.startswith("a virtual table")


def test_a_name_is_quoted() -> None:
    """And found in any case."""
    assert table("create table `o``o'\"` (a)", "O`o'\"").name == "`o``o'\"`"


TRIGGERED = """
create table t (id integer primary key, x);
create trigger a before update of x on t begin select raise(ignore); end;
create trigger "b after delete" delete on t begin select 1; end;
create trigger main.[c] after insert on t begin select 1; end;
"""


def test_triggers() -> None:
    """With what they do and when; not those for INSERT."""
    assert table(TRIGGERED).notices == (
        'trigger "a" is called BEFORE UPDATE for each row: it may keep rows as they are without an error',
        'trigger "b after delete" is called BEFORE DELETE for each row',
    )


def test_a_trigger_that_is_not_understood() -> None:
    """It is said all the same."""
    assert SQLITE.tables is not None
    answer = [("t", "table", "create table t (a)", "`t`")]
    found = SQLITE.tables.read([answer, [], [], [("trigger", "a", "CREATE TRIGGER /* c */ a ...", "", 1)]])
    assert found.notices == ('trigger "a" is called BEFORE UPDATE for each row',)


REFERRED = """
pragma foreign_keys = {};
create table t (id integer primary key);
create table a (t_id references t (id) on delete cascade on update set null);
create table b (id integer primary key references T on delete no action);
create table c (t_id references t (id) on delete restrict unique);
"""


def test_foreign_keys() -> None:
    """Where they are obeyed, with what they do to the rows that refer to a changed one."""
    assert table(REFERRED.format("on")).notices == (
        (
            "a.t_id refers to it ON DELETE CASCADE ON UPDATE SET NULL; no index begins with it, so each DELETE, "
            "and each UPDATE of the columns it refers to, reads that whole table"
        ),
        "b.id refers to it",
        "c.t_id refers to it",
    )
    assert table(REFERRED.format("off")).notices == ()


def test_rows() -> None:
    """The first number of a statistic."""
    assert read_rows([("1000 1",)]) == 1000
    assert read_rows([]) is None
    assert read_rows([("",)]) is None
    assert read_rows([("x",)]) is None
