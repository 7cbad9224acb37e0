"""The grammar of `--select`."""

from __future__ import annotations

import math

import pytest

from bulkq.errors import UsageError
from bulkq.model.maintenance import MaintainedObject, ObjectFacts
from bulkq.policy.object_selection import columns_of, parse_selection, selects

GB = 1024**3

BIG = ObjectFacts(
    MaintainedObject("table", "public", "log_2026", "public.log_2026"),
    {
        "size": 2.0 * GB,
        "dead": 1000.0,
        "dead%": 20.0,
        "rows": 4000.0,
        "age": 160_000_000.0,
        "last_vacuum": math.inf,
        "last_analyze": 3600.0,
        "bloat": None,
        "bloat%": None,
    },
)


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("dead > 10% and size > 1GB", True),
        ("dead > 10 % and size > 1.5 gb", True),
        ("dead > 30% or size >= 2GB", True),
        ("dead > 30%", False),
        ("not dead > 30%", True),
        ("dead < 1_001 AND dead = 1k", True),
        ("age > 150M", True),
        ("last_vacuum > 7d", True),
        ("last_analyze > 2h or last_analyze < 30m", False),
        ("(dead > 30% or size > 1GB) and not (rows <= 10)", True),
        ("dead > 30% and (size > 1GB or rows > 1)", False),
        ("schema = 'public' and name = 'log_*'", True),
        ("name != 'log_*'", False),
        ("table <> 'it''s'", True),
        ("rows != 4000", False),
        ("rows <> .5", True),
    ],
)
def test_objects_are_selected(text: str, selected: bool) -> None:
    """By columns, with units, and, or, not and parentheses; and binds closer than or."""
    assert selects(parse_selection(text), BIG) is selected


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("bloat > 10%", False),
        ("not bloat > 10%", False),
        ("bloat > 1GB or size > 1GB", True),
        ("bloat > 1GB and size > 1GB", False),
        ("bloat > 1GB or size > 3GB", False),
        ("not (bloat > 1GB and size > 3GB)", True),
        ("mxid_age > 1", False),
    ],
)
def test_what_is_not_known_is_not_true(text: str, selected: bool) -> None:
    """As NULL in SQL: an object is selected only if the whole is true, whatever the number is."""
    assert selects(parse_selection(text), BIG) is selected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "a condition is missing"),
        ("deda > 10%", 1, 'unknown column "deda" (did you mean "dead"?)'),
        ("dead > 10% and", 15, "a condition is missing"),
        ("dead 10%", 6, "dead is compared by <, <=, >, >=, =, !=, <>: write dead = 1000 or 150M or 10%"),
        ("dead > many", 8, 'dead is compared with 1000 or 150M or 10%: "many" is not such a value'),
        ("dead > 1..2", 8, 'dead is compared with 1000 or 150M or 10%: "1..2" is not such a value'),
        ("dead > 1GB", 8, 'dead is compared with 1000 or 150M or 10%, not with unit "GB"'),
        ("size > 5", 8, "size is compared with 1GB, not with a value without a unit"),
        ("(dead > 1 or (rows > 2)", 24, "the parenthesis of column 1 is not closed: add )"),
        ("(dead > 1) rows > 2", 12, '"rows" is not expected: write "and" or "or" between conditions'),
        ("dead > 1; drop", 9, '";" is not expected'),
        ("name > 'a'", 6, "name is compared by =, !=, <>: write name = 'log_*'"),
        ("name = a", 8, "name is compared with a pattern in quotes: write name = 'log_*'"),
    ],
)
def test_a_mistake_is_named_with_its_column(text: str, column: int, message: str) -> None:
    """One line, with what may stand there."""
    with pytest.raises(UsageError) as raised:
        parse_selection(text)
    assert f"column {column}: " in str(raised.value)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_columns_of_an_expression() -> None:
    """An estimate of bloat is made only if the expression has it."""
    assert columns_of(parse_selection("not (dead > 1 or size > 1GB) and bloat > 5%")) == {"dead", "size", "bloat"}
