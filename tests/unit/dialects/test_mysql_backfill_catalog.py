"""What MySQL's and MariaDB's catalog says about tables that are to be changed in ranges of their key."""

from __future__ import annotations

import pytest

from bulkq.dialects import MYSQL
from bulkq.dialects.backfill_catalog import KeyCandidate, TableDescription
from bulkq.model.key_range import KeyColumn

Row = tuple[object, ...]

OBJECT: Row = ("`d`.`t`", b"BASE TABLE", "InnoDB", "YES", 7, 16384, 0, 0)
ID: Row = ("Id", "bigint", "bigint(20) unsigned", 0, "", "", "NO", "auto_increment")
NAME: Row = ("name", "varchar", "varchar(20)", 20, "utf8mb4", "utf8mb4_bin", "NO", "")
PRIMARY: Row = ("PRIMARY", "id", "A", 0, "BTREE")


def table(
    *columns: Row,
    indexes: tuple[Row, ...] = (),
    around: tuple[Row, ...] = (),
    this: Row = OBJECT,
    clock: tuple[Row, ...] = (),
) -> TableDescription:
    """What is read of these answers."""
    assert MYSQL.tables is not None
    return MYSQL.tables.read([[this], columns or (ID, NAME), indexes, around, clock])


def test_a_table() -> None:
    """Text may come as bytes, and names in another case."""
    key = KeyCandidate("PRIMARY", (KeyColumn("Id", "bigint unsigned"),), primary=True, width=8)
    assert table(indexes=(PRIMARY,)) == TableDescription(
        "`d`.`t`", {"Id": "bigint unsigned", "name": "varchar"}, (key,), rows=7, size=16384
    )


def test_types() -> None:
    """Without a length; a collation begins with its character set."""
    text: Row = ("a", "varchar", "varchar(200)", 200, "utf8mb4", "uca1400_ai_ci", "NO", "")
    enum: Row = ("b", "enum", "enum('unsigned')", 8, "latin1", "latin1_swedish_ci", "NO", "")
    blob: Row = ("c", "varbinary", "varbinary(5)", 5, None, None, "NO", "")
    number: Row = ("d", "decimal", "decimal(40,1) unsigned", 0, None, None, "NO", "")
    rows = tuple(("i", name, "A", 0, "BTREE") for name in "abcd")
    (found,) = table(text, enum, blob, number, indexes=rows).candidates
    assert found.width == 64 + 8 + 5 + 16
    assert found.columns == (
        KeyColumn("a", "varchar", "utf8mb4_uca1400_ai_ci"),
        KeyColumn("b", "enum", "latin1_swedish_ci"),
        KeyColumn("c", "varbinary"),
        KeyColumn("d", "decimal(40,1) unsigned"),
    )


@pytest.mark.parametrize(
    ("column", "index", "fault"),
    [
        (ID, ("i", None, "A", 0, "BTREE"), "it has an expression"),
        (ID, ("i", "id", "A", 0, "HASH"), "its type HASH has no order"),
        (ID, ("i", "id", "A", 10, "BTREE"), 'it holds only the first 10 characters of its column "Id"'),
        ((*ID[:6], "YES", ""), PRIMARY, 'its column "Id" may be NULL'),
        ((*ID[:7], "STORED GENERATED"), PRIMARY, 'its column "Id" is computed, so an UPDATE may change it'),
        (ID, ("i", "id", "D", 0, "BTREE"), 'its column "Id" is in descending order'),
    ],
)
def test_an_index_that_is_no_key(column: Row, index: Row, fault: str) -> None:
    """The first fault is said."""
    assert [one.fault for one in table(column, indexes=(index,)).candidates] == [fault]


def test_a_timestamp_where_the_clock_is_set_back() -> None:
    """The server reads each time of the repeated hour as the later one, so bounds in it would leave rows out."""
    column: Row = ("ts", "timestamp", "timestamp(6)", 0, None, None, "NO", "")
    index: Row = ("PRIMARY", "ts", "A", 0, "BTREE")
    (fixed,) = table(column, indexes=(index,)).candidates
    assert not fixed.fault
    (moved,) = table(column, indexes=(index,), clock=(("CET",),)).candidates
    assert 'cannot be named in its column "ts", as the session has the time zone CET: connect with' in moved.fault


@pytest.mark.parametrize(
    ("kind", "system", "wrong"),
    [
        ("BASE TABLE", 1, "a table of the server itself"),
        ("SYSTEM VIEW", 0, "a view"),
        ("SEQUENCE", 0, "a sequence"),
        ("TEMPORARY", 0, "a temporary table"),
        ("SYSTEM VERSIONED", 0, ""),
    ],
)
def test_what_is_not_a_table_of_the_user(kind: str, system: int, wrong: str) -> None:
    """It is named for what it is."""
    found = table(this=(OBJECT[0], kind, *OBJECT[2:6], system, 0)).wrong
    assert found.startswith(wrong)
    assert bool(found) == bool(wrong)


def test_an_engine_without_transactions() -> None:
    """Numbers may be missing."""
    found = table(this=("`d`.`t`", "BASE TABLE", "MyISAM", "NO", None, None, 0, 0))
    assert (found.rows, found.size) == (None, None)
    assert found.refusal.startswith("its engine MyISAM has no transactions")


def test_what_is_around_a_table() -> None:
    """A line each."""
    updated: Row = ("at", "timestamp", "timestamp", 0, "", "", "NO", "on update current_timestamp()")
    around: tuple[Row, ...] = (
        ("trigger", "g", "BEFORE", "UPDATE", ""),
        ("reference", "o", "fk", "CASCADE", "RESTRICT"),
        ("reference", "p", "fk", "NO ACTION", "SET NULL"),
    )
    this = (OBJECT[0], "SYSTEM VERSIONED", *OBJECT[2:7], 3)
    assert table(ID, updated, around=around, this=this).notices == (
        'trigger "g" is called BEFORE UPDATE for each row',
        'o refers to it by "fk" ON DELETE CASCADE',
        'p refers to it by "fk" ON UPDATE SET NULL',
        "divided into 3 partitions",
        "a system-versioned table: it keeps every row that is changed or deleted as history",
        "each UPDATE may also change at, which the server computes",
    )


def test_replicas() -> None:
    """Those that read the binary log, with or without a port."""
    assert MYSQL.tables is not None
    assert MYSQL.tables.read_servers([(b"10.0.0.2:51234",), ("localhost",)]) == (
        'replica at "10.0.0.2" reads the binary log',
        'replica at "localhost" reads the binary log',
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("id int", "id bigint", True),
        ("a smallint(6), b int(10) unsigned", "a int, b bigint unsigned", True),
        ("id int", "id int unsigned", False),
        ("id int", "id varchar utf8mb4_bin", False),
        ("point int", "point decimal(3,0)", False),
    ],
)
def test_types_of_one_order(one: str, other: str, same: bool) -> None:
    """A key may get a wider type while ranges of it are done."""
    catalog = MYSQL.tables
    assert catalog is not None
    assert (catalog.one_order(one) == catalog.one_order(other)) is same
