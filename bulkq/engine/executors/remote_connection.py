"""A connection that a worker has. Implements `bulkq.protocols.Connection` for the lanes of a run.

If the worker is lost, a request ends as it does when the connection to the server breaks, and the same rules settle its outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.engine.commit_guard import CommitGuard
from bulkq.engine.executors.worker_channel import WorkerLost
from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.joined_sets import join_sets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from bulkq.engine.executors.worker_channel import WorkerChannel
    from bulkq.engine.executors.worker_session import AttemptAnswer, PreparedStatement
    from bulkq.model import (
        AttemptSteps,
        BadValue,
        Batch,
        Claim,
        Column,
        Decoding,
        Limits,
        ParameterSet,
        Query,
        Reply,
        Server,
    )
    from bulkq.model.maintenance import CommandReply
    from bulkq.protocols import Statement

MOST_STATEMENTS = 500
"""Statements that a connection remembers."""

CLOSE_S = 2.0
"""Seconds that the worker gets to close a connection."""


@frozen
class OpenedConnection:
    """A connection of a worker: its number there, what it found, and whether it can export a snapshot."""

    number: int
    server: Server
    exports: bool


class ConnectionSource(Protocol):
    """What a connection needs of the driver that has opened it."""

    key: int
    """Number of the target within the run."""

    def better(self, channel: WorkerChannel) -> WorkerChannel | None:
        """Return a worker that has less to do than `channel`."""

    async def connect_in(self, channel: WorkerChannel) -> OpenedConnection | None:
        """Open a connection in one worker; None if that is not possible now."""

    def hear(self, channel: WorkerChannel, answer: AttemptAnswer) -> None:
        """Take note of what the target warned of."""


class RemoteStatement:
    """A statement that a connection of a worker has prepared. Implements `bulkq.protocols.Statement`."""

    def __init__(self, number: int, query: Query, known: PreparedStatement) -> None:
        self.number = number
        self.query = query
        self.columns: tuple[Column, ...] = known.columns
        self.returns_rows = known.returns_rows
        self.parameter_types = known.parameter_types
        self.single = known.single
        self.apart: str | None = None  # why one statement cannot answer all sets; None: the worker was not asked
        self._answers: tuple[int, Batch] | None = None

    def encode_next(self, part: int, batch: Batch) -> None:
        """Have the rows of the next attempt or stream encoded in the worker, as the answer to `batch` of a part."""
        self._answers = part, replace(batch, sets=(), lines=(), end=None, statement=None, steps=None)

    def take_answers(self) -> tuple[int, Batch] | None:
        """Return the part and the batch that the next rows are encoded for."""
        answers, self._answers = self._answers, None
        return answers


class RemoteConnection(BaseConnection):
    """A connection of a worker.

    Args:
        driver: that has opened it.
        channel: to the worker.
        opened: the connection.
    """

    def __init__(self, driver: ConnectionSource, channel: WorkerChannel, opened: OpenedConnection) -> None:
        self.server = opened.server
        self._driver = driver
        self._channel = channel
        self._number = opened.number
        self._open = True
        self._pinned = False
        self._statements: dict[object, RemoteStatement] = {}  # by the identity of the query, which each of them keeps

    async def prepare(
        self, query: Query, decoding: Decoding, *, typed: bool, identifiers: Mapping[str, str]
    ) -> Statement:
        """See `bulkq.protocols.Connection`, as the other methods. A worker with less to do takes the connection over first."""
        await self._move()
        wanted = id(query), decoding, typed, tuple(identifiers.items())
        known = self._statements.get(wanted)
        if known is None:
            async with _lost_in(Phase.PREPARING, self._channel):
                number = await self._channel.define_statement(query, decoding, typed, identifiers)
                made = await self._channel.request("prepare", number, connection=self._number)
            if len(self._statements) >= MOST_STATEMENTS:
                self._statements.clear()
            known = self._statements[wanted] = RemoteStatement(number, query, made)
        return known

    async def attempt(
        self,
        statement: Statement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        *,
        claim: Claim | None = None,
        before_commit: Callable[[int], None] | None = None,
        steps: AttemptSteps | None = None,
    ) -> Reply:
        """Make the attempt in the worker. Its outcome is not known if the worker is lost before it has answered."""
        own = cast("RemoteStatement", statement)
        guard = before_commit if isinstance(before_commit, CommitGuard) else None
        assert before_commit is guard, "a worker cannot ask another function in the middle of a transaction"
        answers = own.take_answers()
        most = None if guard is None else guard.most(len(sets))
        sent = join_sets(sets)
        async with _lost_in(Phase.SENT if limits.read_only else Phase.COMMITTING, self._channel, len(sets)):
            while True:
                answer: AttemptAnswer = await self._channel.request(
                    "attempt",
                    *(own.number, sent, limits, claim, steps, most, answers, self._driver.key),
                    connection=self._number,
                )
                if answer.reply is not None:
                    break
                assert guard is not None
                most = await guard.ask(answer.rows)
        self._channel.count(len(sets))
        self._driver.hear(self._channel, answer)
        if guard is not None:
            guard.committed(answer.commit_s)
        return answer.reply

    async def stream(self, statement: Statement, params: ParameterSet, limits: Limits) -> AsyncIterator[Reply]:
        """Yield the pieces that the worker fetches."""
        own = cast("RemoteStatement", statement)
        ended = False
        try:
            async with _lost_in(Phase.SENT, self._channel, 1):
                pieces, ended = await self._channel.request(
                    "stream", own.number, params, limits, own.take_answers(), connection=self._number
                )
            while pieces:
                for piece in pieces:
                    yield piece
                if ended:
                    break
                async with _lost_in(Phase.SENT, self._channel, 1):
                    pieces, ended = await self._channel.request("next", connection=self._number)
        finally:
            if not ended:
                await self._break()
        self._channel.count(1)

    async def copy(self, statement: Statement, delimiter: str, limits: Limits, write: Callable[[bytes], object]) -> int:
        """Write the bytes that the worker fetches."""
        own = cast("RemoteStatement", statement)
        own.take_answers()
        rows: int | None = None
        try:
            async with _lost_in(Phase.SENT, self._channel, 1):
                data, rows = await self._channel.request("copy", own.number, delimiter, limits, connection=self._number)
            while True:
                if data and isinstance(waiting := write(data), Awaitable):
                    await waiting
                if rows is not None:
                    self._channel.count(1)
                    return cast("int", rows)
                async with _lost_in(Phase.SENT, self._channel, 1):
                    data, rows = await self._channel.request("copied", connection=self._number)
        finally:
            if rows is None:
                await self._break()

    async def administer(
        self, statements: Sequence[str], *, lock_timeout_s: float | None = 2.0
    ) -> list[tuple[object, ...]]:
        """Execute statements of bulkq in the worker."""
        return cast(
            "list[tuple[object, ...]]",
            await self._call(Phase.COMMITTING, "administer", (statements,), lock_timeout_s=lock_timeout_s),
        )

    async def command(self, sql: str, *, timeout_s: float | None, lock_timeout_s: float | None) -> CommandReply:
        """Execute a command of maintenance in the worker."""
        named = {"timeout_s": timeout_s, "lock_timeout_s": lock_timeout_s}
        async with _lost_in(Phase.COMMITTING, self._channel, 1):
            reply = await self._channel.request("call", "command", (sql,), named, connection=self._number)
        self._channel.count(1)
        return cast("CommandReply", reply)

    async def check(self, statement: Statement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """Have the worker check values."""
        return cast("list[BadValue]", await self._call_with(statement, "check", sets))

    async def why_apart(self, statement: Statement) -> str:
        """Return why the sets of a batch are executed one by one. The worker is asked once for each statement."""
        own = cast("RemoteStatement", statement)
        if own.apart is None:
            own.apart = cast("str", await self._call_with(statement, "why_apart"))
        return own.apart

    async def close(self) -> None:
        """Close the connection in the worker, and wait at most two seconds for it."""
        if not self._open:
            return
        self._open = False
        self._channel.connections -= 1
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_S):
                await self._channel.request("close", connection=self._number)

    async def _call(self, phase: Phase, method: str, arguments: tuple[object, ...], **named: object) -> object:
        async with _lost_in(phase, self._channel):
            return await self._channel.request("call", method, arguments, named, connection=self._number)

    async def _call_with(self, statement: Statement, method: str, *arguments: object) -> Any:
        own = cast("RemoteStatement", statement)
        async with _lost_in(Phase.PREPARING, self._channel):
            return await self._channel.request("call_with", own.number, method, arguments, connection=self._number)

    async def _break(self) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_S):
                await self._channel.request("break", connection=self._number)

    async def _move(self) -> None:
        """Go on in a worker that has fewer connections, if there is one. No transaction is open between two batches."""
        if self._channel.lost or self._pinned or not (better := self._driver.better(self._channel)):
            return
        moved = await self._driver.connect_in(better)
        if moved is None:
            return
        self._channel.later("close", connection=self._number)
        self._channel.connections -= 1
        self._channel, self._number, self.server = better, moved.number, moved.server
        self._statements.clear()


class RemoteSnapshotConnection(RemoteConnection):
    """A connection of a worker that can export a snapshot; it stays in its worker then."""

    async def export_snapshot(self) -> str:
        """See `bulkq.protocols.SnapshotConnection`."""
        self._pinned = True
        return cast("str", await self._call(Phase.SENT, "export_snapshot", ()))


class _lost_in:  # noqa: N801 - used as a statement, and cheaper than a generator
    """Turn the loss of the worker into the error of a broken connection in `phase`. `sets` are lost with it."""

    def __init__(self, phase: Phase, channel: WorkerChannel, sets: int = 0) -> None:
        self._phase = phase
        self._channel = channel
        self._sets = sets

    async def __aenter__(self) -> None:
        """Begin a request."""

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """End it."""
        if isinstance(error, WorkerLost):
            self._channel.lost_sets += self._sets
            raise DatabaseError(
                f"worker {self._channel.address}: {error}", sqlstate=None, phase=self._phase, connection_lost=True
            ) from None
