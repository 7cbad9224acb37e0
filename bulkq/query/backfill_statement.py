"""Build the statement of a backfill from `--set`, `--delete` and `--where`: an UPDATE or DELETE with `:range`.

The table comes from the catalog and is quoted. The expressions and the condition are the user's SQL, byte for byte.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import dropwhile, pairwise, takewhile
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.query.changed_key_columns import stable_key
from bulkq.query.identifier_placeholders import token_name
from bulkq.query.parse_queries import inline
from bulkq.query.tokens import TokenKind, tokenize
from bulkq.query.validate_sql_fragment import (
    check_condition,
    close_comment,
    count_levels,
    find_clauses,
    find_commas,
    parse_fragment,
)
from bulkq.text.message_parts import quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.model import Query
    from bulkq.model.key_range import TableFacts
    from bulkq.query.tokens import Token, TokenizedText

SET = "--set"
WHERE = "--where"
_EXAMPLE = 'write "column = expression"'


@frozen
class AssignedColumn:
    """A column on the left of an assignment.

    Attributes:
        parts: its name as the database finds it, without quotes; several for `t.a`, and for the field `a.b` of a column.
        written: as the user wrote it.
        option: the text that assigns it, for messages.
        indexed: only an element of an array is assigned.
    """

    parts: tuple[str, ...]
    written: str
    option: str
    indexed: bool = False


def build_set(table: str, expressions: Sequence[str], where: str | None, dialect: str) -> Query:
    """`UPDATE table SET ... WHERE :range AND (where)`; `dialect` as for `inline`.

    Args:
        table: quoted, with its schema if it has one.
        expressions: of each `--set`: `a = 1`, or `a = 1, b = 2`.
        where: of `--where`; None for all rows.
        dialect: sqlglot's or SQLAlchemy's name of it.

    Raises:
        UsageError: a text that is not an assignment or not a condition; in one line, with the option.
    """
    assigned_columns(expressions, dialect)
    sets = assignments_text(expressions, dialect)
    return replace(inline(f"UPDATE {table} SET {sets} {_where(where, dialect)}", dialect), name="set")


def build_delete(table: str, where: str | None, dialect: str) -> Query:
    """`DELETE FROM table WHERE :range AND (where)`; arguments and errors as for `build_set`."""
    return replace(inline(f"DELETE FROM {table} {_where(where, dialect)}", dialect), name="delete")


def build_count(table: str, where: str, dialect: str) -> Query:
    """`SELECT count(*) FROM table WHERE :range AND (where)`; arguments and errors as for `build_set`."""
    return replace(inline(f"SELECT count(*) FROM {table} {_where(where, dialect)}", dialect), name="verify")


def assignments_text(expressions: Sequence[str], dialect: str) -> str:
    """What stands behind SET: the expressions, with commas between them; arguments as for `build_set`."""
    return ", ".join(close_comment(parse_fragment(text, SET, dialect)) for text in expressions)


def condition_text(where: str, dialect: str) -> str:
    """The condition, so that a parenthesis can follow; arguments and errors as for `build_set`."""
    check_condition(where, WHERE, dialect)
    return close_comment(parse_fragment(where, WHERE, dialect))


def assigned_columns(expressions: Sequence[str], dialect: str) -> tuple[AssignedColumn, ...]:
    """The columns that `--set` assigns, in order; arguments as for `build_set`.

    Raises:
        UsageError: a text is not an assignment, or assigns a column twice.
    """
    if not expressions:
        raise UsageError(f"{SET} is empty: {_EXAMPLE}")
    found: list[AssignedColumn] = []
    for text in expressions:
        for column in _assigned(text, dialect):
            if not column.indexed and any(column.parts == other.parts for other in found):
                raise UsageError(f"{column.option}: column {quoted(column.written)} is assigned twice: keep one")
            found.append(column)
    return tuple(found)


def tells_what_is_left(where: str, expressions: Sequence[str], dialect: str) -> bool:
    """Whether `where` names a column that `expressions` assign. If not, the rows match it after the change as before.

    Raises:
        UsageError: an expression is not an assignment.
    """
    assigned = {part.lower() for column in assigned_columns(expressions, dialect) for part in column.parts}
    lexed = tokenize(where, dialect)
    names = (token for token in lexed.tokens if token.kind in {TokenKind.WORD, TokenKind.QUOTED})
    return any(token_name(where, token, dialect).lower() in assigned for token in names)


def check_assigned(columns: Sequence[AssignedColumn], table: TableFacts, dialect: str) -> tuple[str, ...]:
    """The names of `columns` in the catalog.

    Args:
        columns: of `assigned_columns`.
        table: its columns and its key.
        dialect: sqlglot's or SQLAlchemy's name of it.

    Raises:
        UsageError: the table has no such column, or it is the first one of the key.
    """
    folded = dialect_for(dialect).folds_quoted_names
    known = {name.lower() if folded else name: name for name in table.columns}
    names: list[str] = []
    for column in columns:
        met = [known[fold] for part in column.parts if (fold := part.lower() if folded else part) in known]
        if not met:
            near = suggestion(column.parts[-1], table.columns)
            raise UsageError(f"{column.option}: {table.key.table} has no column {quoted(column.written)}{near}")
        stable_key(table.key, met, column.option, dialect)
        names.append(met[0])
    return tuple(names)


def changed_table(query: Query, dialect: str) -> tuple[str, ...]:
    """The name of the table that an UPDATE or DELETE changes, in parts; () if the statement is another one, or returns rows."""
    tokens = tokenize(query.sql, dialect).tokens
    if query.verb not in {"UPDATE", "DELETE"} or any(token.word == "RETURNING" for token in tokens):
        return ()
    name = list(dropwhile(lambda token: token.word in {"UPDATE", "DELETE", "FROM", "ONLY"}, tokens))
    dots = list(takewhile(lambda token: token.word == ".", name[1::2]))
    return tuple(token_name(query.sql, token, dialect) for token in name[: 2 * len(dots) + 1 : 2])


def _where(where: str | None, dialect: str) -> str:
    if where is None:
        return "WHERE :range"
    return f"WHERE :range AND ({condition_text(where, dialect)})"


def _assigned(text: str, dialect: str) -> Iterator[AssignedColumn]:
    """The columns that one `--set` assigns."""
    option = f"{SET} {quoted(text)}"
    lexed = parse_fragment(text, SET, dialect)
    clause = next((lexed.tokens[i].word for i in find_clauses(lexed.tokens)), None)
    if clause is not None:
        instead = "use --where" if clause == "WHERE" else "write the statement into a file, with :range"
        raise UsageError(f"{option} contains {clause}: {instead}")
    cuts = [-1, *find_commas(lexed.tokens), len(lexed.tokens)]
    for before, after in pairwise(cuts):
        yield from _assignment(lexed, lexed.tokens[before + 1 : after], dialect, option)


def _assignment(lexed: TokenizedText, tokens: Sequence[Token], dialect: str, option: str) -> Iterator[AssignedColumn]:
    """The columns on the left of one assignment: one, or several in parentheses."""
    sign = next((i for i, t in enumerate(tokens) if t.word == "="), None)
    if not sign:
        raise UsageError(f"{option} is not an assignment: {_EXAMPLE}")
    left, right = tokens[:sign], tokens[sign + 1 :]
    if not right or right[0].word == "=" or right[-1].word in {"=", "AND", "OR"}:
        raise UsageError(
            f"{option}: the expression behind {quoted(_source(lexed, tokens[: sign + 1]))} is not complete: {_EXAMPLE}"
        )
    if _joins_assignments(right):
        raise UsageError(f"{option} joins assignments with AND: write a comma, or put the expression into parentheses")
    if left[0].word == "(" and left[-1].word == ")":
        left = left[1:-1]
    cuts = [-1, *find_commas(left), len(left)]
    for before, after in pairwise(cuts):
        item = left[before + 1 : after]
        name = _without_index(item)
        if not _names_column(name):
            raise UsageError(f"{option}: {quoted(_source(lexed, left))} is not a column: {_EXAMPLE}")
        parts = tuple(token_name(lexed.text, token, dialect) for token in name[::2])
        yield AssignedColumn(parts, _source(lexed, item), option, len(name) < len(item))


def _joins_assignments(right: Sequence[Token]) -> bool:
    """Whether `a = 1 AND b = 2` is written for `a = 1, b = 2`; MySQL and SQLite would assign the truth of `1 AND b = 2`."""
    outside = [i for i, level in enumerate(count_levels(right)) if not level]
    return any(right[i].word == "AND" and [t.word for t in right[i + 2 : i + 3]] == ["="] for i in outside)


def _source(lexed: TokenizedText, tokens: Sequence[Token]) -> str:
    return lexed.text[tokens[0].start : tokens[-1].end] if tokens else ""


def _without_index(name: Sequence[Token]) -> Sequence[Token]:
    """The tokens before a `[`, which begins the index of an array."""
    return name[: next((i for i, t in enumerate(name) if t.word == "["), len(name))]


def _names_column(tokens: Sequence[Token]) -> bool:
    """Whether `tokens` are names with dots between them."""
    return len(tokens) % 2 == 1 and all(
        t.word == "." if i % 2 else t.kind in {TokenKind.WORD, TokenKind.QUOTED} for i, t in enumerate(tokens)
    )
