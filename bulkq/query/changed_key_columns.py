"""Columns of a key that the statement of a backfill changes: what moves rows between ranges, so that they are changed twice.

Ranges end where groups of leading key columns end, if the columns behind these are the ones that change: a row stays in its group.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.errors import UsageError
from bulkq.query.identifiers import name_parts, token_name
from bulkq.query.tokens import TokenKind, tokenize
from bulkq.query.validate_sql_fragment import CLAUSES, levels
from bulkq.text.messages import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.model import Query
    from bulkq.model.key_range import TableKey
    from bulkq.query.tokens import Token

NAMES = frozenset({TokenKind.WORD, TokenKind.QUOTED})

BEFORE_TABLE = frozenset({"ONLY", "OR", "REPLACE", "IGNORE", "ROLLBACK", "ABORT", "FAIL", "LOW_PRIORITY"})
"""What may stand between UPDATE and the table."""


def stable_key(key: TableKey, changed: Sequence[str], place: str, dialect: str) -> TableKey:
    """The leading columns of `key` in front of the first that the statement changes.

    Args:
        key: of the table.
        changed: names of columns, as in the catalog or as written.
        place: of the statement, for messages.
        dialect: sqlglot's or SQLAlchemy's name of it.

    Raises:
        UsageError: the first column is changed.
    """
    folded = dialect_for(dialect).folds_quoted_names
    names = {name.lower() if folded else name for name in changed}
    columns = [column.name.lower() if folded else column.name for column in key.columns]
    stable = next((at for at, name in enumerate(columns) if name in names), len(columns))
    if not stable:
        raise UsageError(
            f"{place}: {quoted(key.columns[0].name)} is in the key by which the table is cut, so rows would move between "
            "ranges: use another key with --key, or bulkq run"
        )
    return key if stable == len(columns) else replace(key, columns=key.columns[:stable])


def changed_columns(query: Query, table: str, dialect: str) -> tuple[str, ...]:
    """The columns that every `UPDATE table SET` of a written statement assigns; () if it has none.

    Args:
        query: the statement.
        table: as the catalog quotes it; its last part is compared, without case.
        dialect: sqlglot's or SQLAlchemy's name of it.
    """
    wanted = (name_parts(table, '`"') or tuple(table.split(".")))[-1].lower()
    lexed = tokenize(query.sql, dialect)
    tokens = lexed.tokens
    depths = levels(tokens)
    found: list[str] = []
    for at, token in enumerate(tokens):
        start = _assignments(tokens, depths, at) if token.word == "UPDATE" else 0
        if start and _table(query.sql, tokens, at + 1, dialect) == wanted:
            found += _assigned(query.sql, tokens, depths, start, dialect)
    return tuple(found)


def _assignments(tokens: Sequence[Token], depths: Sequence[int], update: int) -> int:
    """Where the assignments of an UPDATE begin; 0 if it has none: `FOR UPDATE`, `ON DUPLICATE KEY UPDATE`."""
    for at in range(update + 1, len(tokens)):
        if depths[at] < depths[update] or tokens[at].word == ";":
            return 0
        if depths[at] == depths[update] and tokens[at].word == "SET":
            return at + 1
    return 0


def _table(sql: str, tokens: Sequence[Token], at: int, dialect: str) -> str:
    """The last part of the name that begins at `at`, in lower case."""
    while tokens[at].word in BEFORE_TABLE:
        at += 1
    while tokens[at + 1].word == ".":
        at += 2
    return token_name(sql, tokens[at], dialect).lower() if tokens[at].kind in NAMES else ""


def _assigned(sql: str, tokens: Sequence[Token], depths: Sequence[int], start: int, dialect: str) -> Iterator[str]:
    """The names in front of each `=` of an assignment, from `start` on to the next clause or the end of the statement."""
    level, left = depths[start - 1], True
    for token, depth in zip(tokens[start:], depths[start:], strict=True):
        if depth < level or token.word == ";" or (depth == level and token.word in CLAUSES):
            return
        if depth == level and token.word in {",", "="}:
            left = token.word == ","
        elif left and token.kind in NAMES:
            yield token_name(sql, token, dialect)
