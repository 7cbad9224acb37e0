"""What becomes of printed values, and what goes into parameters."""

from __future__ import annotations

from array import array
from datetime import timedelta
from decimal import Decimal

import pytest
from asyncpg import Range

from bulkq.drivers.asyncpg import pg_types, result_value_forms, statement
from bulkq.drivers.asyncpg.pg_types import PgType
from bulkq.model import Decoding
from bulkq.text.array_literals import array_text, list_of_text


def kind(oid: int, element: int = 0, *, delimiter: str = ",", own_text: bool = False) -> PgType:
    """A type of that oid."""
    return PgType(oid, "t", "pg_catalog.t", element, delimiter, own_text)


def one(text: str | None, oid: int, element: int = 0, delimiter: str = ",") -> object:
    """The JSON value of a printed text."""
    converters = result_value_forms.choose_converters(
        [kind(oid, element, delimiter=delimiter)], Decoding.JSON, wrapped=False
    )
    return result_value_forms.convert_columns([[text]], converters)[0][0]


def test_the_server_prints_what_no_sink_writes_by_itself() -> None:
    """Ints, bools and texts come as they are, to JSON floats and bytes as well, to Python everything."""
    oids = (pg_types.INT4, pg_types.TEXT, pg_types.FLOAT8, pg_types.BYTEA, pg_types.NUMERIC, 99_999)
    assert result_value_forms.find_printed_types(oids, Decoding.TEXT) == {
        pg_types.FLOAT8,
        pg_types.BYTEA,
        pg_types.NUMERIC,
        99_999,
    }
    assert result_value_forms.find_printed_types(oids, Decoding.JSON) == {pg_types.NUMERIC, 99_999}
    assert result_value_forms.find_printed_types(oids, Decoding.PYTHON) == frozenset()


def test_json_values_of_printed_texts() -> None:
    """Moments in ISO 8601, arrays as JSON; everything else is its text."""
    assert one("2026-11-22 13:05:10+00", pg_types.TIMESTAMPTZ) == "2026-11-22T13:05:10+00:00"
    assert one("infinity", pg_types.TIMESTAMP) == "infinity"
    assert one("1.1", pg_types.FLOAT4) == 1.1
    assert one("1.10", pg_types.NUMERIC) == "1.10"
    assert one("[1,5)", 3904) == "[1,5)"
    assert one("{1,NULL}", 1007, pg_types.INT4) == "[1,null]"
    assert one("{(2,2),(1,1);(4,4),(3,3)}", 1020, 603, ";") == '["(2,2),(1,1)","(4,4),(3,3)"]'
    assert one(None, pg_types.FLOAT4) is None
    assert result_value_forms.choose_converters([kind(pg_types.INT4)], Decoding.JSON, wrapped=False) == ()
    assert result_value_forms.choose_converters([kind(pg_types.FLOAT4)], Decoding.TEXT, wrapped=False) == ()


def test_the_wrapper_leaves_arrays_whose_cast_would_not_print_them() -> None:
    """An element with a cast to text of its own is printed by the server and becomes JSON here."""
    plain, own = kind(70_001, 70_000), kind(70_003, 70_002, own_text=True)
    assert result_value_forms.write_expression("q.c1", plain, Decoding.JSON) == "to_json(q.c1::text[])::text"
    assert result_value_forms.write_expression("q.c1", own, Decoding.JSON) == "q.c1"
    assert result_value_forms.choose_converters([plain], Decoding.JSON, wrapped=True) == ()
    (convert,) = result_value_forms.choose_converters([own], Decoding.JSON, wrapped=True)
    assert convert is not None
    assert convert("{a,b}") == '["a","b"]'


def test_array_literals() -> None:
    """Texts in quotes, NULL, and arrays in arrays."""
    assert array_text(['a "b"', "c\\d", None, ""]) == r'{"a \"b\"","c\\d",NULL,""}'
    assert array_text([["a"], [None]]) == '{{"a"},{NULL}}'


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
    assert statement.make_exact(1.1) == Decimal("1.1")
    assert statement.make_exact(3) == 3
    assert statement.make_exact([(1.1,), None]) == [[Decimal("1.1")], None]
    assert statement.make_exact(Range(1.1, None)) == Range(Decimal("1.1"), None)
    assert statement.make_exact("1.1") == "1.1"

    class Own(float):  # as numpy.float64 is one
        def __repr__(self) -> str:
            return f"Own({float(self)})"

    assert statement.make_exact(array("d", [1.1])) == statement.make_exact([Own(1.1)]) == [Decimal("1.1")]


def test_fractions() -> None:
    """Numbers that asyncpg would cut for an integer; other values are left to asyncpg."""
    assert all(map(statement.has_fraction, (2.9, Decimal("2.9"), [1, [2.5]], {1.5}, [Range(None, 1.5)])))
    others = (
        2,
        2.0,
        Decimal(3),
        True,
        None,
        "2.9",
        b"2",
        float("nan"),
        Decimal("inf"),
        timedelta(1),
        [1, None, 2.0],
        Range(2.0, 3),
    )
    assert not any(map(statement.has_fraction, others))


def test_counts_of_command_tags() -> None:
    """Only tags of changes count."""
    found = [
        statement.parse_affected(tag)
        for tag in ("INSERT 0 3", "UPDATE 2", "DELETE 0", "MERGE 1", "SELECT 5", "CREATE TABLE", "")
    ]
    assert found == [3, 2, 0, 1, 0, 0, 0]
