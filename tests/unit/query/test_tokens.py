"""Properties of the scanner on generated text."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulkq.errors import QueryFileError
from bulkq.query import load, locate, render
from bulkq.query.lint import lint
from bulkq.query.tokens import tokenize

DIALECTS = st.sampled_from(
    ["postgres", "sqlite", "mysql", "duckdb", "oracle", "snowflake", "tsql", "clickhouse", "nothing"]
)

ODDS = (
    "'",
    '"',
    "`",
    "$$",
    "$t$",
    "$1",
    "E'",
    "U&'",
    "x'",
    "/*",
    "*/",
    "/*+",
    "--",
    "#",
    "\n",
    "\r",
    " ",
    "\\",
    ":",
    "::",
    ":=",
    ":a",
    ":a*",
    ":{a}",
    "{#",
    "#}",
    "{{",
    "(",
    ")",
    "[",
    "]",
    ";",
    ",",
    "in (:ids*)",
    "not",
    "-- name: a",
    "\n-- name: b(x: int)\n",
    "\n-- @mode read\n",
    "\n-- @param a ident\n",
    "-- @",
    "select",
    "update t set",
    "where",
    "with x as (",
    "explain analyze",
    "begin",
    "create function",
    "pragma",
    "\ufeff",
    "\x00",
    "\x85",
    "\u2028",
    "\ud800",
    "é",
    "1",
    "0x",
    "1e",
    "?",
    "@b",
    "nulls",
)

SOUP = st.lists(st.sampled_from(ODDS) | st.text(max_size=3), max_size=25).map("".join)

PARTS = st.lists(
    st.sampled_from(
        (
            "select",
            " ",
            "\n",
            ", ",
            "x::int",
            "'it''s :a'",
            '"b :c"',
            "$$ :d $$",
            "$q$ ' $q$",
            "/* :e /* ' */ */",
            "-- :f '\n",
            "E'\\' :g'",
            "a[1:2]",
            "f(x := 1)",
            "doc @> '{\"k\":1}'",
            "5 % 2",
            "\\:x",
            " :id ",
            "(:name)",
            " id in (:ids*) ",
            " not in (:ids*) ",
        )
    ),
    max_size=20,
).map(lambda parts: "select " + " ".join(parts))


@settings(max_examples=100, deadline=None)
@given(SOUP | st.text(), DIALECTS)
@example("-- name: a\nselect 1 -- name: b\n", "postgres")
@example("/*/*", "postgres")
@example("$", "postgres")
@example("\n-- name: b(x: int)\n'\n-- name: b(x: int)\n", "mysql")
def test_any_text_is_read_or_refused_line_by_line(text: str, dialect: str) -> None:
    """`load` returns queries, or raises one error whose every line names the file; nothing else happens."""
    try:
        queries = load(text, "f.sql", dialect)
    except QueryFileError as refused:
        lines = str(refused).splitlines()
        assert all(
            (line.startswith("f.sql:") and line.split(":")[1].isdigit()) or line.startswith("and ") for line in lines
        )
        return
    assert queries
    for query in queries:
        lint(query, dialect)
        assert query.sql in text
        assert (
            locate(query, 0) == f"f.sql:{text.count(chr(10), 0, text.index(query.sql)) + 1}"
            or text.count(query.sql) > 1
        )


@settings(max_examples=60, deadline=None)
@given(PARTS)
def test_text_outside_placeholders_comes_back(text: str) -> None:
    """Placeholders do not overlap, and the gaps between them with their own text are the author's statement."""
    (query,) = load(text, "f.sql")
    at = 0
    kept = []
    for place in query.placeholders:
        assert at <= place.start < place.end <= len(query.sql)
        kept += [query.sql[at : place.start], query.sql[place.start : place.end]]
        at = place.end
    assert "".join(kept) + query.sql[at:] == query.sql
    assert {p.name for p in query.placeholders} <= {"id", "name", "ids"}
    same = render(query, lambda p: query.sql[p.start : p.end])
    assert same.text == "".join(c for i, c in enumerate(query.sql) if i not in query.escapes)
    assert all(
        query.sql[same.offset(i)] == c
        for i, c in enumerate(same.text)
        if not _inside(query.placeholders, same.offset(i))
    )


def _inside(places: tuple, offset: int) -> bool:
    return any(p.start <= offset < p.end for p in places)


@settings(max_examples=60, deadline=None)
@given(SOUP, DIALECTS)
def test_tokens_and_comments_cover_the_text(text: str, dialect: str) -> None:
    """Tokens and comments do not overlap, ascend, and leave nothing but white space between them."""
    lexed = tokenize(text, dialect)
    at = 0
    for start, end in sorted((x.start, x.end) for x in (*lexed.tokens, *lexed.comments)):
        assert at <= start < end
        assert not text[at:start].strip()
        at = end
    assert not text[at:].strip()
