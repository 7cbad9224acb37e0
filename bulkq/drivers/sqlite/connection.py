"""One session of SQLite, the `Connection` of its drivers: calls into its thread, and how they end.

What happens inside the thread is in `bulkq.drivers.sqlite.blocking_session`; where the thread comes from is the drivers' difference:
`bulkq.drivers.sqlite.aiosqlite` and `bulkq.drivers.sqlite.pysqlite`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.drivers.prepare_attempt_steps import prepare_steps
from bulkq.drivers.sqlite.blocking_session import PIECE, SqliteSession, SqliteStatement
from bulkq.drivers.statement_cache import StatementCache
from bulkq.drivers.threads import interrupt_until_done, what_lasts
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Phase, Server
from bulkq.policy.batch_form import limits_together

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from bulkq.drivers.sqlite.transaction import Handle
    from bulkq.model import AttemptSteps, Claim, Limits, ParameterSet, Query, Reply
    from bulkq.protocols import Statement

T = TypeVar("T")

GRACE_S = 2.0
"""How long a cancelled statement, or a connection being closed, may take to end."""


class SqliteThread(Protocol):
    """The thread of one connection."""

    async def start(self) -> None:
        """Start it and open the database in it."""
        ...

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Call `work` in the thread. It continues if the future is cancelled."""
        ...

    async def stop(self, interrupt: Callable[[], None]) -> None:
        """Close the database and end the thread, interrupting what it does; leave it behind after the grace."""
        ...


class SqliteConnection(BaseConnection):
    """One open database and its thread; see `bulkq.protocols.Connection`.

    It checks no values: SQLite stores any text in any column, converted by the column's affinity where that works, and a declared
    type is converted by the parameter source. See https://sqlite.org/datatype3.html .
    """

    def __init__(self, path: Path, handle: Handle, thread: SqliteThread) -> None:
        """Take over an open file."""
        major, minor, patch = sqlite3.sqlite_version_info
        self.server = Server(
            product="sqlite",
            version=sqlite3.sqlite_version,
            version_number=major * 1_000_000 + minor * 1_000 + patch,
            database=str(path),
        )
        self._handle = handle
        self._session = SqliteSession(handle)
        self._thread = thread
        self._lost = False
        self._statements = StatementCache[SqliteStatement]()

    async def prepare(
        self,
        query: Query,
        decoding: Decoding,  # noqa: ARG002 - every sink takes the values as they are
        *,
        typed: bool,
        identifiers: Mapping[str, str],
    ) -> SqliteStatement:
        """Compile `query`; executes nothing.

        Raises:
            DatabaseError: SQLite refuses the text, or an identifier is not in the database.
        """
        key = (id(query), typed, *identifiers.items())
        work = partial(self._session.prepare, query, identifiers, typed=typed)
        return await self._statements.find(key, lambda: self._hop(work))

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
        """Execute `statement` for every set in one hop and one transaction.

        A read isolates the errors of its sets; a write is undone by the first. A cancellation that finds a write
        committed gives its reply; see `Connection.attempt`.

        Args:
            statement: prepared by this connection.
            sets: what to execute it for.
            limits: of the attempt.
            claim: its marker is inserted first.
            before_commit: called in the connection's thread, while it holds the lock on the file: it has to be quick
                and thread-safe. For writes in a transaction only.
            steps: around the statement.

        Raises:
            DatabaseError: with `position`, or without where the database was locked.
            AlreadyApplied: the marker was there.
            NotOwner: the run is not ours.
        """
        known = _ours(statement)
        plain = claim is None and steps is None
        assert plain or not (known.single or limits.read_only), "claims and steps are for a write in a transaction"
        prepared = None if steps is None else await prepare_steps(steps, self._prepare_step)
        if limits.read_only and limits.together and not await self.why_apart(known):
            return await self._hop(partial(self._session.read_together, known, sets, limits_together(limits)))
        if limits.read_only:
            return await self._hop(partial(self._session.read, known, sets, limits))
        work = partial(self._session.write, known, sets, limits, claim, before_commit, prepared)
        return await self._hop(work, lasting=True)

    async def why_apart(self, statement: Statement) -> str:
        """Compare the program of the query with that of copies of it, once for each session; see `BaseConnection.why_apart`."""
        known = _ours(statement)
        if known.shared is None:
            await self._hop(partial(self._session.share, known))
        return known.shared if isinstance(known.shared, str) else ""

    async def administer(
        self, statements: Sequence[str], *, lock_timeout_s: float | None = 2.0
    ) -> list[tuple[object, ...]]:
        """Our own statements in one transaction; see `Connection.administer`.

        It is as durable as the file is set up to be: `synchronous` stays as it is.
        """
        return await self._hop(partial(self._session.administer, statements, lock_timeout_s), lasting=True)

    async def stream(self, statement: Statement, params: ParameterSet, limits: Limits) -> AsyncIterator[Reply]:
        """The rows of one set in pieces of at most 5,000, each a hop; at least one piece, for the columns.

        A statement that may write is executed whole: its rows are given after it has committed.

        Raises:
            DatabaseError: with position 0.
        """
        if not limits.read_only:
            yield await self.attempt(statement, [params], limits)
            return
        session, known = self._session, _ours(statement)
        try:
            reply = await self._hop(partial(session.begin_stream, known, params, limits))
            yield reply
            while len(reply.positions) == PIECE:
                reply = await self._hop(partial(session.next_piece, known, params, limits))
                if reply.positions:
                    yield reply
        finally:
            if not self._lost:
                await self._hop(session.end_stream)

    async def close(self) -> None:
        """Close the file and end the thread; after two seconds without it."""
        self._lost = True
        self._statements.clear()
        try:
            await self._thread.stop(self._handle.cancel)
        finally:
            self._handle.forget_file()

    async def _prepare_step(self, query: Query) -> SqliteStatement:
        return await self.prepare(query, Decoding.PYTHON, typed=False, identifiers={})

    async def _hop(self, work: Callable[[], T], *, lasting: bool = False) -> T:
        """Run `work` in the thread. On cancellation end it there first, for at most the grace.

        `lasting` work that has committed all the same gives its result: `asyncio.current_task().cancelling()` still
        says that it was called back. Where that cannot be known, it raises DatabaseError, not confirmed.
        """
        if self._lost:
            raise DatabaseError("the connection is closed", sqlstate=None, phase=Phase.CONNECTING, connection_lost=True)
        self._handle.deadline.cancelled = self._handle.committing = False
        hop = self._thread.run(work)
        try:
            return await asyncio.shield(hop)
        except asyncio.CancelledError:
            self._lost = True  # until the thread is known to be idle
            with suppress(asyncio.CancelledError):  # called back twice
                await interrupt_until_done(hop, self._handle.cancel, GRACE_S)
            self._lost = not hop.done()
            if lasting and self._handle.committing:
                return what_lasts(hop, GRACE_S)
            raise


def _ours(statement: Statement) -> SqliteStatement:
    if not isinstance(statement, SqliteStatement):
        raise TypeError(f"not a statement of this driver: {type(statement).__name__}")
    return statement
