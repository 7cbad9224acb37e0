"""A cutter that outlasts an outage of its server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from bulkq.dialects import dialect_for
from bulkq.dialects.describe_key_range import range_text
from bulkq.errors import DatabaseError
from bulkq.lifecycle.backfill.cutter import KeyCutter
from bulkq.lifecycle.literal_statement import is_explained, write_literals
from bulkq.model import Decoding

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.engine.pool import ConnectionPool
    from bulkq.model import ParameterSet, Query
    from bulkq.model.key_range import KeyRange, Position, TableKey
    from bulkq.protocols import Connection

T = TypeVar("T")

MOST_BREAKS = 10
"""Connections that one question may break, one after the other."""


class PatientCutter:
    """Implements `bulkq.sources.key_range_source.Cutter` over a connection of its own, which it replaces when the server was away.

    Args:
        sessions: where a new connection comes from.
        connection: the first one.
        dialect: of the database.
        key: of the table.
    """

    def __init__(self, sessions: ConnectionPool, connection: Connection, dialect: str, key: TableKey) -> None:
        self._sessions = sessions
        self._connection: Connection | None = connection
        self._dialect, self._key = dialect_for(dialect), key
        self._cutter = KeyCutter(connection, self._dialect, key)
        self._turn = asyncio.Lock()
        self.before_cut: list[Callable[[], Awaitable[None]]] = []
        """Each is asked before each range, and stops the run by an exception."""

    async def greatest(self) -> Position | None:
        """Return the key of the last row; None if the table is empty."""
        return await self._ask(lambda cutter: cutter.greatest())

    async def next_range(self, after: Position, end: Position, rows: int) -> KeyRange | None:
        """Return the next range; see `Cutter`."""
        for ask in self.before_cut:
            await ask()
        return await self._ask(lambda cutter: cutter.next_range(after, end, rows))

    async def prepare(self, query: Query) -> None:
        """Prepare a statement without executing it; see `Cutter`."""
        await self._again(lambda connection, _: connection.prepare(query, Decoding.TEXT, typed=False, identifiers={}))

    async def explain(self, query: Query, values: ParameterSet) -> None:
        """Have a statement planned without executing it; see `Cutter`."""
        plans = self._dialect.plans
        if plans is not None and is_explained(query):
            await self.administer([plans.explain.format(statement=write_literals(query, values, self._dialect))])

    def describe(self, wanted: KeyRange) -> str:
        """Return the condition of a range, for people."""
        return range_text(self._key, wanted, self._dialect)

    async def administer(self, statements: Sequence[str]) -> list[tuple[object, ...]]:
        """Execute statements of bulkq in a transaction, again after an outage; return the rows of the last one.

        Raises:
            DatabaseError: the database refuses them, also because a try whose answer was lost has applied them.
            StoppedError: it was away for too long.
        """
        return await self._again(lambda connection, _: connection.administer(statements))

    async def look(self, question: Callable[[Connection], Awaitable[T]]) -> T:
        """Ask the database something else, again after an outage.

        Raises:
            DatabaseError: it refuses to answer.
            StoppedError: it was away for too long.
        """
        return await self._again(lambda connection, _: question(connection))

    async def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _ask(self, question: Callable[[KeyCutter], Awaitable[T]]) -> T:
        return await self._again(lambda _, cutter: question(cutter))

    async def _again(self, question: Callable[[Connection, KeyCutter], Awaitable[T]]) -> T:
        """Ask the database, again after an outage.

        Raises:
            DatabaseError: it refuses to answer, or the question has broken `MOST_BREAKS` connections.
            StoppedError: it was away for too long.
        """
        async with self._turn:
            for left in reversed(range(MOST_BREAKS)):
                connection = await self._connected()
                try:
                    return await question(connection, self._cutter)
                except DatabaseError as error:
                    if not error.connection_lost:
                        raise
                    await self.close()
                    if not left:
                        raise
        raise AssertionError("the last try returns or raises")

    async def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = await self._sessions.open()
            self._cutter = KeyCutter(self._connection, self._dialect, self._key)
        return self._connection
