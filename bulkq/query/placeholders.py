"""Finds `:name`, `:name*` and `:{name}` in the tokens of one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Placeholder, PlaceholderKind
from bulkq.model.frozen_dataclass import mutable
from bulkq.query.foreign_syntax import find_foreign_syntax
from bulkq.query.tokens import IDENTIFIER, Token, TokenKind
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.query.error_collector import QueryErrors

RANGE = "range"
"""The parameter that stands for a condition on a key; see `bulkq.query.range_placeholder`."""

_BRACED = compile_late(r"\{([^\s{}]*)\}")
_OPERAND_ENDS = "_$\"'`])}"


@mutable
class PlaceholderScan:
    """Placeholders and escapes of a statement, ascending, by offsets in the whole text."""

    placeholders: list[Placeholder]
    escapes: list[int]


def find_placeholders(text: str, tokens: Sequence[Token], dialect: str, complaints: QueryErrors) -> PlaceholderScan:
    """Find the placeholders among `tokens`, the tokens of one statement in `text`.

    A colon starts a placeholder when a name follows at once and no operand stands directly before it: `a[1:hi]`,
    `{'k':v}` and `col:path` are the database's own.
    """
    found = PlaceholderScan([], [])
    for at, message in find_foreign_syntax(text, tokens, dialect):
        complaints.add(at, message)
    literal = -1  # offset of a colon that a backslash took
    read_to = 0  # end of the last placeholder
    for i, token in enumerate(tokens):
        if token.start < read_to or token.kind is not TokenKind.SYMBOL:
            continue
        if token.word == "\\" and text.startswith(":", token.end):
            found.escapes.append(token.start)
            literal = token.end
        elif _is_colon(text, token, literal):
            read_to = _read(text, tokens, i, token.end, complaints, found)
    return found


def _is_colon(text: str, token: Token, literal: int) -> bool:
    """Whether `token` is, or ends with, a colon that may start a placeholder."""
    if token.start == literal:
        return token.word == "::"
    return token.word == ":" and not _follows_operand(text, token.start)


def _follows_operand(text: str, at: int) -> bool:
    before = text[at - 1 : at]
    return before.isalnum() or (before != "" and before in _OPERAND_ENDS)


def _read(
    text: str, tokens: Sequence[Token], i: int, after: int, complaints: QueryErrors, found: PlaceholderScan
) -> int:
    """Read the placeholder whose colon ends at `after` in token `i`, if it is one; return where it ends, or 0."""
    braced = _BRACED.match(text, after)
    if braced:
        if not IDENTIFIER.fullmatch(braced[1]):
            complaints.add(after, f"{quoted(':' + braced[0])} does not hold a name: write :{{name}}")
        found.placeholders.append(Placeholder(braced[1], PlaceholderKind.IDENTIFIER, after - 1, braced.end()))
        return braced.end()
    named = IDENTIFIER.match(text, after)
    if not named:
        return 0
    name, end = named[0], named.end()
    if text.startswith("$", end):
        complaints.add(after, f"{quoted(':' + name + '$')} is not a parameter name: use letters, digits and _")
    if not text.startswith("*", end):
        found.placeholders.append(Placeholder(name, PlaceholderKind.VALUE, after - 1, end))
        return end
    return _read_list(tokens, i, name, end + 1, complaints, found)


def _read_list(
    tokens: Sequence[Token], i: int, name: str, end: int, complaints: QueryErrors, found: PlaceholderScan
) -> int:
    """Read `IN (:name*)` around the colon in token `i`; `end` is where the star ends."""
    start = tokens[i].start
    following = next((t for t in tokens[i:] if t.start >= end), None)
    opened = i >= 2 and tokens[i - 1].word == "(" and tokens[i - 2].word == "IN"
    if not opened or following is None or following.word != ")":
        complaints.add(
            start,
            f"{quoted(f':{name}*')} is a list and must be written IN (:{name}*) or NOT IN (:{name}*)"
            f"; to multiply, put a space before the star",
        )
        found.placeholders.append(Placeholder(name, PlaceholderKind.LIST, start, end))
        return end
    negated = i >= 3 and tokens[i - 3].word == "NOT"
    first = tokens[i - 3] if negated else tokens[i - 2]
    found.placeholders.append(Placeholder(name, PlaceholderKind.LIST, first.start, following.end, negated=negated))
    return following.end
