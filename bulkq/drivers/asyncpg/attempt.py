"""One attempt: the transaction, the batch in it, its end, and how the session becomes idle again after an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from bulkq import markers
from bulkq.dialects import postgresql
from bulkq.dialects.sqlstates import CANCELED
from bulkq.drivers.asyncpg.commit import CUT_S, commit
from bulkq.drivers.asyncpg.extended_connection import undisturbed
from bulkq.drivers.asyncpg.lock_wait_errors import GRANTED, explain_refusal, name_holders
from bulkq.drivers.asyncpg.statement import WRAPPED
from bulkq.drivers.asyncpg.translate_errors import translate
from bulkq.drivers.expected_rows import check_rows
from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.policy.check_attempt_step_rows import blame_step, check_step

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession
    from bulkq.drivers.asyncpg.statement import Arguments, AsyncpgStatement
    from bulkq.drivers.prepare_attempt_steps import PreparedSteps
    from bulkq.model import AttemptStep, Claim, Limits, ParameterSet, Reply, Server

COMMAND_S = 10.0
"""Timeout of bulkq's own short statements."""

MARGIN_S = 5.0
"""Time between the server's timeout and the client's. The server's is first, because its outcome is certain."""

FOREVER_S = 10.0 * 365 * 86400
"""asyncpg takes None as "the default"; `--timeout none` means it."""

PIECE = 5000
"""Rows per piece of a stream."""


class Attempt:
    """One attempt of `sets`.

    Args:
        session: idle.
        server: the properties of its server.
        statement: prepared by this session.
        sets: of the attempt; errors give indexes into it.
        limits: of the attempt; `read_only` is enforced.
        claim: of an exactly-once write.
        before_commit: is given the number of rows that a write changed. If it raises, they are rolled back.
        steps: around the statement, prepared by this session.
    """

    def __init__(
        self,
        session: AsyncpgSession,
        server: Server,
        statement: AsyncpgStatement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        *,
        claim: Claim | None = None,
        before_commit: Callable[[int], None] | None = None,
        steps: PreparedSteps[AsyncpgStatement] | None = None,
    ) -> None:
        self._session = session
        self._server = server
        self._statement = statement
        self._sets = sets
        self._limits = limits
        self._claim = claim
        self._before_commit = before_commit
        self._steps = steps
        self._step: tuple[AttemptStep, AsyncpgStatement] | None = None  # under way
        self._theirs: Exception | None = None  # what `before_commit` raised
        self._deadline_s = FOREVER_S if limits.timeout_s is None else limits.timeout_s + MARGIN_S
        self._ends_s = asyncio.get_running_loop().time() + self._deadline_s
        self._phase = Phase.ENCODING
        self._arguments: Sequence[Arguments] = ()
        self._at: int | None = None  # the set under way, where they are executed one by one
        self._ending: asyncio.Future[bool] | None = None

    async def run(self) -> Reply:
        """Execute all sets in one transaction."""
        try:
            self._bind()
            await self._begin()
            if self._steps is not None:
                await self._take_steps(self._steps.before)
            reply = await self._batch()
            self._check(reply)
            if self._steps is not None:
                await self._take_steps(self._steps.after)
            await self._end(reply.changed)
        except Exception as error:  # noqa: BLE001 - translated
            await self._fail(error)
        except BaseException:
            await self._session.recover()
            raise
        return reply

    async def alone(self) -> Reply:
        """Execute one set outside a transaction: VACUUM, CREATE INDEX CONCURRENTLY, a procedure that commits."""
        iso = self._restyles()
        try:
            self._bind()
            sql = postgresql.session_limits(self._limits, self._statement.query.path, iso=iso)
            await self._session.execute(sql, timeout=COMMAND_S)
            self._phase = Phase.COMMITTING  # from here on only the server knows
            reply = await self._batch()
        except Exception as error:  # noqa: BLE001 - translated
            await self._fail(error)
        except BaseException:
            await self._session.recover()
            raise
        finally:
            if not self._session.is_closed():
                self._session.command_limits = ""
                await self._session.forget(postgresql.RESET + (postgresql.RESET_STYLE if iso else ""))
        return reply

    async def pieces(self) -> AsyncGenerator[Reply, None]:
        """Yield the rows of the only set, through a server cursor."""
        spent_s = 0.0
        loop = asyncio.get_running_loop()
        try:
            self._bind()
            await self._begin(streaming=True)
            started_s = loop.time()
            cursor, records = await self._session.open_cursor(
                self._statement.handle, self._arguments[0], PIECE, self._deadline_s
            )
            while True:
                spent_s += loop.time() - started_s
                self._still_in_time(spent_s)
                yield self._statement.rows_reply(records)
                if len(records) < PIECE:
                    break
                started_s = loop.time()
                records = await cursor.fetch(PIECE, timeout=max(0.1, self._deadline_s - spent_s))
            await self._end()
        except Exception as error:  # noqa: BLE001 - translated
            await self._fail(error)
        except BaseException:
            await self.abandon()
            raise

    async def abandon(self) -> None:
        """End a stream before its last row: when its reader closes it, or when the session is needed again."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._session.recover())
        await asyncio.shield(self._ending)

    async def copy(self, delimiter: str, write: Callable[[bytes], object]) -> int:
        """Write the whole result as CSV."""
        broken: list[Exception] = []

        async def kept(data: bytes) -> None:
            try:
                waiting = write(data)
                if isinstance(waiting, Awaitable):
                    await waiting  # a slow reader: meanwhile the server is not read from, and waits as well
            except Exception as error:
                broken.append(error)
                raise

        try:
            await self._begin()
            sql = postgresql.copied(self._statement.shape.text, delimiter)
            rows = await self._session.copy_out(sql, kept, self._deadline_s)
            await self._end()
        except Exception as error:
            if broken:  # not the database's error: the writer of the output handles it
                await self._session.recover()
                raise
            await self._fail(error)
        except BaseException:
            await self._session.recover()
            raise
        return rows

    def _bind(self) -> None:
        statement = self._statement
        if self._limits.together:
            self._arguments = (statement.transposed(self._sets),)
        elif statement.shape.form in WRAPPED:
            self._arguments = statement.numbered(self._sets, ordered=self._limits.ordered)
        else:
            self._arguments = statement.bind(self._sets)
        self._phase = Phase.PREPARING

    async def _begin(self, *, streaming: bool = False) -> None:
        number = self._server.version_number
        sql = postgresql.opening(
            self._limits,
            ordinals=number >= 130000 and not self._statement.secret,
            check_alive=self._session.check_alive,
            streaming=streaming,
            path=self._statement.query.path,
            local=self._session.local,
            iso=self._restyles(),
        )
        self._phase = Phase.PREPARING
        if self._followed:
            self._session.usual_openings[streaming, self._limits.lock_timeout_s] = sql if self._describes() else ""
        if self._claim is None:
            if not self._session.continues(sql):
                await self._session.execute(self._session.following(sql), timeout=self._session.opening_s)
                self._ends_s = asyncio.get_running_loop().time() + self._deadline_s
        else:
            await self._take(sql, self._claim)
        self._phase = Phase.SENT

    @property
    def _followed(self) -> bool:
        """Whether the next attempt may end the transaction. A pooler gives the server's session to other lanes between two attempts."""
        return self._limits.followed and self._limits.read_only and not self._server.pooled

    def _describes(self) -> bool:
        """Whether the next text can be described under these limits: they leave it time, and bound its wait for locks."""
        time_s, lock_s = self._limits.timeout_s, self._limits.lock_timeout_s
        bounded = lock_s is not None and lock_s <= postgresql.DESCRIBE_LOCK_S
        return bounded and time_s is not None and time_s >= postgresql.DESCRIBE_S and self._limits.read_only

    def _restyles(self) -> bool:
        """Whether the session's date style differs from the one that the statement's values need."""
        return self._statement.shape.iso and not self._session.iso

    async def _take(self, opening: str, claim: Claim) -> None:
        """Open the transaction and insert the marker, in one message.

        Waits for a transaction that claims the same sets, or that takes the run over.
        """
        self._phase = Phase.CLAIMING
        patience_s = self._limits.lock_timeout_s
        timeout_s = self._deadline_s if patience_s is None else max(self._session.opening_s, patience_s + MARGIN_S)
        sql = "; ".join((opening, *markers.claiming(claim, "postgres")))
        if await self._session.execute(sql, timeout=timeout_s) != GRANTED:
            raise await explain_refusal(self._session, claim)
        self._ends_s = asyncio.get_running_loop().time() + self._deadline_s

    async def _batch(self) -> Reply:
        statement, arguments = self._statement, self._arguments
        if self._limits.together:
            assert statement.together is not None
            records = await statement.together.fetch(*arguments[0], timeout=self._deadline_s)
            return replace(statement.reply(records, ordered=False), together=True)
        if statement.shape.form not in WRAPPED:
            return await self._one_by_one()
        if len(arguments) == 1:
            records = await statement.handle.fetch(*arguments[0], timeout=self._deadline_s)
        else:
            records = await self._pipelined()
        return statement.reply(records, ordered=self._limits.ordered)

    async def _pipelined(self) -> list[Sequence[object]]:
        """Await one round trip in a task of its own, because asyncpg loses a cancellation that arrives while it sends."""
        batch = asyncio.ensure_future(self._statement.handle.fetchmany(self._arguments, timeout=self._deadline_s))
        try:
            records: list[Sequence[object]] = await asyncio.shield(batch)
        except asyncio.CancelledError:
            await undisturbed(self._cut(batch))
            raise
        return records

    async def _cut(self, batch: asyncio.Future[object]) -> None:
        """Cancel a round trip: the first cancellation ends the sending or the wait, the second ends the wait after the sending."""
        for _ in range(2):
            batch.cancel()
            await asyncio.wait([batch], timeout=CUT_S)
            if batch.done():
                return
        self._session.terminate()
        await asyncio.wait([batch], timeout=CUT_S)

    async def _one_by_one(self) -> Reply:
        statement = self._statement
        answers: list[tuple[list[Sequence[object]], str]] = []
        for position, arguments in enumerate(self._arguments):
            self._at = position
            left_s = max(0.1, self._ends_s - asyncio.get_running_loop().time())
            records = await statement.handle.fetch(*arguments, timeout=left_s)
            answers.append((records, statement.handle.get_statusmsg() or ""))
        self._at = None
        return statement.plain_reply(answers)

    async def _take_steps(self, steps: Sequence[tuple[AttemptStep, AsyncpgStatement]]) -> None:
        for self._step in steps:
            step, statement = self._step
            check_step(step, await self._answer(statement, step.params))
        self._step = None

    async def _answer(self, statement: AsyncpgStatement, params: ParameterSet) -> Reply:
        """Return the reply of a statement of bulkq for one set."""
        handle = statement.handle
        if statement.shape.form not in WRAPPED:
            (arguments,) = statement.bind([params])
            records = await handle.fetch(*arguments, timeout=self._deadline_s)
            return statement.plain_reply([(records, handle.get_statusmsg() or "")])
        (arguments,) = statement.numbered([params], ordered=True)
        return statement.reply(await handle.fetch(*arguments, timeout=self._deadline_s), ordered=True)

    def _check(self, reply: Reply) -> None:
        """Call `before_commit` for a write."""
        if self._limits.read_only:
            return
        if self._limits.expect_rows is not None:
            counted = not self._statement.shape.kinds
            check_rows(reply, len(self._sets), self._limits.expect_rows, counted=counted)
        if self._before_commit is not None:
            try:
                self._before_commit(reply.changed)
            except Exception as error:
                self._theirs = error
                raise

    async def _must_see_all(self) -> None:
        """Check that what was read with a shared snapshot is what the snapshot should see.

        Raises:
            DatabaseError: a table was written anew since, so that it looked empty.
        """
        found = await self._session.fetchval(postgresql.UNSEEN, timeout=self._deadline_s)
        if found:
            raise DatabaseError(
                f"{found} was written anew or made since the snapshot was taken, so the answer may lack rows of it: run it again",
                sqlstate=None,
                phase=Phase.SENT,
            )

    async def _end(self, changed: int = 0) -> None:
        if self._limits.snapshot is not None:
            await self._must_see_all()
        if self._followed:
            self._session.linger()
            return
        if self._limits.read_only or (self._steps is not None and self._steps.rollback):
            await self._session.execute("ROLLBACK", timeout=COMMAND_S)
            return
        sql = "COMMIT"
        if self._claim is not None and changed != self._claim.sets:
            sql = f"{markers.count(self._claim, changed)}; COMMIT"
        self._phase = Phase.COMMITTING
        await commit(self._session, sql, timeout_s=self._deadline_s, pid=self._server.pid)

    def _still_in_time(self, spent_s: float) -> None:
        """Enforce the timeout of the whole query. The server measures each piece alone."""
        if self._limits.timeout_s is not None and spent_s > self._limits.timeout_s:
            raise DatabaseError(
                "canceling statement due to statement timeout", sqlstate=CANCELED, phase=Phase.SENT, position=0
            )

    async def _fail(self, error: Exception) -> NoReturn:
        idle = await self._session.recover()
        if error is self._theirs:
            raise error
        if self._step is not None:
            raise self._blamed(error, *self._step, idle=idle)
        claiming_only = self._phase is Phase.CLAIMING  # then no set of the user's is to blame
        found = translate(
            error,
            self._phase,
            statement=None if claiming_only else self._statement,
            sets=self._sets,
            arguments=self._arguments,
            idle=idle,
            pid=self._server.pid,
            deadline_s=self._deadline_s,
        )
        if self._limits.together:
            found.together, found.position = True, None
        elif found.position is None:
            found.position = self._at
        if claiming_only:
            await name_holders(self._session, found, self._limits.lock_timeout_s)
        raise found from (None if found is error else error)

    def _blamed(self, error: Exception, step: AttemptStep, statement: AsyncpgStatement, *, idle: bool) -> DatabaseError:
        found = translate(
            error,
            self._phase,
            statement=statement,
            sets=[step.params],
            idle=idle,
            pid=self._server.pid,
            deadline_s=self._deadline_s,
        )
        if found is not error:
            found.__cause__ = error
        return blame_step(found, step)
