"""Names in SQL: those that `:{name}` placeholders stand for in a parameter set, and those of tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.errors import DatabaseError
from bulkq.model import Phase, PlaceholderKind
from bulkq.query.tokens import TokenKind
from bulkq.query.unqualified_names import LOWER
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from bulkq.model import ParameterSet, Query
    from bulkq.query.tokens import Token

PARTS = {mark: compile_late(rf"(?:[^.{mark}]+|{mark}(?:[^{mark}]|{mark}{mark})+{mark})") for mark in ('"', "`")}
"""A part of a name that may be quoted with the mark; a mark inside is doubled."""

WORDS = {
    type(None): "NULL",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def read_identifiers(query: Query, values: ParameterSet) -> dict[str, str]:
    """Parameter to name. Only text names something: the text of anything else may be the name of something else.

    Raises:
        DatabaseError: a value is not text, so nothing is sent.
    """
    wrong = find_unnamed(query, values)
    if wrong:
        why = describe_missing_identifier(query, wrong[0], values)
        raise DatabaseError(why, sqlstate=None, phase=Phase.ENCODING, position=0)
    return {query.parameters[i].name: str(values[i]) for i in _places(query)}


def find_unnamed(query: Query, values: ParameterSet) -> tuple[int, ...]:
    """Indexes of the parameters that are to name something and do not."""
    return tuple(i for i in _places(query) if not isinstance(values[i], str))


def describe_missing_identifier(query: Query, parameter: int, values: ParameterSet) -> str:
    """The complaint about one of those that `find_unnamed` gives; it shows no value."""
    kind = type(values[parameter])
    name = query.parameters[parameter].name
    return f"{WORDS.get(kind, kind.__name__)} is not an identifier: write a name (:{{{name}}} of {query.place})"


def _places(query: Query) -> list[int]:
    return [i for i, p in enumerate(query.parameters) if p.kind is PlaceholderKind.IDENTIFIER]


def name_parts(text: str, marks: str) -> tuple[str, ...]:
    """The parts of a name that is written as `quote_ident` and `regclass` write it: `public."Weird.Name"`.

    Args:
        text: the value of a `:{name}` placeholder.
        marks: quotation marks of the database, `"` or `` ` ``.

    Returns:
        The parts without quotes; () if nothing in `text` is quoted, or if it is not a name.
    """
    for mark in marks:
        part = PARTS[mark]
        if mark in text and re.fullmatch(rf"{part.pattern}(\.{part.pattern})*", text):
            return tuple(_bare(found[0], mark) for found in part.finditer(text))
    return ()


def token_name(text: str, token: Token, dialect: str) -> str:
    """The name that a WORD or QUOTED `token` of `text` means: without quotes, and folded if only bare names are."""
    written = text[token.start : token.end]
    if token.kind is not TokenKind.QUOTED:
        return written if dialect_for(dialect).folds_quoted_names else written.translate(LOWER)
    return written[1:-1].replace(written[-1] * 2, written[-1])


def _bare(part: str, mark: str) -> str:
    return part[1:-1].replace(mark * 2, mark) if part.startswith(mark) else part
