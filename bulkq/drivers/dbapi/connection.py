"""One session of a DB-API library, the `Connection` of its driver: calls into its thread, their deadlines and cancellation.

What happens inside a hop is in `blocking_session`; where it runs is in `thread_or_greenlet`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from bulkq.dialects.sqlstates import CANCELED
from bulkq.drivers.dbapi.attempt import WORK_S
from bulkq.drivers.dbapi.statement import SqlStatement
from bulkq.drivers.dbapi.transaction import PIECE
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.drivers.prepare_attempt_steps import prepare_steps
from bulkq.drivers.statement_cache import StatementCache
from bulkq.drivers.threads import NUDGE_S, what_lasts
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Decoding, Phase
from bulkq.model.attempt_limits import POOLER_S
from bulkq.policy.batch_form import limits_together

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from bulkq.drivers.dbapi.attempt_state import AttemptState
    from bulkq.drivers.dbapi.blocking_session import SqlSession
    from bulkq.drivers.dbapi.thread_or_greenlet import CallExecutor
    from bulkq.drivers.dbapi.warnings import Warnings
    from bulkq.model import AttemptSteps, BadValue, Claim, Limits, ParameterSet, Query, Reply, Server
    from bulkq.protocols import Statement

T = TypeVar("T")

GRACE_S = 2.0
"""How long a cancelled statement may take to end before its connection is cut."""

CUT_S = 0.5
"""How long a hop whose connection was cut may take to notice."""

MARGIN_S = 5.0
"""Where the server ends a statement itself, we do so this much later: its answer is certain, ours is a guess."""

PREPARE_S = 30.0


class SqlConnection(BaseConnection):
    """One session.

    Args:
        executor: open.
        session: on its connection.
        server: what it found when it came.
        cancels: what runs can be ended.
        left_behind: told when a statement could not be ended, so that its connection and thread had to be left behind.
        warnings: of the target, to which those of this session are added.
    """

    def __init__(
        self,
        executor: CallExecutor,
        session: SqlSession,
        server: Server,
        left_behind: Callable[[], None],
        warnings: Warnings,
        *,
        cancels: bool,
    ) -> None:
        self.server = server
        self._cancels = cancels
        self._executor = executor
        self._session = session
        self._left_behind = left_behind
        self._warnings = warnings
        self._lost = False
        self._abandoned = False
        self._statements = StatementCache[SqlStatement]()

    async def prepare(
        self, query: Query, decoding: Decoding, *, typed: bool, identifiers: Mapping[str, str]
    ) -> SqlStatement:
        """Ask the database about `query`, as far as it can be asked; see `Connection.prepare`."""
        if not query.transaction:
            self._must_be_direct(query)
        key = (id(query), decoding, typed, *identifiers.items())
        work = partial(self._session.prepare, query, identifiers, decoding, typed=typed)
        return await self._statements.find(key, lambda: self._hop(work, PREPARE_S, Phase.PREPARING))

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
        """Execute `statement` for every set in one hop and one transaction; see `Connection.attempt`.

        `before_commit` is called in the hop, on another thread where the library is a sync one.
        """
        known = _ours(statement)
        alone = known.single or not limits.transaction
        if alone:
            self._must_be_direct(known.query)
        plain = claim is None and steps is None
        if not plain:
            self.must_be_claimable(known)
        assert plain or not (alone or limits.read_only), "claims and steps are for a write in a transaction"
        prepared = None if steps is None else await prepare_steps(steps, self._prepare_step)
        if limits.together:
            shared = len(sets) > 1 and not alone and not await self.why_apart(known)
            limits = limits_together(limits) if shared else replace(limits, together=False)
        work = partial(self._session.attempt, known, sets, limits, claim, before_commit, prepared)
        phase = Phase.COMMITTING if alone else Phase.SENT
        return await self._hop(work, limits.timeout_s, phase, lasting=not limits.read_only)

    def must_be_claimable(self, statement: Statement) -> None:
        """Check what the database said of the statement; see `BaseConnection.must_be_claimable`."""
        self._session.must_be_claimable(_ours(statement))

    async def why_apart(self, statement: Statement) -> str:
        """Ask the database, once for each session; see `BaseConnection.why_apart`."""
        known = _ours(statement)
        if known.apart is None:
            await self._hop(partial(self._session.share, known), PREPARE_S, Phase.PREPARING)
        return known.apart or ""

    async def stream(self, statement: Statement, params: ParameterSet, limits: Limits) -> AsyncIterator[Reply]:
        """The rows of one set in pieces of at most 5,000, each a hop; at least one piece, for the columns.

        A statement that may write is executed whole: its rows are given after it has committed.
        """
        known = _ours(statement)
        if not limits.read_only or known.single or known.returns_rows is False:
            yield await self.attempt(known, [params], limits)
            return
        session = self._session
        left = _RemainingTime(limits.timeout_s, strict=session.adapter.ends_quietly)
        try:
            with left:
                reply = await self._hop(partial(session.begin_stream, known, params, limits), left.s, Phase.SENT)
            yield reply
            while len(reply.positions) == PIECE:
                with left:
                    reply = await self._hop(partial(session.next_piece, known, params), left.s, Phase.SENT)
                if reply.positions:
                    yield reply
        finally:
            if not self._lost:
                await self._hop(session.end_stream, GRACE_S, Phase.SENT)

    async def administer(
        self, statements: Sequence[str], *, lock_timeout_s: float | None = 2.0
    ) -> list[tuple[object, ...]]:
        """Our own statements in one transaction; see `Connection.administer`."""
        deadline_s = None if lock_timeout_s is None else lock_timeout_s + WORK_S
        work = partial(self._session.administer, statements, lock_timeout_s)
        return await self._hop(work, deadline_s, Phase.SENT, lasting=True)

    async def check(self, statement: Statement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """Text values that their types do not take, as far as the database says; see `Connection.check`."""
        known = _ours(statement)
        if known.binding.bare or not sets:
            return []
        return await self._hop(partial(self._session.check, known, sets), PREPARE_S, Phase.PREPARING)

    async def close(self) -> None:
        """End the session and its thread; after two seconds without them."""
        self._lost = True
        self._statements.clear()
        if not self._abandoned and not await self._executor.close():
            self._abandoned = True
            self._left_behind()

    def _must_be_direct(self, query: Query) -> None:
        """Check that limits of the session hold for a statement outside a transaction, and do not stay with another client.

        Raises:
            RefusedError: a pooler is in between.
        """
        if self.server.pooled:
            raise RefusedError(
                f"{query.place}: runs outside a transaction, where a pooler keeps no timeouts: connect to the server itself"
            )

    async def _prepare_step(self, query: Query) -> SqlStatement:
        made = await self.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        self._session.must_be_claimable(made)
        return made

    # hops

    async def _hop(self, work: Callable[[], T], timeout_s: float | None, phase: Phase, *, lasting: bool = False) -> T:
        """Run `work` where the executor runs it, each statement for at most `timeout_s`.

        On cancellation end it there first, within the grace. `lasting` work that has committed all the same gives its result.
        """
        if self._lost:
            why = f": {self._session.why_lost}" if self._session.why_lost else ""
            raise DatabaseError(
                f"the connection is closed{why}", sqlstate=None, phase=Phase.CONNECTING, connection_lost=True
            )
        attempt = self._session.watch(timeout_s)
        hop = self._executor.run(work)
        try:
            result = await self._watched(hop, attempt, timeout_s, phase)
        except asyncio.CancelledError:
            self._lost = True  # until the hop is known to have ended
            with suppress(asyncio.CancelledError):  # called back twice
                await self._called_back(hop, attempt)
            self._lost = not hop.done() or self._session.lost
            if self._abandoned:
                raise asyncio.CancelledError(f"cannot be cancelled and was left behind{self._remedy}") from None
            if lasting and attempt.committing:
                return what_lasts(hop, GRACE_S)
            raise
        else:
            self._warnings.take(self._session.warned, keep=True)
            return result
        finally:
            self._warnings.take(self._session.warned, keep=False)
            self._lost = self._lost or self._session.lost

    async def _watched(self, hop: asyncio.Future[T], attempt: AttemptState, timeout_s: float | None, phase: Phase) -> T:
        """Wait for `hop`; end the statement whose time is up. A statement's clock starts when it is first seen."""
        if timeout_s is None:
            return await asyncio.shield(hop)
        limit_s = timeout_s + MARGIN_S if self._session.adapter.limits_time else timeout_s
        look_s = max(0.01, min(0.25, limit_s / 10))
        loop = asyncio.get_running_loop()
        answers, which, since_s = attempt.answers, 0, loop.time()  # each step of an attempt has answers of its own
        waits = self.server.pooled and not attempt.begun  # for a session of the server
        while True:
            await asyncio.wait([hop], timeout=look_s)
            if hop.done():
                return hop.result()
            if attempt.answers is not answers or len(answers) != which or (waits and attempt.begun):
                answers, waits = attempt.answers, waits and not attempt.begun
                which, since_s = len(answers), loop.time()
            elif loop.time() - since_s >= (max(POOLER_S, limit_s) if waits else limit_s):
                attempt.expired = which
                if not await self._ended(hop, lambda now=answers, at=which: attempt.answers is now and len(now) == at):  # type: ignore[misc]
                    raise self._gone(hop, which, timeout_s, phase)
                attempt.expired = which if hop.done() else None
                since_s = loop.time()

    async def _called_back(self, hop: asyncio.Future[T], attempt: AttemptState) -> None:
        """End a hop whose task was cancelled."""
        attempt.cancelled = True
        if not await self._ended(hop, lambda: True):
            self._abandon(hop)

    async def _ended(self, hop: asyncio.Future[T], still: Callable[[], bool]) -> bool:
        """Interrupt while the same statement runs, for at most the grace; then cut the connection.

        Whether the statement is over. A cancellation waits for that and is raised then.
        """
        loop = asyncio.get_running_loop()
        cancelled: asyncio.CancelledError | None = None
        patience_s = GRACE_S if self._cancels else 0.0
        for grace_s, how in ((patience_s, self._interrupt), (CUT_S, self._executor.cut)):
            end_s = loop.time() + grace_s
            while not hop.done() and still() and loop.time() < end_s:
                how()
                try:
                    await asyncio.wait([hop], timeout=NUDGE_S)
                except asyncio.CancelledError as error:
                    cancelled = error
        if hop.done() and not hop.cancelled():
            hop.exception()  # retrieved, because no task may await it any more
        try:
            await self._settle(hop)
        except asyncio.CancelledError as error:
            cancelled = error
        if cancelled is not None:
            raise cancelled
        return hop.done() or not still()

    async def _settle(self, hop: asyncio.Future[T]) -> None:
        """No request to cancel may hit what comes next."""
        await self._executor.settled()
        if hop.done() and not self._session.lost:
            recovered = self._executor.run(self._session.recover)
            await asyncio.wait([recovered], timeout=GRACE_S)
            if not recovered.done():
                self._abandon(recovered)

    def _interrupt(self) -> None:
        pid = self.server.pid
        self._executor.interrupt(self._session.adapter.kill(pid) if pid is not None else None)

    def _abandon(self, hop: asyncio.Future[T]) -> None:
        """Leave the connection and its thread behind: a thread cannot be stopped."""
        hop.add_done_callback(lambda late: late.cancelled() or late.exception())
        if not self._abandoned:
            self._lost = self._abandoned = True
            self._left_behind()

    @property
    def _remedy(self) -> str:
        pid = self.server.pid
        end = self._session.adapter.kill(pid) if pid is not None else None
        return f", end it by: {end}" if end else ""

    def _gone(self, hop: asyncio.Future[T], which: int, timeout_s: float, phase: Phase) -> DatabaseError:
        self._abandon(hop)
        error = DatabaseError(
            f"timed out after {timeout_s:g}s, cannot be cancelled and was left behind",
            sqlstate=CANCELED,
            phase=phase,
            position=which,
            hint=self._remedy.removeprefix(", ") or None,
            connection_lost=True,
            confirmed=False,
        )
        error.abandoned = True
        return error


class _RemainingTime:
    """The remaining time of a query whose rows are fetched in pieces. The time of the reader between pieces does not count.

    Args:
        timeout_s: of the query.
        strict: a piece that comes too late is not believed either.
    """

    def __init__(self, timeout_s: float | None, *, strict: bool) -> None:
        self.s = timeout_s
        self._strict = strict
        self._timeout_s = timeout_s
        self._since_s = 0.0

    def __enter__(self) -> None:
        """A piece is asked for.

        Raises:
            DatabaseError: the time was used up by the pieces before it.
        """
        self._refuse_late()
        self._since_s = asyncio.get_running_loop().time()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """It is there.

        Raises:
            DatabaseError: too late.
        """
        if self.s is not None:
            self.s -= asyncio.get_running_loop().time() - self._since_s
        if self._strict and kind is None:
            self._refuse_late()

    def _refuse_late(self) -> None:
        if self.s is not None and self.s <= 0:
            raise DatabaseError(
                f"timed out after {self._timeout_s:g}s", sqlstate=CANCELED, phase=Phase.SENT, position=0
            )


def _ours(statement: Statement) -> SqlStatement:
    if not isinstance(statement, SqlStatement):
        raise TypeError("the statement belongs to another driver")
    return statement
