"""Simple texts are cut as sqlglot's tokenizers cut them; everything else is left to those."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkq.dialects import DIALECTS, MSSQL
from bulkq.query import simple_tokens, tokens

SIMPLE = [dialect.name for dialect in DIALECTS if dialect.simple_tokens]
PIECES = (
    *("select", "a1", "_x", "in", "1", "12.5", "''", "'it''s'", "'a -- b'", "'two\nlines'", '"Odd name"', '"a"'),
    *(":", "::", ":=", ":id", "=", "<", ">", "<>", "+", "-", "*", "/", "%", ".", ",", ";", "(", ")"),
    *(
        " ",
        "\n",
        "\t",
        "-- x",
        "--",
        "-- @check {x} #\\ é – “b”",
        "'#$@[{é}]^|~`'",
        "|",
        "!=",
        "!~",
        "~",
        "&",
        "}",
        ":{t}",
        "\u2028",
        "\x85",
        "@",
        "-- name: q(id: int)\n",
        "/*",
        "*/",
        "#",
        "\\",
        "\r",
        "{",
        "é",
        "$1",
        "||",
        "`a`",
        "e'",
        "u&'",
        "'",
        '"',
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.sampled_from(SIMPLE))
@example("1.", "postgres")
@example("a.5", "postgres")
@example("1e5 0x1f 1_000", "mysql")
@example("select 'a' 'b'", "sqlite")
@example("x'ab'", "duckdb")
@example("U&'d!0061' UESCAPE '!'", "postgres")
@example("a--b\n", "mysql")
@example("-- a\n--\n--\tb", "mysql")
@example("", "postgres")
def test_they_are_cut_alike(text: str, dialect: str) -> None:
    """Tokens, their words, comments and places."""
    found = tokens._simple(text, dialect)
    assert found is None or found == tokens._any(text, dialect)


@pytest.mark.parametrize(
    "text",
    [
        "-- name: look(id: integer)\nselect id, name from items where id = :id\n",
        "-- @check\n-- @expect rows <= 10 (100 %), see https://host/ä#b\nselect a || 'x@y {z}' from t where c != :{d} and c !~ '%[ä]#'",
        "update t set a = a + 1.5, b = 'it''s' where \"Id\" <= :x::int and f(c := 2);",
    ],
)
def test_usual_statements_are_simple(text: str) -> None:
    """So they need no sqlglot."""
    assert simple_tokens.cut_tokens(text, names=True)


@pytest.mark.parametrize(
    "text", ["a $1", "a--b", "/* a */", "e'a'", "'a\\n'", "[a]", "a @> b", "'a", ":::a", "1.", "1.2.3"]
)
def test_other_texts_are_not(text: str) -> None:
    """What databases do not agree about, or what is broken."""
    assert simple_tokens.cut_tokens(text, names=True) is None


def test_double_quotes_stand_around_texts_elsewhere() -> None:
    """Then they are left to the tokenizer of the database; and so is every text of a database that is not known to be alike."""
    assert simple_tokens.cut_tokens('"a"', names=False) is None
    assert tokens._simple("select 1", MSSQL.name) is None
