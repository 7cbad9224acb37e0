"""The key of a table is its primary key, else its narrowest unique index."""

from __future__ import annotations

import pytest

from bulkq.dialects.backfill_catalog import KeyCandidate, TableDescription
from bulkq.errors import RefusedError, UsageError
from bulkq.model.key_range import KeyColumn, TableKey
from bulkq.policy.key_choice import choose_key, key_of


def candidate(index: str, *names: str, primary: bool = False, width: int = 4, fault: str = "") -> KeyCandidate:
    """An index over integer columns."""
    columns = tuple(KeyColumn(name, "integer") for name in names)
    return KeyCandidate(index, columns, primary=primary, width=width, fault=fault)


def table(*candidates: KeyCandidate, columns: str = "abcd") -> TableDescription:
    """A table with these indexes and columns of one letter."""
    return TableDescription("s.t", dict.fromkeys(columns, "integer"), candidates)


PRIMARY = candidate("t_pkey", "a", "b", primary=True, width=12)
NARROW = candidate("narrow", "c", width=2)
FAULTY = candidate("faulty", "d", width=1, fault="it is partial")
BROKEN = candidate("broken", "a", primary=True, fault="it is not valid")
EXPRESSION = candidate("", "", "a", fault="it has an expression")
WIDE = candidate("wide", *"abcdefghi")


@pytest.mark.parametrize(
    ("candidates", "names", "chosen"),
    [
        ([NARROW, PRIMARY], (), PRIMARY),
        ([candidate("other", "a"), NARROW, FAULTY], (), NARROW),
        ([BROKEN, candidate("z", "b"), candidate("y", "b"), candidate("x", "b", "c")], (), candidate("y", "b")),
        ([NARROW, PRIMARY], ("b", "a"), PRIMARY),
        ([NARROW, PRIMARY], ("C",), NARROW),
    ],
)
def test_the_choice(candidates: list[KeyCandidate], names: tuple[str, ...], chosen: KeyCandidate) -> None:
    """The primary one first, then by width, number of columns and name; the columns of another in any order and case."""
    assert choose_key(table(*candidates), names) == chosen


@pytest.mark.parametrize(
    ("candidates", "names", "message"),
    [
        (
            [],
            (),
            "s.t has no unique index by which it can be cut into ranges: add a primary key, or a unique index on NOT NULL columns",
        ),
        (
            [BROKEN, FAULTY],
            (),
            (
                's.t has no unique index by which it can be cut into ranges: "broken" (a): it is not valid; "faulty" (d): it is partial: '
                "add a primary key, or a unique index on NOT NULL columns"
            ),
        ),
        (
            [FAULTY, PRIMARY, NARROW],
            ("d",),
            's.t has no unique index on (d) by which it can be cut into ranges: "faulty" (d): it is partial: its keys are (a, b), (c)',
        ),
        ([PRIMARY], ("a",), "s.t has no unique index on (a) by which it can be cut into ranges: its keys are (a, b)"),
        (
            [EXPRESSION],
            (),
            (
                "s.t has no unique index by which it can be cut into ranges: (an expression, a): it has an expression: add a primary key, "
                "or a unique index on NOT NULL columns"
            ),
        ),
    ],
)
def test_no_key(candidates: list[KeyCandidate], names: tuple[str, ...], message: str) -> None:
    """The message lists the unique indexes with their faults."""
    with pytest.raises(RefusedError) as caught:
        choose_key(table(*candidates), names)
    assert str(caught.value) == message


def test_a_key_of_many_columns() -> None:
    """The table of ranges has room for eight."""
    with pytest.raises(RefusedError, match="it has 9 columns, and a key can have 8"):
        choose_key(table(WIDE))


def test_a_key_that_is_only_for_those_who_name_it() -> None:
    """It is offered where there is no other."""
    spare = KeyCandidate("", (KeyColumn("rowid", "INTEGER"),), spare=True)
    with pytest.raises(RefusedError, match=r'"faulty" \(d\): it is partial: its keys are \(rowid\)$'):
        choose_key(table(FAULTY, spare))
    assert choose_key(table(FAULTY, spare), ("rowid",)) == spare


def test_many_indexes() -> None:
    """The message stays one readable line."""
    with pytest.raises(RefusedError, match=r'"i3" \(a\): f; and 2 more: add'):
        choose_key(table(*(candidate(f"i{n}", "a", fault="f") for n in range(6))))


def test_a_column_that_does_not_exist() -> None:
    """A mistake of the user; case decides only between columns that differ by it alone. A key may have a column that is not listed."""
    with pytest.raises(UsageError, match=r's\.t has no column "x" \(there are: a, b, c, d\): correct the key'):
        choose_key(table(PRIMARY), ("x",))
    with pytest.raises(UsageError, match='no column "NAME"'):
        choose_key(TableDescription("t", {"name": "", "Name": ""}), ("NAME",))
    hidden = candidate("", "rowid")
    assert choose_key(table(hidden), ("rowid",)) == hidden


def test_the_key_of_a_table() -> None:
    """It has the name of the table and of the index."""
    assert key_of(table(PRIMARY), PRIMARY) == TableKey("s.t", PRIMARY.columns, "t_pkey")
