"""The connections of one target. The pool opens them for lanes and waits during an outage."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from bulkq.errors import NoRoom, RefusedError, StoppedError, TargetError
from bulkq.targets import connect_within
from bulkq.telemetry.trace_connection import trace_connection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bulkq.errors import BulkqError
    from bulkq.protocols import Connection, Driver

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
"""Between two probes of a lost server. Five seconds keep a dead server's log and ours readable."""

LEAST_S = 2.0
"""What one connection may take, however short an outage is to be."""


MOST_OPEN = 256
"""Connections that the lanes of a run over several targets have open: a process has so many files."""


class ConnectionPool:
    """The connections of one target: opened for lanes, kept between runs of one `bulkq.open`, outlasting an outage.

    Args:
        driver: opens the connections.
        outage_s: how long a lost server is waited for before the run stops.
        say: told in one line when the target is lost and found.
        most: lanes at most on this target; None: as many as the run has.
        writes: a session that cannot write is of no use.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        outage_s: float,
        say: Callable[[str], None],
        most: int | None = None,
        writes: bool = False,
    ) -> None:
        self.driver = driver
        self.label = driver.target
        """The target in output, without a schema."""

        self.writes = writes
        self.most = most
        self.bound = ""
        """Why `most` is lower than what was given, for people."""

        self.gone: BulkqError | None = None
        """Why there will be no further connection. `open` raises it."""

        self.outages = 0
        self.lost = False
        self.opening = 0
        """Lanes that wait for a connection."""

        self.held = False
        """Whether its lanes wait for a throttle."""

        self.review: Callable[[Connection], Awaitable[None]] | None = None
        """Asked with the first connection that is opened after a lane has lost one. Its `StoppedError` ends the target."""

        self._outage_s = outage_s
        self._say = say
        self._idle: list[Connection] = []
        self._door = asyncio.Lock()
        self._losses = self._reviewed = 0  # connections that lanes closed; how many of them the last review knew
        self._reviewing = asyncio.Lock()

    def doubt(self) -> None:
        """Have the target reviewed before a lane has a new connection: behind a lost one, the server may be another."""
        self._losses += 1

    def give_back(self, connection: Connection) -> None:
        """Keep a healthy connection for the next lane."""
        self._idle.append(connection)

    def limit(self, lanes: int, why: str) -> None:
        """Have at most `lanes` lanes, but one. Only the first call counts: later ones see connections of this pool."""
        if not self.bound and (self.most is None or lanes < self.most):
            self.most, self.bound = max(1, lanes), why

    @property
    def idle(self) -> int:
        """Connections that no lane has."""
        return len(self._idle)

    async def release(self, count: int) -> None:
        """Close up to `count` connections that no lane has, those first that have been kept for longest."""
        idle, self._idle = self._idle[:count], self._idle[count:]
        for connection in idle:
            await connection.close()

    def say(self, text: str) -> None:
        """Tell people."""
        self._say(text)

    async def first(self, timeout_s: float | None = None) -> Connection:
        """A kept connection or a new one, tried once: the start of a run does not wait for an unreachable target.

        Raises:
            TargetError: the target cannot be reached.
            TimeoutError: there is no connection within `timeout_s`.
            RefusedError: its sessions cannot write, and the run is to.
        """
        connection = self._idle.pop() if self._idle else await connect_within(self.driver, timeout_s)
        if self.writes and connection.server.read_only:
            await connection.close()
            raise RefusedError(f"{self.driver.target}: nothing can be written: {connection.server.read_only}")
        return connection

    async def open(self, *, patient: bool = True) -> Connection:
        """A connection, at once or after an outage.

        Args:
            patient: a server without room is waited for like one that is away; False: `NoRoom` is raised.

        Raises:
            NoRoom: not `patient`, and the server takes no further connection.
            StoppedError: the target was unreachable for longer than the outage budget, or the review stops it.
            RefusedError: what answers now is not what it should be.
        """
        self.opening += 1
        try:
            connection = self._idle.pop() if self._idle else await self._opened(patient=patient)
            return trace_connection(connection, self.driver.target)
        except (RefusedError, StoppedError) as error:
            self.gone = error
            raise
        finally:
            self.opening -= 1

    async def _opened(self, *, patient: bool) -> Connection:
        end_s = time.monotonic() + self._outage_s
        try:
            if not self.lost:
                return await self._probed(end_s)
        except NoRoom:
            if not patient:
                raise
            self.lost = True
        except TargetError:
            self.lost = True
        async with self._door:  # while the server is away, one lane probes and the others stand here
            if self.gone is not None:
                raise self.gone
            if not self.lost:  # found by another lane meanwhile: what is lost now is another outage
                end_s = time.monotonic() + self._outage_s
            try:
                connection = await self._probed(end_s)
            except TargetError as error:
                return await self._outlast(error, end_s)
            self.lost = False
            return connection

    async def close(self) -> None:
        """Close what is kept."""
        idle, self._idle = self._idle, []
        async with asyncio.TaskGroup() as group:
            for connection in idle:
                group.create_task(connection.close())

    async def _probed(self, end_s: float) -> Connection:
        """A connection; waits no longer than until the end of the outage."""
        left_s = max(LEAST_S, end_s - time.monotonic())
        try:
            async with asyncio.timeout(left_s):
                connection = await self.driver.connect()
        except TimeoutError:
            raise TargetError(f"no answer within {left_s:.3g}s") from None
        if self.writes and connection.server.read_only:
            await connection.close()
            raise TargetError(connection.server.read_only)
        if self.review is not None and self._reviewed != self._losses:
            try:
                await self._review(connection, self.review)
            except BaseException:
                await connection.close()
                raise
        return connection

    async def _review(self, connection: Connection, review: Callable[[Connection], Awaitable[None]]) -> None:
        """Review the target once for all connections that were lost before. Lanes that reconnect meanwhile wait."""
        async with self._reviewing:
            losses = self._losses
            if self.gone is not None:
                raise self.gone
            if self._reviewed != losses:
                await review(connection)
                self._reviewed = losses

    async def _outlast(self, error: TargetError, end_s: float) -> Connection:
        self.outages += 1
        self.lost = True
        self._say(f"connection lost ({error}): waiting up to {self._outage_s:g}s for the target")
        pause_s = FIRST_PAUSE_S
        while time.monotonic() + pause_s < end_s:
            await asyncio.sleep(pause_s * (0.5 + random.random()))  # noqa: S311 - jitter, not a secret
            pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
            try:
                connection = await self._probed(end_s)
            except TargetError as again:
                error = again
                continue
            self.lost = False
            self._say("target is back")
            return connection
        self.gone = StoppedError(f"the target was unreachable for {self._outage_s:g}s: {error}")
        raise self.gone
