"""Read parameter sets from a query: `-p 'sql:...'` and `-p @FILE.sql:NAME`.

Sources are given rows, not a database: this is where the connection is, one of its own beside the lanes, in a read-only
transaction that lasts as long as the source is read.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.dialects.sqlstates import CANCELED
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, QueryFileError, UsageError
from bulkq.model import Decoding, Limits, Phase, Query
from bulkq.policy.query_limits import choose_limits
from bulkq.targets import open_target

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from bulkq.model import Reply, Run, Target
    from bulkq.sources import Rows

    Piece = tuple[tuple[str, ...], Sequence[Sequence[object]]]

UNHURRIED = Limits(timeout_s=None, lock_timeout_s=10.0, whole_floats=True)
"""The query is read at the pace of the run, which may take all night: its timeout is for each piece that is fetched."""


def rows_of(target: Target, request: Run, *, twice: bool = False, in_schema: bool = False) -> Rows:
    """Return a function that runs a query on `target`, within the timeout of `request`, and yields rows.

    Args:
        target: where the query runs.
        request: has its timeout.
        twice: close the connection when the names are known, and connect again for the rows.
        in_schema: look up names in the schema of `target`, if it has one.
    """

    async def rows(wanted: str | Query) -> AsyncGenerator[Piece, None]:
        query = _inline(wanted, target) if isinstance(wanted, str) else wanted
        if query.parameters:
            raise UsageError(
                f"{query.place}: a query that supplies parameter sets cannot have parameters of its own (:{query.parameters[0].name})"
            )
        if in_schema:
            query = query.within(target)
        driver = open_target(target, application_name="bulkq/params", read_only=True)
        connection = await driver.connect()
        try:
            statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
            if twice:
                await connection.close()
            yield tuple(column.name for column in statement.columns), ()
            if twice:
                connection = await driver.connect()
                statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
            pieces = connection.stream(statement, (), UNHURRIED)
            async with aclosing(_in_time(pieces, choose_limits(request.limits, query).timeout_s)) as replies:
                async for reply in replies:
                    yield tuple(column.name for column in reply.columns), reply.values
        finally:
            await connection.close()

    return rows


async def _in_time(pieces: AsyncIterator[Reply], timeout_s: float | None) -> AsyncGenerator[Reply, None]:
    """Yield the pieces, each within `timeout_s` of its request.

    Raises:
        DatabaseError: one was late; its statement was cancelled on the server.
    """
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                piece = await anext(pieces, None)
        except TimeoutError:
            raise DatabaseError(
                f"timed out after {timeout_s:g}s: add --timeout TIME, or --timeout none",
                sqlstate=CANCELED,
                phase=Phase.SENT,
            ) from None
        if piece is None:
            return
        yield piece


def _inline(sql: str, target: Target) -> Query:
    """The query of `-p 'sql:...'`; what is wrong with it is not said of `-e`."""
    try:
        return queries.inline(sql, dialect_of(target.url))
    except QueryFileError as error:
        lines = (line.removeprefix("-e:") for line in str(error).splitlines())
        raise QueryFileError("\n".join(f"-p sql:{line}" for line in lines)) from error
