"""Keys of values: equal wherever the database finds the values equal."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.dialects import parameter_equality as eq
from bulkq.dialects.parameter_equality import ANY

if TYPE_CHECKING:
    from bulkq.dialects.parameter_equality import Keys

EQUAL: list[tuple[Keys, list[object]]] = [
    (eq.integers, ["1", "01", " +1\t", 1, "0x1", True]),
    (eq.whole, ["1", "01", " 1 ", 1]),
    (eq.rounded, ["9007199254740992", "9007199254740993"]),
    (eq.numbers, ["1.10", "1.1", "+01.1", "11e-1", 1.1, Decimal("1.100")]),
    (eq.numbers, ["31", "0x1f", 31, "3.1E1"]),
    (eq.doubles, ["1.5", "15e-1", 1.5, Decimal("1.5")]),
    (eq.doubles, ["-0", "0", ".0", 0]),
    (eq.padded, ["a", "a  "]),
    (eq.folded, ["Ab-1", "aB-1 ", "AB-1"]),
    (
        eq.uuids,
        [
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "{A0EEBC99-9C0B4EF8-BB6D6BB9-BD380A11}",
            UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ],
    ),
    (eq.booleans, ["t", " TRUE", "yes", "on", "1", True]),
    (eq.booleans, ["f", "no", "off", "0", False]),
    (eq.dates, ["2024-02-29", date(2024, 2, 29)]),
    (eq.moments, ["2024-01-01 10:00:00", "2024-01-01T10:00:00.000", datetime(2024, 1, 1, 10)]),  # noqa: DTZ001
    (eq.instants, ["2024-01-01 10:00:00+00", "2024-01-01T12:00:00.0+02:00", datetime(2024, 1, 1, 10, tzinfo=UTC)]),
    (eq.instants, ["2024-01-01 10:00:00Z", "2024-01-01 04:30:00-0530"]),
    (eq.binaries, ["\\xDEad", "\\xde ad", b"\xde\xad"]),
]


@pytest.mark.parametrize(("keys", "values"), EQUAL)
def test_equal_values_have_one_key(keys: Keys, values: list[object]) -> None:
    """All spellings of a value give one key, none of them `ANY`."""
    found = keys(values)
    assert len(set(found)) == 1
    assert ANY not in found


UNCERTAIN: list[tuple[Keys, list[object]]] = [
    (eq.integers, ["x", "", "1.0", 1.5j]),
    (eq.whole, ["1.0", "1e0", "1_0", "١", 1.0, "9" * 5_000]),
    (eq.rounded, ["1.0"]),
    (eq.numbers, ["NaN", "Infinity", "x", Decimal("NaN"), [1], float("nan")]),
    (eq.doubles, ["nan", "0x1p3", "x", float("nan"), b"1"]),
    (eq.texts, [1, b"a"]),
    (eq.padded, [1]),
    (eq.folded, ["é", "a\tb", 1]),
    (eq.booleans, [1]),
    (eq.dates, ["today", "2024-1-1", "2023-02-29", datetime(2024, 1, 1), 5]),  # noqa: DTZ001
    (eq.moments, ["2024-01-01", "2024-01-01 25:00:00", datetime(2024, 1, 1, tzinfo=UTC), 5]),
    (eq.instants, ["2024-01-01 10:00:00", "2024-13-01 10:00:00Z", datetime(2024, 1, 1), 5]),  # noqa: DTZ001
    (eq.binaries, ["\\000", "\\x1", 5]),
    (eq.anything, ["a"]),
]


@pytest.mark.parametrize(("keys", "values"), UNCERTAIN)
def test_a_value_that_is_not_understood_may_equal_any(keys: Keys, values: list[object]) -> None:
    """Each value by itself."""
    assert [keys([value])[0] for value in values] == [ANY] * len(values)


def test_null_is_no_value() -> None:
    """NULL keeps its place, in a column of numbers too."""
    assert [keys([None, "1"])[0] for keys in (eq.integers, eq.texts, eq.anything, eq.uuids)] == [None] * 4


def test_texts_are_as_they_are() -> None:
    """A column of text costs nothing, and differs where a character does."""
    values = ["a", "A", "a "]
    assert eq.texts(values) is values
    assert len(set(eq.texts(values))) == 3


def test_what_an_assignment_may_cut() -> None:
    """A text longer than its column may equal any other."""
    assert eq.bounded(eq.padded, 2)(["ab", "abc", None]) == ["ab", ANY, None]


@given(st.integers(-(10**25), 10**25), st.integers(0, 3), st.sampled_from(["", " ", "\n"]))
def test_spellings_of_an_integer(number: int, zeros: int, blank: str) -> None:
    """Leading zeros, a plus and blanks do not matter; another number has another key."""
    sign = "-" if number < 0 else "+"
    text = f"{blank}{sign}{'0' * zeros}{abs(number)}{blank}"
    for keys in (eq.integers, eq.whole, eq.numbers):
        one, two, three = keys([text, str(number), str(number + 1)])
        assert one == two != three


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(0, 5))
def test_spellings_of_a_number(number: Decimal, zeros: int) -> None:
    """Trailing zeros do not matter."""
    one, two = eq.numbers([f"{number:f}", f"{number:f}{'0' * zeros}"])
    assert one == two
    assert hash(one) == hash(two)
