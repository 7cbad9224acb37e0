"""What MySQL's and MariaDB's catalog says of two moments of a table, and what may have happened between them."""

from __future__ import annotations

import pytest

from bulkq.dialects.mysql_table_traces import MOST_NAMES, kept, suspicions
from bulkq.model.key_range import KeyColumn, TableKey

KEY = TableKey("`d`.`t`", (KeyColumn("id", "int"),))

NUMBERED = {"innodb_sys_tables ": "25", "innodb_sys_tables #P#p1": "26", "created": "100"}

UNNUMBERED = {"created": "100", "table o": "90"}


def told(then: dict[str, str], **now: str) -> list[tuple[str, str]]:
    """Kind and text of each suspicion."""
    return [(one.kind, one.told.partition(":")[0]) for one in suspicions(then, {**then, **now}, KEY)]


def test_numbers() -> None:
    """Another number is suspicious if the former is that of another table now, which is a question to the database."""
    assert told(NUMBERED, created="200", **{"table n": "200"}) == []
    assert told(NUMBERED, **{"innodb_sys_tables ": "30"}) == [
        ("replaced", "it was exchanged for another table, which has its name now")
    ]
    assert told(NUMBERED, **{"innodb_sys_tables #P#p1": "30"}) == [
        ("came", 'partition "p1" was exchanged for another table since the run began')
    ]
    (event,) = suspicions(NUMBERED, {**NUMBERED, "innodb_sys_tables #P#p1": "30"}, KEY)
    assert (
        event.question
        == "SELECT '' FROM (SELECT n.name FROM information_schema.innodb_sys_tables AS n WHERE n.table_id = 26) AS e"
    )


def test_without_numbers() -> None:
    """A new table whose definition was written in the same second may be the table itself under another name."""
    assert told(UNNUMBERED, created="200") == []
    assert told(UNNUMBERED, created="200", **{"table o": "200"}) == []
    assert told(UNNUMBERED, **{"table n": "200"}) == []
    assert told(UNNUMBERED, created="200", **{"table n": "200"}) == [
        (
            "rewritten",
            'its definition and that of the new table "n" were written at one moment, perhaps by RENAME TABLE',
        )
    ]
    assert told({}, created="200", **{"table n": "200"}) == []


def test_what_is_recorded() -> None:
    """The names of the other tables, unless they are many."""
    assert kept(NUMBERED) == NUMBERED
    many = {**NUMBERED, **{f"table t{n}": "1" for n in range(MOST_NAMES)}}
    assert kept(many) == {"innodb_sys_tables ": "25", "innodb_sys_tables #P#p1": "26"}


def columns(*names: str) -> dict[str, str]:
    """The traces of columns in this order."""
    return {f"column {name}": str(at) for at, name in enumerate(names, 1)}


@pytest.mark.parametrize(
    ("now", "suspicious"),
    [
        (("id", "a", "b"), False),
        (("new", "id", "a", "b"), False),
        (("id", "b"), False),
        (("id", "b", "a"), False),
        (("a", "id", "b"), True),
        (("b", "a", "id"), True),
        (("old", "id", "b"), True),
        (("old", "a", "b"), False),
    ],
    ids=["same", "new", "dropped", "behind", "neighbour", "swapped", "renamed", "no key"],
)
def test_a_column_that_got_the_name_of_the_key(now: tuple[str, ...], suspicious: bool) -> None:
    """Its place shows it, where new and dropped columns do not explain it."""
    found = list(suspicions(columns("id", "a", "b"), columns(*now), KEY))
    assert [one.kind for one in found] == ["rewritten"] * suspicious
    assert not list(suspicions({}, columns(*now), KEY))


def test_the_places_of_columns_are_recorded() -> None:
    """However many tables the schema has."""
    many = {**columns("id"), **{f"table t{n}": "1" for n in range(MOST_NAMES)}}
    assert kept(many) == columns("id")
