"""The connection over which the signals of one database are read, one query at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.errors import TargetError
from bulkq.targets import open_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Target
    from bulkq.protocols import Connection


class MonitorConnection:
    """A read-only connection that several signals share. It is opened when it is needed, also after it was closed.

    Args:
        target: the database.
        application_name: of the connection.
    """

    def __init__(self, target: Target, application_name: str) -> None:
        self._driver = open_target(target, application_name=application_name, read_only=True)
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None
        self._failures = 0  # to connect
        self._failure: TargetError | None = None  # the last one

    async def connected(self) -> Connection:
        """Return the connection, opened if there is none.

        Raises:
            TargetError, RefusedError, UsageError: as `Driver.connect`. Those who wait meanwhile get the same TargetError.
        """
        seen = self._failures
        async with self._turn:
            return await self._open(seen)

    async def ask(self, sql: str, lock_timeout_s: float) -> Sequence[tuple[object, ...]]:
        """Return the rows of a query. The connection is closed if the query fails or does not end.

        Raises:
            DatabaseError: the server rejects it.
            TargetError, RefusedError, UsageError: as `connected`.
        """
        seen = self._failures
        async with self._turn:
            connection = await self._open(seen)
            try:
                return await connection.administer([sql], lock_timeout_s=lock_timeout_s)
            except BaseException:
                await self._drop()
                raise

    async def close(self) -> None:
        """Close the connection, unless it answers a query. The next query opens another."""
        if not self._turn.locked():
            async with self._turn:
                await self._drop()

    async def _open(self, seen: int) -> Connection:
        """Return the connection; without one, connect, unless that has failed since there were `seen` failures."""
        if self._connection is not None:
            return self._connection
        if self._failures > seen and self._failure is not None:
            raise self._failure
        try:
            self._connection = await self._driver.connect()
        except TargetError as error:
            self._failures, self._failure = self._failures + 1, error
            raise
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
