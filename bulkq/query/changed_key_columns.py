"""Columns of a key that the statement of a backfill changes: what moves rows between ranges, so that they are changed twice.

Ranges end where groups of leading key columns end, if the columns behind these are the ones that change: a row stays in its group.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.errors import UsageError
from bulkq.query.identifier_placeholders import name_parts, token_name
from bulkq.query.tokens import TokenKind, tokenize
from bulkq.query.validate_sql_fragment import CLAUSES, count_levels
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from bulkq.model import Query
    from bulkq.model.key_range import TableKey
    from bulkq.query.tokens import Token

NAMES = frozenset({TokenKind.WORD, TokenKind.QUOTED})

BEFORE_TABLE = frozenset({"INTO", "ONLY", "OR", "REPLACE", "IGNORE", "ROLLBACK", "ABORT", "FAIL", "LOW_PRIORITY"})
"""What may stand between UPDATE or MERGE and the table."""


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
    columns = [(column.name, *column.aliases) for column in key.columns]
    changes = (any((name.lower() if folded else name) in names for name in every) for every in columns)
    stable = next((at for at, moved in enumerate(changes) if moved), len(columns))
    if not stable:
        raise UsageError(
            f"{place}: {quoted(key.columns[0].name)} is in the key by which the table is cut, so rows would move between "
            "ranges: use another key with --key, or bulkq run"
        )
    return key if stable == len(columns) else replace(key, columns=key.columns[:stable])


def changed_columns(query: Query, table: str, dialect: str) -> tuple[str, ...]:
    """The columns that every `UPDATE table SET` of a written statement, and a MERGE into it, assigns; () if it has none.

    Args:
        query: the statement.
        table: as the catalog quotes it; its last part is compared, without case.
        dialect: sqlglot's or SQLAlchemy's name of it.
    """
    return assigned_in(query.sql, table, dialect)


def assigned_in(sql: str, table: str, dialect: str) -> tuple[str, ...]:
    """The same for a text; of a trigger, what the statements in its body assign."""
    wanted = (name_parts(table, '`"') or tuple(table.split(".")))[-1].lower()
    lexed = tokenize(sql, dialect)
    tokens = lexed.tokens
    depths = count_levels(tokens)
    found: list[str] = []
    for at, token in enumerate(tokens):
        start = _assignments(tokens, depths, at) if token.word == "UPDATE" else 0
        names = _tables(sql, tokens, depths, at, dialect) if start else {}
        if wanted in names:
            mine = {wanted, names[wanted]} if len(names) > 1 else frozenset[str]()
            found += _assigned(sql, tokens, depths, start, dialect, mine)
    return tuple(found)


def _assignments(tokens: Sequence[Token], depths: Sequence[int], update: int) -> int:
    """Where the assignments of an UPDATE begin; 0 if it has none: `FOR UPDATE`, `ON DUPLICATE KEY UPDATE`."""
    for at in range(update + 1, len(tokens)):
        if depths[at] < depths[update] or tokens[at].word == ";":
            return 0
        if depths[at] == depths[update] and tokens[at].word == "SET":
            return at + 1
    return 0


def _tables(sql: str, tokens: Sequence[Token], depths: Sequence[int], at: int, dialect: str) -> dict[str, str]:
    """The tables between the UPDATE at `at` and its assignments, with their aliases, in lower case; of a MERGE, the one that it changes."""
    found: dict[str, str] = {}
    level, expected, end = depths[at], True, "SET"
    if tokens[at - 1].word == "THEN":
        at, end = max((i for i in range(at) if tokens[i].word == "MERGE" and depths[i] == level), default=at), "USING"
    for here in range(at + 1, len(tokens)):
        word = tokens[here].word
        if depths[here] == level and word == end:
            break
        if expected and word not in BEFORE_TABLE and tokens[here].kind in NAMES and not _qualifies(tokens, here):
            found[token_name(sql, tokens[here], dialect).lower()] = _alias(sql, tokens, here, dialect)
            expected = False
        expected = expected or (word in {",", "JOIN"} and depths[here] == level)
    return found


def _qualifies(tokens: Sequence[Token], at: int) -> bool:
    """Whether the name at `at` is a schema in front of a name."""
    return tokens[at + 1].word == "."


def _alias(sql: str, tokens: Sequence[Token], at: int, dialect: str) -> str:
    """What the table that is named at `at` is called in the statement, in lower case."""
    at += 2 if tokens[at + 1].word == "AS" else 1
    return token_name(sql, tokens[at], dialect).lower() if tokens[at].kind in NAMES else ""


def _assigned(
    sql: str,
    tokens: Sequence[Token],
    depths: Sequence[int],
    start: int,
    dialect: str,
    mine: Collection[str] = (),
) -> Iterator[str]:
    """The names in front of each `=` of an assignment, from `start` on to the next clause or the end of the statement.

    With `mine`, not those behind the name of another table.
    """
    level, left = depths[start - 1], True
    for at in range(start, len(tokens)):
        token, depth = tokens[at], depths[at]
        if depth < level or token.word == ";" or (depth == level and token.word in CLAUSES):
            return
        if depth == level and token.word in {",", "="}:
            left = token.word == ","
        elif left and token.kind in NAMES:
            before = token_name(sql, tokens[at - 2], dialect).lower() if tokens[at - 1].word == "." else ""
            if not mine or (tokens[at + 1].word != "." and (not before or before in mine)):
                yield token_name(sql, token, dialect)
