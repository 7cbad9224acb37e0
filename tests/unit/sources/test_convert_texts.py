"""Conversion of text for targets that do not convert it themselves, and of lists for all."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import ParameterError
from bulkq.sources import Request, open_source
from bulkq.sources.convert_texts import array_literal, choose_converter
from bulkq.text.json_text import JsonNumber
from tests.support.sources import opened, query, sets

if TYPE_CHECKING:
    from bulkq.protocols import ParameterSource


async def csv_source(declared: str, *fields: str, text: bool = False) -> ParameterSource:
    """A source of one column `a` with `fields`."""
    content = "a\n" + "".join(('"' + field.replace('"', '""') + '"' if field else "") + "\n" for field in fields)
    return await opened("-", query(f"a{declared}"), text=text, stdin=BytesIO(content.encode()), fmt="csv")


CONVERTED = [
    ("", "1", "1"),
    ("", "", None),
    (":text", "01234", "01234"),
    (":numeric(10,2)", "1.10", "1.10"),
    (":date", "2026-01-01", "2026-01-01"),
    (":bigint", "01234", 1234),
    (":bigint", " -5 ", -5),
    (":INTEGER", "+7", 7),
    (":smallint", "", None),
    (":double  precision", "1.5", 1.5),
    (":real", "1e3", 1000.0),
    (":boolean", "T", 1),
    (":bool", " off ", 0),
    (":bytea", "\\x00Ff", b"\x00\xff"),
    (":varbinary(3)", "\\x", b""),
    ("*", '[1,"x",null]', [1, "x", None]),
    ("*:bigint", '[1,"2",true]', [1, 2, 1]),
    ("*:bigint[]", '["3"]', [3]),
    ("*", '[[1],{"x":2.5}]', ["[1]", '{"x":2.5}']),
]


@pytest.mark.parametrize(("declared", "field", "value"), CONVERTED)
async def test_text_becomes_what_was_declared(declared: str, field: str, value: object) -> None:
    """Only a declared type converts; nothing is guessed."""
    found = await sets(await csv_source(declared, field))
    assert found == [(value,)]
    assert type(found[0][0]) is type(value)


REFUSED = [
    (":bigint", "12a", '"12a" is not a bigint'),
    (":integer", "1.5", '"1.5" is not an integer'),
    (":int", "1_000", '"1_000" is not an int'),
    (":int", "\u0661", '"\u0661" is not an int'),
    (":bigint", "9" * 19, '"9999999999999999999" is out of range for 64 bits'),
    (":bigint", "9" * 5000, f'"{"9" * 60}..." is not a bigint'),
    (":real", "x", '"x" is not a real'),
    (":real", "1_0.0", '"1_0.0" is not a real'),
    (":real", "nan", '"nan" is not a real'),
    (":double", "1e999", '"1e999" is not a double'),
    (":bool", "maybe", '"maybe" is not a bool: write true or false'),
    (":blob", "abc", '"abc" is not a blob: write \\x and hexadecimal digits'),
    (":bytea", "\\xabc", '"\\xabc" is not a bytea: write \\x and hexadecimal digits'),
    ("*", "1,2", '"1,2" is not a list: write a JSON array such as [1,2]'),
    ("*", '{"a":1}', '"{"a":1}" is not a list: write a JSON array such as [1,2]'),
    ("*", "", "NULL is not a list: write a JSON array such as [1,2]"),
    ("*", "[]", '"[]" is an empty list'),
    ("*", "[NaN]", '"[NaN]" is not a list: write a JSON array such as [1,2]'),
    ("*", "[" * 100_000, f'"{"[" * 60}..." is not a list: write a JSON array such as [1,2]'),
    ("*", r'["\u0000"]', r'"["\u0000"]" holds a NUL character, which no database accepts in text'),
    ("*:int", '["x"]', '"["x"]" is not an int'),
]


@pytest.mark.parametrize(("declared", "field", "why"), REFUSED)
async def test_text_that_is_no_such_value(declared: str, field: str, why: str) -> None:
    """A bad value is named with its line, its column, the parameter and the query."""
    good = {"*": "[1]", "*:int": "[1]", ":bool": "t", ":blob": "\\x", ":bytea": "\\x"}.get(declared, "1")
    with pytest.raises(ParameterError) as caught:
        await sets(await csv_source(declared, good, field, good))
    assert str(caught.value) == f'stdin:3: column "a": {why} (:a of q.sql:q)'


async def test_all_bad_values_of_a_batch() -> None:
    """Up to twenty are listed together."""
    with pytest.raises(ParameterError) as caught:
        await sets(await csv_source(":int", *map(str, range(100)), *["x"] * 30), 200)
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("stdin:102: ")
    assert lines[-1] == "and 10 more"


async def test_lists_as_text() -> None:
    """For PostgreSQL a list is an array literal; one that already is, as --failures writes it, stays."""
    fields = ['[1, 2.0, "a b", null]', '{1,"x"}', '["a,b", "{}", "\\\\", "null", true]']
    assert await sets(await csv_source("*", *fields, text=True)) == [
        ('{1,2.0,"a b",NULL}',),
        ('{1,"x"}',),
        ('{"a,b","{}","\\\\","null",true}',),
    ]
    for field, why in [("{}", '"{}" is an empty list'), ("x", '"x" is not a list: write a JSON array such as [1,2]')]:
        with pytest.raises(ParameterError, match="stdin:2") as caught:
            await sets(await csv_source("*", field, text=True))
        assert why in str(caught.value)


def test_array_literal_of_anything() -> None:
    """Elements are written as `array_out` writes them."""
    assert (
        array_literal([JsonNumber("1"), "", " ", 'x"y', b"\x01", {"a": [1]}])
        == r'{1,""," ","x\"y","\\x01","{\"a\":[1]}"}'
    )


def test_scalars_of_databases() -> None:
    """What a query gives as int, bool or bytes becomes text for who converts it."""
    convert = choose_converter(query("a").parameters[0], text=True, plain=False)
    assert convert is not None
    assert convert([1, True, b"\x01", None, "x", 1.5]) == ["1", "true", "\\x01", None, "x", "1.5"]


async def test_infinite_numbers_are_refused() -> None:
    """SQLite would store NaN as NULL without a word."""
    convert = choose_converter(query("a").parameters[0], text=False, plain=False)
    assert convert is not None
    with pytest.raises(ValueError, match="is not a finite number"):
        convert([1.0, float("nan")])


async def test_constants_are_converted() -> None:
    """--param is text like a field."""
    source = await open_source(Request(constants={"a": "5", "b": "[1]"}), query("a:int", "b*"), text=False)
    assert source.typed
    assert await sets(source) == [(5, [1])]
