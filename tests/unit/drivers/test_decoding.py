"""Values of statements that cannot be wrapped, and what goes into parameters."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest

from bulkq.drivers.asyncpg import decoding, statement
from bulkq.drivers.asyncpg.catalog import Type
from bulkq.drivers.lists import list_of_text
from bulkq.model import Decoding

UTC = dt.UTC


def one(value: object, how: Decoding, oid: int = 0, element: int = 0) -> object:
    """`value` of a column of that type, in that form."""
    convert = decoding.converters([Type(oid, "t", "pg_catalog.t", element, False)], how)[0]
    return value if convert is None else convert(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (b"\x00\xff", "\\x00ff"),
        (1.0, "1"),
        (1e300, "1e+300"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
        (Decimal("1E+3"), "1000"),
        (dt.datetime(2026, 11, 22, 13, 5, 10, tzinfo=UTC), "2026-11-22 13:05:10+00"),
        (dt.datetime(2026, 11, 22, 13, 5, 10, 250000, tzinfo=UTC).replace(tzinfo=None), "2026-11-22 13:05:10.250000"),
        (dt.date(2026, 11, 22), "2026-11-22"),
        (dt.time(13, 5, tzinfo=dt.timezone(dt.timedelta(hours=2))), "13:05:00+02"),
        (dt.timedelta(days=2, seconds=3661, microseconds=500000), "2 days 01:01:01.5"),
        (dt.timedelta(days=1), "1 day"),
        (dt.timedelta(0), "00:00:00"),
        ([1, None, [2]], "{1,NULL,{2}}"),
        (["a b", 'q"', "null", "", "plain"], '{"a b","q\\"","null","",plain}'),
        ((1, None, "a,b", True), '(1,,"a,b",t)'),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_text(value: object, text: str | None) -> None:
    """Very nearly what COPY writes."""
    assert one(value, Decoding.TEXT) == text


def test_json() -> None:
    """Times in ISO 8601, numerics as text, arrays as JSON, JSON on one line."""
    moment = dt.datetime(2026, 11, 22, 13, 5, 10, tzinfo=UTC)
    assert one(moment, Decoding.JSON, decoding.TIMESTAMPTZ) == "2026-11-22T13:05:10+00:00"
    assert one(Decimal("1.10"), Decoding.JSON, decoding.NUMERIC) == "1.10"
    assert one([1, Decimal("1.10"), dt.date(2026, 1, 2)], Decoding.JSON, 1, decoding.INT4) == '[1,"1.10","2026-01-02"]'
    assert one('{"a":\n1}', Decoding.JSON, decoding.JSON) == '{"a": 1}'
    assert one(None, Decoding.JSON, decoding.JSON) is None
    assert one(b"\x00", Decoding.JSON, decoding.BYTEA) == b"\x00"
    assert one(7, Decoding.JSON, decoding.INT8) == 7
    assert one(moment, Decoding.PYTHON, decoding.TIMESTAMPTZ) is moment


def test_lists_of_text() -> None:
    """A JSON array, as text or as a list, into text for the server; numbers as they are written."""
    given = '[1.10, "a", null, true, {"b": [1]}, 12345678901234567890]'
    expected = ["1.10", "a", None, "true", '{"b": ["1"]}', "12345678901234567890"]
    assert list_of_text(given)[:4] == expected[:4]
    assert list_of_text(given)[5] == expected[5]
    assert list_of_text([1, None, "x"]) == ["1", None, "x"]
    for bad in ("1", "{", '{"a": 1}', 5):
        with pytest.raises(ValueError, match="is not a JSON array"):
            list_of_text(bad)


def test_typed_values() -> None:
    """Objects for json, floats for numeric."""
    assert statement.json_text({"a": "é"}) == '{"a": "é"}'
    assert statement.json_text('{"a":1}') == '{"a":1}'
    assert statement.exact(1.1) == Decimal("1.1")
    assert statement.exact(3) == 3


def test_counts_of_command_tags() -> None:
    """Only tags of changes count."""
    found = [
        statement.affected(tag)
        for tag in ("INSERT 0 3", "UPDATE 2", "DELETE 0", "MERGE 1", "SELECT 5", "CREATE TABLE", "")
    ]
    assert found == [3, 2, 0, 1, 0, 0, 0]
