"""Only text names a table or a column."""

from __future__ import annotations

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.query import describe_missing_identifier, find_unnamed, inline, load, name_parts, read_identifiers

QUERY = load("-- name: q\n-- @param tab ident\nselect :a from :{tab};\n", "q.sql")[0]


def test_text_is_a_name() -> None:
    """The values of identifiers come by the name of their parameter, and no other value does."""
    assert read_identifiers(QUERY, (1, "orders")) == {"tab": "orders"}
    assert read_identifiers(inline("select :a"), (None,)) == {}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "NULL"),
        (["b"], "a list"),
        (7, "a number"),
        ({"x": 1}, "an object"),
        (True, "true or false"),
        (b"b", "bytes"),
    ],
)
def test_nothing_else_is(value: object, words: str) -> None:
    """What is no text is told by its kind, and its text is never taken for a name."""
    said = f"{words} is not an identifier: write a name (:{{tab}} of q.sql:q)"
    assert find_unnamed(QUERY, ("x", value)) == (1,)
    assert describe_missing_identifier(QUERY, 1, ("x", value)) == said
    with pytest.raises(DatabaseError, match="is not an identifier") as refused:
        read_identifiers(QUERY, ("x", value))
    assert (str(refused.value), refused.value.phase) == (said, Phase.ENCODING)


@pytest.mark.parametrize(
    ("text", "marks", "parts"),
    [
        ('"My Table"', '"', ("My Table",)),
        ('public."Weird.Name"', '"', ("public", "Weird.Name")),
        ('"a""b".c', '"', ('a"b', "c")),
        ("`a`.`b``c`", "`", ("a", "b`c")),
        ("`a`", '"`', ("a",)),
        ("s.t", '"', ()),
        ('"open', '"', ()),
        ('a"b', '"', ()),
        ('""', '"', ()),
        ('"a".', '"', ()),
        ('"a"', "`", ()),
        ('"a"', "", ()),
    ],
)
def test_parts_of_quoted_names(text: str, marks: str, parts: tuple[str, ...]) -> None:
    """As `quote_ident` writes them; everything else is taken as it stands."""
    assert name_parts(text, marks) == parts
