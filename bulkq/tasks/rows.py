"""Parameter sets out of a query: what `-p 'sql:...'` and `-p @FILE.sql:NAME` read.

Sources are given rows, not a database: this is where the connection is, one of its own beside the lanes, in a read-only
transaction that lasts as long as the source is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.drivers import dialect_of
from bulkq.errors import QueryFileError, UsageError
from bulkq.model import Decoding, Limits, Query
from bulkq.targets import open_target

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bulkq.model import Target
    from bulkq.parameters import Rows

    Piece = tuple[tuple[str, ...], Sequence[Sequence[object]]]

UNHURRIED = Limits(timeout_s=None, lock_timeout_s=10.0)
"""The query is read at the pace of the run, which may take all night."""


def rows_of(target: Target) -> Rows:
    """What `bulkq.parameters.open_source` calls for rows: runs a query on `target`."""

    async def rows(wanted: str | Query) -> AsyncGenerator[Piece, None]:
        query = _inline(wanted, target) if isinstance(wanted, str) else wanted
        if query.parameters:
            raise UsageError(
                f"{query.place}: a query that gives parameter sets cannot have parameters itself (:{query.parameters[0].name})"
            )
        connection = await open_target(target, application_name="bulkq/params", read_only=True).connect()
        try:
            statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
            yield tuple(column.name for column in statement.columns), ()
            async for reply in connection.stream(statement, (), UNHURRIED):
                yield tuple(column.name for column in reply.columns), reply.values
        finally:
            await connection.close()

    return rows


def _inline(sql: str, target: Target) -> Query:
    """The query of `-p 'sql:...'`; what is wrong with it is not said of `-e`."""
    try:
        return queries.inline(sql, dialect_of(target.url))
    except QueryFileError as error:
        lines = (line.removeprefix("-e:") for line in str(error).splitlines())
        raise QueryFileError("\n".join(f"-p sql:{line}" for line in lines)) from error
