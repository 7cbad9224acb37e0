"""What databases write, made into JSON."""

from __future__ import annotations

import datetime as dt
import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.text.pg_text import (
    array_json,
    bool_json,
    certain,
    format_iso,
    format_real,
    moment_json,
    number_json,
    single,
    singles,
    string_json,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22 13:05:10.25", "2026-11-22T13:05:10.25"),
        ("2026-11-22 13:05:10+00", "2026-11-22T13:05:10+00:00"),
        ("2026-11-22 13:05:10-05:30", "2026-11-22T13:05:10-05:30"),
        ("0044-03-15 10:00:00+00 BC", "0044-03-15T10:00:00+00:00 BC"),
        ("0044-03-15 10:00:00 BC", "0044-03-15T10:00:00 BC"),
        ("0044-03-15 (BC) 10:00:00", "0044-03-15 (BC) 10:00:00"),
        ("-infinity", "-infinity"),
    ],
)
def test_moments(text: str, expected: str) -> None:
    """ISO 8601 as PostgreSQL's to_json writes it, where there is such a form."""
    assert format_iso(text) == expected


@pytest.mark.parametrize(
    ("literal", "element", "expected"),
    [
        ("{}", number_json, []),
        ("{1,NULL,-2.5e+20,NaN}", number_json, [1, None, -2.5e20, "NaN"]),
        ("[0:1][5:6]={{1,2},{3,4}}", number_json, [[1, 2], [3, 4]]),
        ('{"NULL",null,"a \\"b\\" \\\\ ,{}",""}', string_json, ["NULL", "null", 'a "b" \\ ,{}', ""]),
        ("{t,f}", bool_json, [True, False]),
        ('{"2026-01-01 10:00:00"}', moment_json, ["2026-01-01T10:00:00"]),
    ],
)
def test_arrays(literal: str, element: object, expected: object) -> None:
    """Bare and quoted elements, NULL and "NULL", dimensions and bounds."""
    assert json.loads(array_json(element)(literal)) == expected  # type: ignore[arg-type]


def test_arrays_of_boxes() -> None:
    """Their elements have commas, so something else stands between them."""
    assert array_json(string_json, ";")("{(3,4),(1,2);NULL}") == '["(3,4),(1,2)",null]'


@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_texts_come_through(items: list[str | None]) -> None:
    """Whatever text an element is, JSON has the same."""
    written = ["NULL" if item is None else '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items]
    assert json.loads(array_json(string_json)("{" + ",".join(written) + "}")) == items


@pytest.mark.parametrize(
    ("kind", "value", "sure"),
    [
        ("date", dt.date.max, False),
        ("date", dt.date(9999, 12, 30), True),
        ("timestamptz", dt.datetime.max.replace(tzinfo=dt.UTC), False),
        ("timestamp", dt.datetime(2026, 1, 1), True),  # noqa: DTZ001
        ("timestamp_ns", dt.datetime(2026, 1, 1), False),  # noqa: DTZ001
        ("interval", dt.timedelta(days=30), False),
        ("interval", dt.timedelta(days=-2, seconds=5), True),
        ("interval[]", [dt.timedelta(days=1), None, dt.timedelta(days=360)], False),
        ("struct", {"a": ("x", dt.date.min)}, False),
        ("struct", {"a": ("x", 7)}, True),
    ],
)
def test_values_that_may_have_been_others(kind: str, value: object, sure: bool) -> None:
    """Libraries give the ends of Python's calendar for infinity, and thirty days for a month."""
    if sure:
        assert certain(kind, value) is value
        return
    with pytest.raises(ValueError, match=f"of type {re.escape(kind)}: cast it to text in the query"):
        certain(kind, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (-1.5, "-1.5"),
        (0.0, "0"),
        (100000.0, "100000"),
        (1e6, "1e+06"),
        (-1.25e-7, "-1.25e-07"),
        (1e-45, "1e-45"),
        (3.4028234663852886e38, "3.4028235e+38"),
        (16777216.0, "1.6777216e+07"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_numbers_of_four_bytes(value: float, text: str) -> None:
    """The shortest text that is read as the same number, as PostgreSQL writes it."""
    assert format_real(value) == text


def test_a_number_that_no_short_text_gives_has_nine_digits() -> None:
    """Also where it lies half way between two others."""
    assert single(0.10000000149011612) == 0.1
    assert single(9007199791611904.0) == 9.00719979e15


def test_numbers_of_four_bytes_inside_of_values() -> None:
    """Lists, structs and maps; with doubles beside them, nobody can tell which is which."""
    assert singles("FLOAT[]", [0.10000000149011612, None]) == [0.1, None]
    assert singles("MAP(FLOAT, FLOAT)", {0.5: (0.10000000149011612,)}) == {0.5: (0.1,)}
    with pytest.raises(ValueError, match="mixes FLOAT and DOUBLE"):
        singles("STRUCT(a FLOAT, b DOUBLE)", {})
