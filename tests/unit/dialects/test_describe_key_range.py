"""The condition of a range for people."""

from __future__ import annotations

import pytest

from bulkq.dialects import POSTGRESQL, SQLITE, Dialect
from bulkq.dialects.describe_key_range import range_text
from bulkq.model.key_range import KeyColumn, KeyRange, TableKey

PAIR = TableKey("t", (KeyColumn("a", "integer"), KeyColumn("b", "text")))


@pytest.mark.parametrize(
    ("wanted", "dialect", "text"),
    [
        (KeyRange((), ("9",)), POSTGRESQL, '"a" <= 9'),
        (KeyRange(("3",), ("9",)), POSTGRESQL, '"a" > 3 AND "a" <= 9'),
        (KeyRange(("3", "it's"), ("3", "x")), POSTGRESQL, "\"a\" = 3 AND \"b\" > 'it''s' AND \"b\" <= 'x'"),
        (KeyRange(("3", "x"), ("3",)), POSTGRESQL, '"a" = 3 AND "b" > \'x\''),
        (KeyRange(("3", "\\"), ("3",)), POSTGRESQL, '"a" = 3 AND "b" > E\'\\\\\''),
        (KeyRange(("i:3", "t:it's"), ("i:3", "b:0AFF")), SQLITE, "`a` = 3 AND `b` > 'it''s' AND `b` <= X'0AFF'"),
        (KeyRange(("r:0.5",), ("i:7",)), SQLITE, "`a` > 0.5 AND `a` <= 7"),
    ],
)
def test_conditions_can_be_typed(wanted: KeyRange, dialect: Dialect, text: str) -> None:
    """Numbers are bare, all else is a literal of the database."""
    assert range_text(PAIR, wanted, dialect) == text
