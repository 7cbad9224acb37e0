"""Decide whether the placeholder of a key range bounds what a statement changes.

A range is correct only if the statement changes no row outside of it. The tokens show the usual mistakes: OR beside the range, NOT before
it, a range in a value instead of a condition, and bounds that leave out or repeat a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bulkq.dialects import dialect_for
from bulkq.query.tokens import TokenKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.query.tokens import Token


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONDITIONS = frozenset({"WHERE", "ON", "HAVING", "WHEN"})
"""Words that start a condition."""

ROW_SOURCES = frozenset({"FROM", "USING", "JOIN", "WITH", "INTO", "UPDATE", "DELETE"})
"""Words that start tables, subqueries in place of tables, and common table expressions."""

VALUES = frozenset({"SET", "SELECT", "VALUES", "RETURNING", "THEN", "ELSE"})
"""Words that start expressions which bound nothing."""

ENDS = _words(
    "GROUP HAVING ORDER LIMIT FETCH OFFSET FOR RETURNING UNION INTERSECT EXCEPT WINDOW THEN WHEN WHERE ON JOIN LEFT RIGHT INNER"
    " CROSS SET"
)
"""Words that end a condition."""

BEFORE_GROUP = CONDITIONS | ROW_SOURCES | _words("AND OR XOR NOT IN EXISTS ANY SOME ALL AS MATERIALIZED LATERAL")
"""Words before a parenthesis that are not the name of a function."""

OUTER = frozenset({"LEFT", "RIGHT", "FULL"})
"""Words before JOIN that keep rows without a match."""

BESIDE_OR = "{name} is beside OR, so a range would change rows outside of it: write WHERE {range} AND (... OR ...)"
NEGATED = "{name} is negated, so a range would change rows outside of it: remove NOT"
LIMITED = "{word} would leave rows of a range unchanged: remove it, and bound the rows of a range with --max-rows"
SKIPPED = "SKIP LOCKED would leave rows of a range unchanged: remove it"
NO_CONDITION = "{name} must be a condition of its own: write WHERE {range}, or WHERE {range} AND (...)"
NOT_BOUND = "{name} does not bound the rows that the statement changes: write WHERE {range} AND (...)"
EXCLUSIVE = ":lo is exclusive and :hi is inclusive: write WHERE {range} AND (...)"

HARMLESS = frozenset({NO_CONDITION, NOT_BOUND, EXCLUSIVE})
"""Do no harm where another place of the same name bounds the statement."""


class _Level(NamedTuple):
    """What stands around a place within the parentheses, or the CASE, that enclose it most closely."""

    opener: int  # index of the token that opens it; -1 outside of all
    closer: int
    clause: str  # the word that starts the clause, "" if there is none before the opener
    start: int  # its index
    beside: Sequence[int]  # indexes of the other tokens of the clause
    behind: Sequence[int]  # indexes of those that follow the clause


def range_complaint(tokens: Sequence[Token], first: int, last: int, dialect: str) -> str | None:
    """The mistake in the use of `:range`, a message with `{name}` and `{range}`; None if it bounds the statement.

    Args:
        tokens: of the whole statement.
        first: index of the placeholder's first token.
        last: index of its last token, with the parenthesis of `:range(u)`.
        dialect: sqlglot's or SQLAlchemy's name of it.
    """
    before = _word(tokens, first - 1)
    if before == "NOT":
        return NEGATED
    after = _word(tokens, last + 1)
    if "OR" in {before, after}:
        return BESIDE_OR
    if before not in {*CONDITIONS, "AND", "("} or after not in {*ENDS, "AND", ")", ""}:
        return NO_CONDITION
    return _around(tokens, first, last, dialect)


def bound_complaint(tokens: Sequence[Token], first: int, last: int, dialect: str, *, lower: bool) -> str | None:
    """As `range_complaint`, for `:lo` (`lower`) and `:hi`, in a comparison that excludes the one and includes the other."""
    sign = "<" if lower else ">"
    behind = _word(tokens, last + 1) + _equals(tokens, last + 2)
    ahead = "".join(_word(tokens, i) for i in (first - 2, first - 1) if _word(tokens, i) in {"<", ">", "="})
    if behind != sign + ("" if lower else "=") and ahead != (">" if lower else "<="):
        return EXCLUSIVE
    return _around(tokens, first, last, dialect)


def _equals(tokens: Sequence[Token], i: int) -> str:
    return "=" if _word(tokens, i) == "=" else ""


def _around(tokens: Sequence[Token], first: int, last: int, dialect: str) -> str | None:
    """The mistake in what stands around a condition, level by level to the outside."""
    if any(t.word == "SKIP" and _word(tokens, i + 1) == "LOCKED" for i, t in enumerate(tokens)):
        return SKIPPED
    while True:
        level = _level(tokens, first, last)
        if level.clause not in ROW_SOURCES and _has_or(tokens, level.beside, dialect):
            return BESIDE_OR
        limit = next((tokens[i].word for i in level.behind if tokens[i].word in {"LIMIT", "FETCH"}), None)
        if limit is not None:
            return LIMITED.replace("{word}", limit)
        if level.clause == "ON" and _is_outer(tokens, level.start):
            return NOT_BOUND
        if level.clause in VALUES or _word(tokens, level.opener) == "CASE":
            return NOT_BOUND
        if level.opener < 0:
            return None if level.clause in CONDITIONS | ROW_SOURCES else NOT_BOUND
        before = _word(tokens, level.opener - 1)
        if before == "NOT" or (before in {"IN", "EXISTS"} and _word(tokens, level.opener - 2) == "NOT"):
            return NEGATED
        if level.clause == "" and _is_call(tokens, level.opener):
            return NOT_BOUND
        first, last = level.opener, level.closer


def _is_outer(tokens: Sequence[Token], on: int) -> bool:
    """Whether the ON is that of an outer join, which keeps the rows that do not match."""
    words = [_word(tokens, i) for i in range(on)]
    join = max((i for i, word in enumerate(words) if word == "JOIN"), default=0)
    return not OUTER.isdisjoint(words[max(0, join - 2) : join])


def _is_call(tokens: Sequence[Token], opener: int) -> bool:
    before = tokens[opener - 1]
    return before.kind is not TokenKind.SYMBOL and before.word not in BEFORE_GROUP


def _has_or(tokens: Sequence[Token], beside: Iterable[int], dialect: str) -> bool:
    signs = dialect_for(dialect).double_pipe_is_or
    return any(
        tokens[i].word in {"OR", "XOR"} or (signs and tokens[i].word == _word(tokens, i + 1) == "|") for i in beside
    )


def _level(tokens: Sequence[Token], first: int, last: int) -> _Level:
    beside: list[int] = []
    clause, start, opener = "", first, first - 1
    depth = 0
    while opener >= 0:
        word = tokens[opener].word
        if word in {")", "END"}:
            depth += 1
        elif word in {"(", "CASE"}:
            if not depth:
                break
            depth -= 1
        elif not depth and not clause:
            if word in CONDITIONS | ROW_SOURCES | VALUES and not _is_distinct(tokens, opener):
                clause, start = word, opener
            else:
                beside.append(opener)
        opener -= 1
    closer = last + 1
    behind: list[int] = []
    while closer < len(tokens):
        word = tokens[closer].word
        if word in {"(", "CASE"}:
            depth += 1
        elif word in {")", "END"}:
            if not depth:
                break
            depth -= 1
        elif not depth:
            (behind if behind or word in ENDS else beside).append(closer)
        closer += 1
    return _Level(opener, closer, clause, start, beside, behind)


def _is_distinct(tokens: Sequence[Token], i: int) -> bool:
    """Whether the FROM at `i` is that of `IS DISTINCT FROM`."""
    return tokens[i].word == "FROM" and _word(tokens, i - 1) == "DISTINCT"


def _word(tokens: Sequence[Token], i: int) -> str:
    """The word of token `i`, "'" for a quoted name or a literal; "" outside."""
    return (tokens[i].word or "'") if 0 <= i < len(tokens) else ""
