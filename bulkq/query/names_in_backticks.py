"""The names in double quotes of a statement for SQLite, which takes one that no column has for a text. Pure.

https://www.sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.query.tokens import TokenKind, tokenize

if TYPE_CHECKING:
    from bulkq.model import Query

DOUBLE, BACKTICK = '"', "`"


def put_into_backticks(query: Query, dialect: str) -> Query | None:
    """`query` with backticks in place of the double quotes of its names, which are then never texts; None if it has none.

    All offsets stay. A name that contains a quote stays as it is.
    """
    text = query.sql
    if DOUBLE not in text:
        return None
    for token in tokenize(text, dialect).tokens:
        name = text[token.start + 1 : token.end - 1]
        if token.kind is TokenKind.QUOTED and text[token.start] == DOUBLE and not {DOUBLE, BACKTICK} & {*name}:
            text = f"{text[: token.start]}{BACKTICK}{name}{BACKTICK}{text[token.end :]}"
    return None if text == query.sql else replace(query, sql=text)
