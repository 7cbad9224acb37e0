"""The keys of a query that say how to backfill a table: `@over`, `@key`, `@where`, `@verify`, `@select`, `@map`, `@capture`.

Each function reads the value of one key. `bulkq.query.headers` adds the key in front of the message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model import StatementClass
from bulkq.model.frozen_dataclass import frozen
from bulkq.query.classify import classify
from bulkq.query.identifier_placeholders import token_name
from bulkq.query.tokens import TokenKind, tokenize
from bulkq.query.validate_sql_fragment import check_condition
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Query
    from bulkq.query.tokens import Token

_FUNCTION = compile_late(r"[\w.]+:[\w.]+")
_RANGE = compile_late(r"(?<![\w:\\]):range\b")


@frozen
class BackfillHeader:
    """What the header of a query says about its backfill; None and () where it says nothing.

    Attributes:
        over: the table, as written.
        key: the columns of the key, as the catalog has their names.
        where: the condition of the rows that are left to do, SQL.
        verify: statements that give no row, or zero, when the work is done, SQL.
        select: the statement that reads a range, SQL.
        map: the function over its rows, `MODULE:FUNCTION`.
        capture: whether the values before the change are kept.
    """

    over: str | None = None
    key: tuple[str, ...] = ()
    where: str | None = None
    verify: tuple[str, ...] = ()
    select: str | None = None
    map: str | None = None
    capture: bool | None = None


def backfill_header(query: Query, dialect: str) -> BackfillHeader:
    """The keys in the header of `query`, which `load` has checked."""
    said = query.metadata
    one = {name: lines[0] for name, lines in said.items() if lines}
    return BackfillHeader(
        over=one.get("over"),
        key=parse_key(one["key"], dialect) if "key" in one else (),
        where=one.get("where"),
        verify=said.get("verify", ()),
        select=one.get("select"),
        map=one.get("map"),
        capture=one["capture"].lower() == "true" if "capture" in one else None,
    )


def parse_over(text: str, dialect: str) -> tuple[str, ...]:
    """The parts of a table's name, as the catalog has them.

    Raises:
        ValueError: it is not a name.
    """
    tokens = tokenize(text, dialect).tokens
    parts = _parts(text, tokens, dialect, ".")
    if parts is None:
        raise ValueError(f'{quoted(text)} is not the name of a table: write it like "public.users"')
    return parts


def parse_key(text: str, dialect: str) -> tuple[str, ...]:
    """The columns of a key, as the catalog has them.

    Raises:
        ValueError: they are not names with commas between them.
    """
    tokens = tokenize(text, dialect).tokens
    columns = _parts(text, tokens, dialect, ",")
    if columns is None:
        raise ValueError(f'{quoted(text)} does not name columns: write them like "tenant_id, id"')
    if len(set(columns)) < len(columns):
        raise ValueError(f"{quoted(text)} names a column twice: keep one")
    return columns


def check_where(text: str, dialect: str) -> None:
    """Refuse what is not a condition.

    Raises:
        ValueError: see `bulkq.query.validate_sql_fragment.check_condition`.
    """
    try:
        check_condition(text, "", dialect)
    except UsageError as wrong:
        raise ValueError(str(wrong).strip()) from None


def check_reads(text: str, dialect: str) -> None:
    """Refuse what is not one statement that reads.

    Raises:
        ValueError: with what to write.
    """
    tokens = tokenize(text, dialect).tokens
    statement = tokens[:-1] if tokens and tokens[-1].word == ";" else tokens
    whole = all(t.kind is not TokenKind.BROKEN and t.word != ";" for t in statement)
    if not statement or not whole or classify(statement, dialect).statement is not StatementClass.READ:
        raise ValueError(f"{quoted(text)} is not one SELECT: write the whole statement on this line")


def check_select(text: str, dialect: str) -> None:
    """Refuse what is not one statement that reads, or has no `:range`.

    Raises:
        ValueError: with what to write.
    """
    check_reads(text, dialect)
    if not _RANGE.search(text):
        raise ValueError(f'{quoted(text)} does not say where the range of the key goes: write "WHERE :range"')


def check_function_name(text: str) -> None:
    """Refuse what is not the name of a function.

    Raises:
        ValueError: with what to write.
    """
    if not _FUNCTION.fullmatch(text):
        raise ValueError(f'{quoted(text)} is not a function: write MODULE:FUNCTION, such as "geo:add_country"')


def _parts(text: str, tokens: Sequence[Token], dialect: str, between: str) -> tuple[str, ...] | None:
    """The names among `tokens`, which are separated by `between`; None if something else is there."""
    names, signs = tokens[::2], tokens[1::2]
    named = all(t.kind in {TokenKind.WORD, TokenKind.QUOTED} for t in names)
    if not named or len(names) != len(signs) + 1 or any(t.word != between for t in signs):
        return None
    return tuple(token_name(text, token, dialect) for token in names)
