"""The statements of a backfill whose logic is Python: `--select` reads a range, `--apply` takes what the function gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model import PlaceholderKind, StatementClass
from bulkq.query.backfill_headers import check_reads
from bulkq.query.parse_queries import INLINE, inline
from bulkq.query.range_placeholder import RangeError, find_range, has_range

if TYPE_CHECKING:
    from bulkq.model import Query

SELECT = "--select"


def read_select(text: str, apply: Query, dialect: str) -> Query:
    """The query of `--select`, with the name of the query that it belongs to.

    Args:
        text: SQL.
        apply: the query of `--apply`.
        dialect: sqlglot's or SQLAlchemy's name of it, as for `inline`.

    Raises:
        UsageError: it is not one statement that reads, or its range is missing or does not bound it.
    """
    try:
        check_reads(text, dialect)
        query = inline(text, dialect)
        find_range(query, dialect)
    except ValueError as error:
        raise UsageError(f"{SELECT}: {error}") from None
    except RangeError as error:
        raise UsageError(f"{SELECT}: {error.reason}") from None
    except UsageError as error:
        raise UsageError(str(error).replace(f"{INLINE}:", f"{SELECT}:")) from None
    name = _identifier(query)
    if name is not None:
        raise UsageError(f"{SELECT}: :{{{name}}} is a name: write it into the query")
    return replace(query, name=apply.name, file=SELECT)


def check_apply(query: Query) -> None:
    """Check that `query` takes what a function gives.

    Raises:
        UsageError: it is no write in a transaction, has no parameters, or has one that a range or a name gives.
    """
    if has_range(query):
        raise UsageError(f"{query.place}: :range belongs to --select; the query of --apply is executed for each dict")
    if query.statement is not StatementClass.WRITE or not query.transaction:
        raise UsageError(f"{query.place} is not INSERT, UPDATE, DELETE or MERGE in a transaction: --apply needs one")
    if not query.parameters:
        raise UsageError(f"{query.place} has no parameters: write :name for each value that the function gives")
    name = _identifier(query)
    if name is not None:
        raise UsageError(f"{query.place}: :{{{name}}} is a name, which a function cannot give: write it into the query")


def _identifier(query: Query) -> str | None:
    """The first parameter that stands for a name of the database."""
    return next((p.name for p in query.parameters if p.kind is PlaceholderKind.IDENTIFIER), None)


def add_row_lock(select: Query, lock: str) -> Query:
    """`select` with a clause such as `FOR UPDATE OF u` behind it."""
    return replace(select, sql=f"{select.sql}\n{lock}", statement=StatementClass.READ)
