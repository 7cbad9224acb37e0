"""Which number a text is for SQLite, and that no column of text is harmed."""

from __future__ import annotations

import operator
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkq.errors import ParameterError
from bulkq.query import inline
from bulkq.sources import Request, open_source, spool_codec
from bulkq.sources.numeric_texts import parse_canonical, parse_integers, parse_strict
from tests.support.sources import sets

if TYPE_CHECKING:
    from pathlib import Path

KEPT = [
    "007",
    "-0",
    "+5",
    "0x10",
    "1_000",
    "1e3",
    "1E3",
    ".5",
    "5.",
    "1.50",
    "00",
    "-",
    "--",
    "-.",
    "1.2.3",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999",
    "-0.0",
    "0.00001",
    "12345678901234567.0",
    "0.1234567890123456",
    "Infinity",
    "nan",
    "٣",
    "1e999",
]


@pytest.mark.parametrize("text", ["", " 5", "5 ", "5\n", *KEPT])
def test_other_texts_stay(text: str) -> None:
    """What SQLite would write otherwise is no number."""
    assert parse_canonical(text) is text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("-5", -5),
        ("0", 0),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("5.0", 5.0),
        ("0.1", 0.1),
        ("-0.25", -0.25),
        ("123456789012345", 123456789012345),
        ("0.0001", 0.0001),
        ("99999999999999.5", 99999999999999.5),
    ],
)
def test_numbers(text: str, number: float) -> None:
    """A text that SQLite would write of a number is that number."""
    found = parse_canonical(text)
    assert (found, type(found)) == (number, type(number))


@given(
    st.one_of(
        st.text("0123456789.-+e", max_size=22),
        st.integers(-(2**65), 2**65).map(str),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    )
)
@example("5.0")
@example("-9223372036854775808")
def test_a_column_of_text_has_the_text(text: str) -> None:
    """Bound to a column of text, the value is stored and compared as the text that was given."""
    with sqlite3.connect(":memory:") as db:
        db.execute("create table t (v text)")
        db.execute("insert into t values (?)", (parse_canonical(text),))
        assert db.execute("select v, typeof(v) from t where v = ?", (parse_canonical(text),)).fetchall() == [
            (text, "text")
        ]
    db.close()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        (" 5 ", 5),
        ("+05", 5),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("9223372036854775808", 2.0**63),
        ("9" * 40, 1e40),
    ],
)
def test_beside_a_number(text: str, number: float) -> None:
    """Whatever spells a number is one, where it is compared with numbers only."""
    found = parse_strict(text)
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize("text", ["", "abc", "5x", "0x10", "1_000", "nan", "Infinity", "٣", "1e999"])
def test_nothing_else_beside_a_number(text: str) -> None:
    """A text that is no number would be greater than all of them, so it is refused."""
    with pytest.raises(ValueError, match=r"is not a number|out of range"):
        parse_strict(text)


def test_columns_of_integers() -> None:
    """A whole column of plain integers is converted at once; one other value, and it is not."""
    assert parse_integers(("1", "-2")) == [1, -2]
    for others in (("1", "02"), ("1", None), ("1", ""), (str(2**63),), ("1", "x")):
        assert parse_integers(others) is None


async def test_each_parameter_by_its_use(tmp_path: Path) -> None:
    """Of one file the same text is a number for one parameter and text for another; a declared type outranks both."""
    file = tmp_path / "a.csv"
    file.write_text("a,b,c,d,e\n5,5,05,5,5\n07,07,07,07,07\n,,,,\nx,x,7,x,6.50\n")
    query = inline(
        "-- @param d text\n-- @param e decimal(9, 2)\n"
        "select :a, strftime('%Y', x) = :b, count(*) > :c, max(x) > :d, max(x) > :e from t"
    )
    found = await sets(await open_source(Request(specs=(str(file),)), query, text=False, dynamic=True))
    assert found == [(5, "5", 5, "5", 5), ("07", "07", 7, "07", 7), (None,) * 5, ("x", "x", 7, "x", 6.5)]


async def test_constants_and_defaults() -> None:
    """`--param` and defaults follow the same rules, and a bad one is named."""
    query = inline("-- name: q(a, b=5, c=5)\nselect :a, :b, substr(x, 1) = :c, count(*) > :a from t")
    source = await open_source(Request(constants={"a": "05"}), query, text=False, dynamic=True)
    assert await sets(source) == [("05", 5, "5")]
    count = inline("select 1 from t having count(*) > :max")
    with pytest.raises(ParameterError, match=r'--param max: "x" is not a number, but is compared with one'):
        await open_source(Request(constants={"max": "x"}), count, text=False, dynamic=True)


async def test_json_says_what_its_values_are(tmp_path: Path) -> None:
    """A string of JSON stays text, and a default that a row leaves out is a number."""
    file = tmp_path / "a.jsonl"
    file.write_text('{"a":"5"}\n{"a":5,"b":"5"}\n')
    query = inline("-- name: q(a, b=5)\nselect :a, :b")
    source = await open_source(Request(specs=(str(file),)), query, text=False, dynamic=True)
    assert await sets(source) == [("5", 5), (5, "5")]


async def test_a_declared_number_has_to_be_one() -> None:
    """What is declared as numeric is a number, and a text that is none is named."""
    query = inline("-- @param a numeric\nselect coalesce(x, 0) = :a from t")
    assert await sets(await open_source(Request(constants={"a": "1.50"}), query, text=False, dynamic=True)) == [(1.5,)]
    with pytest.raises(ParameterError, match=r'--param a: "x" is not a number \(:a'):
        await open_source(Request(constants={"a": "x"}), query, text=False, dynamic=True)


async def test_text_and_number_for_targets_that_differ() -> None:
    """In a run with other databases a value is text, and also the number for SQLite, in a spool as well."""
    query = inline("select :a, :b, :c, count(*) > :d from t")
    constants = {"a": "5", "b": "0.5", "c": "05", "d": "07"}
    source = await open_source(Request(constants=constants), query, text=False, dynamic=True, mixed=True)
    (found,) = await sets(source)
    assert found == ("5", "0.5", "05", "07")
    assert [getattr(value, "number", None) for value in found] == [5, 0.5, None, 7]
    whole, real = found[0], found[1]
    assert (operator.index(whole), float(whole), float(real)) == (5, 5.0, 0.5)  # type: ignore[arg-type]
    kept = spool_codec.decode_values(spool_codec.encode_values([], [found]))
    assert isinstance(kept, list)
    assert [getattr(value, "number", None) for value in kept[0][0]] == [5, 0.5, None, 7]
