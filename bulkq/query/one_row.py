"""Find out whether a query gives at most one row on PostgreSQL, from its tokens.

A driver reads such a result whole: it is not larger than a row, and PostgreSQL uses no parallel workers for a result that is
fetched in pieces. A wrong yes costs memory, not correctness. A function that is not listed here may return many rows, so the
answer is no.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.query.classify import behind_with, count_nesting
from bulkq.query.tokens import Token, TokenKind

if TYPE_CHECKING:
    from collections.abc import Sequence

WORDS = {
    "aggregates": (
        "ANY_VALUE ARRAY_AGG AVG BIT_AND BIT_OR BIT_XOR BOOL_AND BOOL_OR CORR COUNT COVAR_POP COVAR_SAMP EVERY JSONB_AGG "
        "JSONB_OBJECT_AGG JSON_AGG JSON_OBJECT_AGG MAX MIN MODE PERCENTILE_CONT PERCENTILE_DISC RANGE_AGG REGR_COUNT REGR_R2 "
        "REGR_SLOPE STDDEV STDDEV_POP STDDEV_SAMP STRING_AGG SUM VARIANCE VAR_POP VAR_SAMP XMLAGG"
    ),
    "functions that return one value": (
        "ABS AGE ARRAY_LENGTH ARRAY_TO_STRING BTRIM CARDINALITY CAST CEIL CEILING CHARACTER_LENGTH CHAR_LENGTH COALESCE CONCAT "
        "CONCAT_WS CURRENT_SETTING DATE_PART DATE_TRUNC DIV EXP EXTRACT FLOOR FORMAT GREATEST INITCAP JSONB_BUILD_ARRAY "
        "JSONB_BUILD_OBJECT JSON_BUILD_ARRAY JSON_BUILD_OBJECT LEAST LEFT LENGTH LN LOG LOWER LPAD LTRIM MAKE_DATE MD5 MOD NOW "
        "NULLIF OCTET_LENGTH PG_COLUMN_SIZE PG_DATABASE_SIZE PG_INDEXES_SIZE PG_RELATION_SIZE PG_SIZE_PRETTY PG_SLEEP "
        "PG_TABLE_SIZE PG_TOTAL_RELATION_SIZE POSITION POWER RANDOM REPLACE REVERSE RIGHT ROUND ROW_TO_JSON RPAD RTRIM SIGN "
        "SPLIT_PART SQRT STARTS_WITH STRPOS SUBSTR SUBSTRING TO_CHAR TO_DATE TO_JSON TO_JSONB TO_NUMBER TO_TIMESTAMP TRIM TRUNC "
        "UPPER VERSION"
    ),
    "key words and types before a parenthesis": (
        "ALL AND ANY ARRAY BETWEEN BIT BY CASE CHAR CHARACTER DECIMAL DISTINCT ELSE EXISTS FILTER FOR FROM GROUP ILIKE IN INTERVAL "
        "IS LIKE NOT NUMERIC OR OVER ROW SELECT SOME THEN TIME TIMESTAMP TIMESTAMPTZ VARCHAR VARYING WHEN WHERE"
    ),
}
"""What may stand before a parenthesis: https://www.postgresql.org/docs/current/functions.html"""

AGGREGATES = frozenset(WORDS["aggregates"].split())
KNOWN = frozenset(" ".join(WORDS.values()).split())
VERBS = frozenset({"SELECT", "VALUES", "TABLE"})
SUBQUERIES = VERBS | {"WITH"}
BEFORE_NAMES = frozenset({":", "{", ".", "AS"})
"""What follows one of these is a name, also if it is spelled as a key word."""

BEFORE_FUNCTIONS = frozenset({":", "."})
"""A function that follows one of these may be another than the one of PostgreSQL."""

SEVERAL = frozenset({"GROUP", "UNION", "INTERSECT", "EXCEPT"})
MOST_ROWS = frozenset({"0", "1"})
AFTER_LIMIT = frozenset({"", "OFFSET", "FOR"})


def gives_one_row(tokens: Sequence[Token]) -> bool:
    """Whether the statement made of `tokens` (without its semicolon) gives one row or none. In doubt: no."""
    verb = behind_with(tokens, count_nesting(tokens), 0) if _word(tokens, 0) == "WITH" else 0
    if _word(tokens, verb) not in VERBS:
        return False
    tokens = tokens[verb:]
    clauses = _clauses(tokens)
    if any(_ends_after_one(tokens, i) for i in clauses):
        return True
    if tokens[0].word != "SELECT" or any(tokens[i].word in SEVERAL for i in clauses):
        return False
    start = next((i for i in clauses if tokens[i].word == "FROM"), None)
    aggregated = _has_aggregate(tokens[1:start])
    if aggregated is None:
        return False
    return start is None or aggregated or any(tokens[i].word == "HAVING" for i in clauses)


def _clauses(tokens: Sequence[Token]) -> list[int]:
    """Indexes of words outside parentheses that may be key words of a clause."""
    depths = count_nesting(tokens)
    return [
        i
        for i, token in enumerate(tokens)
        if not depths[i]
        and token.kind is TokenKind.WORD
        and _word(tokens, i - 1) not in BEFORE_NAMES
        and (_word(tokens, i - 1), token.word) not in {("DISTINCT", "FROM"), ("WITHIN", "GROUP")}
    ]


def _ends_after_one(tokens: Sequence[Token], i: int) -> bool:
    """Whether `LIMIT 1` or `FETCH FIRST ROW ONLY` begins at `i`."""
    if tokens[i].word not in {"LIMIT", "FETCH"}:
        return False
    words = [_word(tokens, at) for at in range(i, i + 5)]
    if words[0] == "LIMIT":
        return words[1] in MOST_ROWS and words[2] in AFTER_LIMIT
    if words[1] not in {"FIRST", "NEXT"}:
        return False
    rows = words[3:] if words[2] in MOST_ROWS else words[2:4]
    return rows in (["ROW", "ONLY"], ["ROWS", "ONLY"])


def _has_aggregate(tokens: Sequence[Token]) -> bool | None:
    """Whether `tokens` call an aggregate outside subqueries; None if they call a function that may return many rows.

    PostgreSQL refuses such a function in the arguments and the filter of an aggregate.
    """
    found = False
    i = 0
    while i < len(tokens):
        if tokens[i].word == "(":
            if not _known(tokens, i - 1):
                return None
            aggregate = _is_aggregate(tokens, i - 1)
            found = found or aggregate
            if aggregate or _word(tokens, i - 1) == "FILTER" or _word(tokens, i + 1) in SUBQUERIES:
                i = _close(tokens, i)
        i += 1
    return found


def _known(tokens: Sequence[Token], i: int) -> bool:
    """Whether what stands at `i`, before a parenthesis, returns at most one value."""
    if i < 0:
        return True
    if tokens[i].kind is TokenKind.SYMBOL:
        return tokens[i].word != "}"
    return tokens[i].word in KNOWN and _word(tokens, i - 1) not in BEFORE_FUNCTIONS


def _is_aggregate(tokens: Sequence[Token], i: int) -> bool:
    """Whether an aggregate is called at `i`, and not as a window function."""
    if _word(tokens, i) not in AGGREGATES:
        return False
    end = _close(tokens, i + 1) + 1
    while _word(tokens, end) in {"FILTER", "WITHIN", "GROUP"}:
        end = _close(tokens, end + 1) + 1 if _word(tokens, end + 1) == "(" else end + 1
    return _word(tokens, end) != "OVER"


def _close(tokens: Sequence[Token], i: int) -> int:
    """Index of the parenthesis that closes the one at `i`; the end if it is not closed."""
    depth = 0
    for at in range(i, len(tokens)):
        depth += (tokens[at].word == "(") - (tokens[at].word == ")")
        if not depth:
            return at
    return len(tokens)


def _word(tokens: Sequence[Token], i: int) -> str:
    return tokens[i].word if 0 <= i < len(tokens) else ""
