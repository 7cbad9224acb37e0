"""Values as text: PostgreSQL's forms and JSON's."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkq.errors import StoppedError, UsageError
from bulkq.model import Column
from bulkq.sinks.csv_tsv import Delimited, cell_text
from bulkq.sinks.json_rows import JsonArray, JsonLines
from bulkq.sinks.text_sink import check_same_columns
from bulkq.text.characters import escape_unprintable
from bulkq.text.json_text import json_column, json_object, json_text
from bulkq.text.pg_text import float_text, interval_text

INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (1e-5, "1e-05"),
        (1e14, "100000000000000"),
        (1e15, "1e+15"),
        (-1234567890123456.0, "-1.234567890123456e+15"),
        (1000000000000000.1, "1.0000000000000001e+15"),
        (3.0**39, "4.0525551530189763e+18"),
        (1e300, "1e+300"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_floats_are_written_as_postgresql_does(value: float, text: str) -> None:
    """The shortest text, exponents from 1e15 on, no `.0`."""
    assert float_text(value) == text


@given(st.floats())
def test_float_text_is_exact(value: float) -> None:
    """Reading the text gives the same double."""
    again = float(float_text(value))
    assert again == value or (math.isnan(again) and math.isnan(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(days=1, hours=2), "1 day 02:00:00"),
        (timedelta(days=2), "2 days"),
        (timedelta(0), "00:00:00"),
        (timedelta(hours=-4), "-04:00:00"),
        (-timedelta(days=1, hours=4), "-1 days -04:00:00"),
        (timedelta(microseconds=500000), "00:00:00.5"),
    ],
)
def test_intervals_are_written_as_postgresql_does(value: timedelta, text: str) -> None:
    """Days and a clock, each with its sign."""
    assert interval_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "t"),
        (False, "f"),
        (12, "12"),
        (Decimal("1E+3"), "1000"),
        (datetime(2026, 11, 22, 13, 5, 10, 100000, UTC), "2026-11-22 13:05:10.1+00"),
        (datetime(2026, 11, 22, 13, 5, 10, tzinfo=INDIA), "2026-11-22 13:05:10+05:30"),
        (datetime(2026, 11, 22, 13, 0), "2026-11-22 13:00:00"),  # noqa: DTZ001
        (date(2026, 11, 22), "2026-11-22"),
        (time(1, 2, 3, 4), "01:02:03.000004"),
        (b"\x00\xff", "\\x00ff"),
        (memoryview(b"a"), "\\x61"),
        ([1, None, "x"], '[1,null,"x"]'),
        ({"a": 1.5}, '{"a":1.5}'),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_csv_cells(value: object, text: str) -> None:
    """A Python value in CSV is what the server would have printed; lists and dicts are JSON."""
    assert cell_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (2**70, "1180591620717411303424"),
        (1.5, "1.5"),
        (math.nan, '"NaN"'),
        (-math.inf, '"-Infinity"'),
        (Decimal("1.50"), '"1.50"'),
        (datetime(2026, 11, 22, 13, 5, 10, 100000, UTC), '"2026-11-22T13:05:10.1+00:00"'),
        (date(2026, 11, 22), '"2026-11-22"'),
        (time(1, 2, 3), '"01:02:03"'),
        (timedelta(days=1, hours=2), '"1 day 02:00:00"'),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (b"\x00\xff", r'"\\x00ff"'),
        ({"a": [1, (2, None)], 3: {"b": math.inf}}, '{"a":[1,[2,null]],"3":{"b":"Infinity"}}'),
        ({7}, "[7]"),
        ('ü"\\\n', '"ü\\"\\\\\\n"'),
    ],
)
def test_json_values(value: object, text: str) -> None:
    """Integers are exact; what JSON has no form for is a string."""
    assert json_text(value) == text
    assert list(map(str, json_column([value]))) == [text]
    assert list(map(str, json_column([value, None]))) == [text, "null"]
    assert list(map(str, json_column([value, "x", None]))) == [text, '"x"', "null"]


def test_raw_json_is_embedded_on_one_line() -> None:
    """JSON text of the server stays as it is but for line breaks."""
    column = ['{"a": 1}', "[1,\n2]", "[1,\r\n2]", None]
    assert json_column(column, raw=True) == ['{"a": 1}', "[1, 2]", "[1,  2]", "null"]
    assert json_column([1, "[2]"], raw=True) == ["1", "[2]"]


def test_an_object_keeps_its_order() -> None:
    """Keys stand as they were given."""
    assert json_object({"b": 1, "a": None}) == '{"b":1,"a":null}'


def test_surrogates_become_escapes() -> None:
    """Text that cannot be UTF-8 is still valid JSON, and visible in CSV."""
    columns = (Column("a"),)
    line = JsonLines().encode(columns, [["\ud800"]], 1)
    assert json.loads(line) == {"a": "\ud800"}
    assert Delimited(",").encode(columns, [["\ud800"]], 1) == b"\\ud800\n"


def test_names_with_percent_signs() -> None:
    """A column name is never taken for a format."""
    columns = (Column("100 %s"), Column('a"b'))
    assert JsonLines().encode(columns, [[1], [2]], 1) == b'{"100 %s":1,"a\\"b":2}\n'
    assert JsonArray().encode(columns, [[1], [2]], 1) == b'{"100 %s":1,"a\\"b":2}'


@settings(max_examples=30)
@given(st.lists(st.tuples(st.none() | st.text(), st.none() | st.integers() | st.booleans() | st.text()), min_size=1))
def test_json_lines_round_trip(rows: list[tuple[object, object]]) -> None:
    """What json.loads reads is what was written."""
    columns = (Column("a"), Column("b"))
    data = JsonLines().encode(columns, list(zip(*rows, strict=True)), len(rows)).decode()
    assert [tuple(json.loads(line).values()) for line in data.split("\n")[:-1]] == rows
    array = JsonArray().head(columns) + JsonArray().encode(columns, list(zip(*rows, strict=True)), len(rows))
    whole = array + JsonArray().tail(columns, empty=False)
    assert [tuple(row.values()) for row in json.loads(whole)] == rows


def test_csv_columns_with_holes() -> None:
    """NULL is empty, an empty string is quoted, and only cells that need it are."""
    columns = tuple(map(Column, "abcde"))
    values = [[1, None, 3], ["", None, "x,y"], [True, None, "\\."], [None, None, None], ["plain", 2.5, Decimal(1)]]
    data = Delimited(",").encode(columns, values, 3)
    assert data == b'1,"",t,,plain\n,,,,2.5\n3,"x,y",\\.,,1\n'


def test_csv_columns_of_several_types() -> None:
    """SQLite's columns hold what they were given."""
    values = [[1, 2.0, "x", b"\x01", None]]
    assert Delimited(",").encode((Column("a"),), values, 5) == b"1\n2\nx\n\\x01\n\n"


@settings(max_examples=30)
@given(st.lists(st.tuples(st.text(), st.text()), min_size=1))
def test_csv_round_trip(rows: list[tuple[str, str]]) -> None:
    """What csv.reader reads is what was written."""
    columns = (Column("a"), Column("b"))
    data = Delimited(",").encode(columns, list(zip(*rows, strict=True)), len(rows)).decode()
    assert [tuple(row) for row in csv.reader(io.StringIO(data, newline=""))] == rows


def test_printable_escapes_what_a_terminal_obeys() -> None:
    """Control characters and direction overrides are shown, not sent."""
    assert escape_unprintable("plain ü") == "plain ü"
    assert escape_unprintable("a\x1b[31m\n\u202e\x9b") == "a\\x1b[31m\\n\\u202e\\x9b"


def test_a_run_whose_columns_have_changed_is_not_resumed() -> None:
    """A result that came late advises a new run."""
    with pytest.raises(StoppedError, match="start a new run") as late:
        check_same_columns("q", (Column("a"),), "a later result", (Column("b"),), StoppedError)
    assert late.value.final
    with pytest.raises(UsageError, match="cannot hold both; put {query}"):
        check_same_columns("q", (Column("a"),), "r", (Column("b"),), UsageError)
