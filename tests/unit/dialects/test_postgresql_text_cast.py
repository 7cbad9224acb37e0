"""The SQL by which PostgreSQL converts text to a type, from what its catalog says about the type."""

from __future__ import annotations

import pytest

from bulkq.dialects.postgresql_text_cast import Conversion, InputMethod, ParameterType, has_length

BIGINT = ParameterType.of((20, "bigint", "pg_catalog.int8", 20, "cast", "cast", None, 0))
TEXTS = ParameterType.of((1015, "character varying[]", "pg_catalog._varchar", 1015, "record", "cast", ",", 1043))
NUMERIC = ParameterType.of((1700, "numeric", "pg_catalog.numeric", 1700, "cast", "cast", None, 0))


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (InputMethod.CAST, "$1::app.code"),
        (InputMethod.ELEMENT, "CASE WHEN $1 IS NOT NULL THEN ((ARRAY[$1])::text::app.code[])[1] END"),
        (
            InputMethod.RECORD,
            "(SELECT v FROM pg_catalog.json_to_record(pg_catalog.json_build_object('v', $1)) AS t(v app.code))::app.code",
        ),
    ],
)
def test_each_way_to_an_input_function(way: InputMethod, expected: str) -> None:
    """A cast, the element of an array, the column of a record."""
    assert Conversion("app.code", way).of("$1") == expected


def test_a_list_is_converted_from_an_array_of_text() -> None:
    """The elements of an array may need another way than the array itself."""
    assert TEXTS.conversion(None, is_list=False) == Conversion("pg_catalog._varchar", InputMethod.RECORD)
    assert TEXTS.conversion(None, is_list=True) == Conversion("pg_catalog._varchar", InputMethod.CAST)


def test_a_declared_length_needs_the_input_function() -> None:
    """A cast would cut the text; a type that is rounded in both ways is cast."""
    assert BIGINT.conversion("bigint", is_list=False) == Conversion("bigint")
    assert TEXTS.conversion("varchar(3)[]", is_list=True) == Conversion("varchar(3)[]", InputMethod.RECORD)
    assert NUMERIC.conversion("numeric(5,2)", is_list=False) == Conversion("numeric(5,2)")


def test_json_becomes_an_array_literal_for_arrays_alone() -> None:
    """With the delimiter of the type."""
    assert BIGINT.from_json is None
    assert TEXTS.from_json is not None
    assert TEXTS.from_json('["a", null]') == '{"a",NULL}'
    boxes = ParameterType.of((1020, "box[]", "pg_catalog._box", 1020, "cast", "cast", ";", 603))
    assert boxes.from_json is not None
    assert boxes.from_json('["(1,1),(0,0)", null]') == '{"(1,1),(0,0)";NULL}'


def test_a_cast_cuts_texts_and_bits_of_a_declared_length() -> None:
    """A number is rounded or refused instead."""
    assert TEXTS.cuts("varchar(3)[]")
    assert not TEXTS.cuts("varchar[]")
    assert not NUMERIC.cuts("numeric(5,2)")


@pytest.mark.parametrize("declared", ["varchar(3)", "char", " National Character", "nchar", "bit", "interval hour"])
def test_types_with_a_length_or_fields(declared: str) -> None:
    """Also those whose length is 1 where none is written."""
    assert has_length(declared)


@pytest.mark.parametrize(
    "declared", ["varchar", "character varying", "char varying", "bit varying", "interval", "text"]
)
def test_types_without_a_length(declared: str) -> None:
    """Nothing is cut."""
    assert not has_length(declared)
