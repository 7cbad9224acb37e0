"""The connection of one lane and the attempts of one batch: execute, classify errors, retry, isolate the culprit.

Decisions come from `bulkq.policy.retry`; this module only carries them out.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.dialects import COPIED_VERBS, LOCKED
from bulkq.dialects.sqlstates import CANCELED, NOT_NOW, TRANSACTION_TIMEOUT
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.engine.batch_outcome import BatchOutcome, piece
from bulkq.engine.batch_segments import Segment, halves, pieces, segments_of
from bulkq.engine.commit_guard import CommitGuard
from bulkq.engine.failure_records import lost_ownership, refused
from bulkq.engine.look_at_target import look_at_target
from bulkq.engine.plan_attempt import plan_attempt
from bulkq.engine.range_transform import RowsFailed
from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner, ObjectsApart, ObjectSkipped, StoppedError
from bulkq.model import Batch, Outcome, Phase, Reply, SetError
from bulkq.policy import retry
from bulkq.policy.batch_form import Form
from bulkq.policy.retry import Action, Decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.engine.pool import ConnectionPool
    from bulkq.engine.slots import LimiterSlot
    from bulkq.model import AttemptPlan, BatchResult, ParameterSet, PartSpec
    from bulkq.protocols import Connection, Statement, StreamTarget


class Lane:
    """One connection and the batches that are executed on it, one at a time.

    Args:
        sessions: where connections come from.
        budget: retries that the run may still spend on this target.
        slot: of the lane; released while the lane waits for a connection or pauses.
    """

    def __init__(self, sessions: ConnectionPool, budget: retry.Budget, slot: LimiterSlot) -> None:
        self._sessions = sessions
        self._budget = budget
        self._slot = slot
        self._connection: Connection | None = None
        self.stranded = False
        """Whether a statement could not be cancelled and still runs, so that the lane must end."""

    async def ready(self, *, patient: bool = True) -> Connection:
        """Return the connection; open it if necessary, see `ConnectionPool.open`."""
        if self._connection is None and not self._slot.held:
            self._connection = await self._sessions.open(patient=patient)
        elif self._connection is None:
            async with self._slot.lent():
                self._connection = await self._sessions.open(patient=patient)
        return self._connection

    async def close(self) -> None:
        """Return the connection to the pool."""
        if self._connection is not None:
            self._sessions.give_back(self._connection)
            self._connection = None

    async def discard(self) -> None:
        """Close the connection, because its state is unknown."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._sessions.doubt()
            await connection.close()

    async def execute(self, part: PartState, batch: Batch) -> BatchResult:
        """Execute every set of `batch`; each ends with a result or a failure.

        Raises:
            RefusedError: the read-only guard refused the statement.
            StoppedError: the target was unreachable for too long.
        """
        started_s = time.monotonic()
        tally = BatchOutcome(part, part.spec, batch)
        todo = deque(segments_of(batch, part.spec.identifiers))
        while todo:
            segment = todo.popleft()
            known = len(tally.failures)
            todo.extendleft(reversed(await self._attempt(tally, segment)))
            if part.record_failures is not None and len(tally.failures) > known:
                await part.record_failures(tally.failures[known:])
        elapsed_s = time.monotonic() - started_s
        result = tally.result(elapsed_s)
        part.learn(result, tally.attempt_s)
        return result

    async def stream(self, part: PartState, batch: Batch, out: StreamTarget) -> BatchResult:
        """Execute the only set of `batch` and write its rows to `out` as they arrive. Memory does not grow with the result.

        A result of a single piece is in the `BatchResult`, as from `execute`, and nothing is written to `out`.
        """
        started_s = time.monotonic()
        tally = BatchOutcome(part, part.spec, batch)
        segment = Segment(range(1))
        again = True
        while again:
            attempt_s = time.monotonic()
            self._budget.attempt(attempt_s)
            tally.attempts += 1
            segment.attempts += 1
            try:
                await self._stream_once(tally, segment, out)
                again = False
            except DatabaseError as error:
                tally.replies.clear()
                tally.ok = 0
                again = bool(await self._after(tally, segment, error, time.monotonic() - attempt_s))
        return tally.result(time.monotonic() - started_s)

    async def _stream_once(self, tally: BatchOutcome, segment: Segment, out: StreamTarget) -> None:
        part, spec, batch = tally.part, tally.spec, tally.batch
        connection, statement = await self._prepared(spec, batch, batch.sets[0], encode=part.remote)
        segment.alone = statement.single
        params = batch.sets[0]
        copies = self._sessions.driver.capabilities.copies and spec.query.verb in COPIED_VERBS
        if out.copy_delimiter is not None and copies:
            await out.begin()
            rows = await connection.copy(statement, out.copy_delimiter, spec.limits, out.write_bytes)
            tally.add(segment, Reply((), (), range(rows)))
            return
        held: Reply | None = None
        begun = False
        replies = connection.stream(statement, params, spec.limits)
        try:
            async for reply in replies:
                if held is not None:
                    if not begun:
                        begun = part.big = True
                        await out.begin()
                    await out.write(piece(spec, batch, held))
                held = reply
        finally:  # `out` may refuse a piece
            if isinstance(replies, AsyncGenerator):
                await replies.aclose()
        if part.big is None:
            part.big = False
        if begun and held is not None:
            await out.write(piece(spec, batch, held))
            held = None
        tally.add(segment, held or Reply((), (), ()))

    async def _attempt(self, tally: BatchOutcome, segment: Segment) -> list[Segment]:
        """Attempt one segment once. Return the segments that are left to attempt."""
        part, spec, batch = tally.part, tally.spec, tally.batch
        whole = len(segment.positions) == len(batch.sets)
        sets = batch.sets if whole else [batch.sets[p] for p in segment.positions]
        started_s = time.monotonic()
        self._budget.attempt(started_s)
        tally.attempts += 1
        segment.attempts += 1
        try:
            if part.transform is not None or part.command is not None:
                reply = await self._delegate(tally, segment)
            else:
                connection, statement = await self._prepared(spec, batch, sets[0], encode=part.remote and whole)
                segment.alone = statement.single
                if statement.single and len(sets) > 1:
                    tally.attempts -= 1
                    return [Segment((p,)) for p in segment.positions]
                await part.before_send(batch, segment.positions, first=segment.attempts == 1)
                reply = await self._send(connection, tally, segment, statement, sets, batch)
        except RowsFailed as error:
            return await self._split_rows(tally, segment, error)
        except (ObjectSkipped, ObjectsApart) as error:
            return tally.divide(segment, error)
        except AlreadyApplied as there:
            return tally.accept(segment, there)
        except NotOwner as error:
            raise lost_ownership(spec, error) from error
        except DatabaseError as error:
            segment.apart = segment.apart or error.together
            if error.together and not error.connection_lost:
                part.form.fail()
                segment.attempts -= 1  # of no set in particular
                return pieces(segment, part.form.piece)
            return await self._after(tally, segment, error, error.took_s or time.monotonic() - started_s)
        if part.big is None:
            part.big = False
        tally.add(segment, reply)
        tally.attempt_s = time.monotonic() - started_s
        if reply.lost:
            tally.lose(segment, reply.lost)
        return await self._after_set_errors(tally, segment, reply) if reply.errors else []

    async def _send(
        self,
        connection: Connection,
        tally: BatchOutcome,
        segment: Segment,
        statement: Statement,
        sets: Sequence[ParameterSet],
        batch: Batch,
    ) -> Reply:
        """Carry out the plan of the attempt, under the guard of `--max-affected`."""
        part = tally.part
        plan = plan_attempt(tally.spec, batch, segment, sets)
        if plan.limits.read_only:
            return await self._read(connection, statement, part, segment, plan)
        guard = CommitGuard(part, batch)
        committed = 0
        ended = False
        try:
            reply = await connection.attempt(
                statement, sets, plan.limits, claim=plan.claim, before_commit=guard, steps=plan.steps
            )
            committed = 0 if plan.steps is not None and plan.steps.rollback else reply.changed
            ended = True
        finally:
            guard.settle(committed, committed=ended)
        return reply

    async def _delegate(self, tally: BatchOutcome, segment: Segment) -> Reply:
        """Execute a command of maintenance; or read a range, have it computed, and apply it under its claim."""
        part, batch = tally.part, tally.batch
        connection = await self.ready()
        if part.command is not None:
            first = segment.positions[0]
            wanted = batch.slice(first, len(segment.positions))
            return await part.command.execute(connection, wanted, self._pause)
        assert part.transform is not None
        send = partial(self._send, connection, tally, segment)
        return await part.transform.apply(connection, tally.spec, batch, send, in_doubt=segment.in_doubt)

    async def _split_rows(self, tally: BatchOutcome, segment: Segment, failed: RowsFailed) -> list[Segment]:
        """Put the rows that fail into ranges of their own, or record the failure of a range that is one row."""
        segment.in_doubt = False
        ranges = tally.part.ranges
        tally.superseded = ranges is not None and await ranges.split(tally.batch, failed.sizes)
        if not tally.superseded:
            tally.fail(0, SetError(0, failed.state, str(failed)), Outcome.ROLLED_BACK, segment.attempts, None)
        return []

    async def _read(
        self, connection: Connection, statement: Statement, part: PartState, segment: Segment, plan: AttemptPlan
    ) -> Reply:
        """Execute reads in the form that is faster: one statement for all sets, or one execution for each."""
        sets = plan.sets
        form = Form.PIPELINE if segment.apart or len(sets) == 1 else part.form.next(len(sets))
        if form is Form.SET and (not isinstance(connection, BaseConnection) or await connection.why_apart(statement)):
            part.form.refuse()
            form = Form.PIPELINE
        started_s = time.monotonic()
        limits = replace(plan.limits, together=True) if form is Form.SET else plan.limits
        reply = await connection.attempt(statement, sets, limits)
        part.form.record(form, len(sets), time.monotonic() - started_s)
        return reply

    async def _prepared(
        self, spec: PartSpec, batch: Batch, first: ParameterSet, *, encode: bool
    ) -> tuple[Connection, Statement]:
        """Return the connection and the statement of a batch; with `encode`, the rows are encoded where they arise."""
        query = batch.statement or spec.query
        names = queries.read_identifiers(query, first)
        connection = await self.ready()
        statement = await connection.prepare(query, spec.decoding, typed=spec.typed, identifiers=names)
        if encode:
            from bulkq.engine.executors.remote_connection import RemoteStatement

            assert isinstance(statement, RemoteStatement)
            statement.encode_next(spec.number, batch)
        return connection, statement

    async def _after(
        self, tally: BatchOutcome, segment: Segment, error: DatabaseError, elapsed_s: float
    ) -> list[Segment]:
        """Carry out what `policy.retry` decides. Return the segments that are left to attempt."""
        part, spec = tally.part, tally.spec
        outages = self._sessions.outages
        decision = retry.decide(
            error,
            elapsed_s=elapsed_s,
            timeout_s=spec.limits.timeout_s,
            read_only=spec.limits.read_only,
            transaction=spec.limits.transaction and not segment.alone,
        )
        if error.abandoned:
            self._strand(spec, error)
        if error.connection_lost:
            await self.discard()
        waiting = await self._before_deciding(tally, segment, error, decision)
        if waiting is not None:
            return waiting
        match decision.action:
            case Action.REFUSE | Action.SWITCH if decision.action is Action.REFUSE or segment.once:
                raise refused(spec, str(error))
            case Action.FAIL:
                return await self._fail(tally, segment, error, decision)
            case Action.ONCE if segment.once:
                return await self._fail(tally, segment, error, decision)
            case Action.ONCE:
                segment.once = True
            case Action.RECONNECT | Action.SWITCH:
                segment.once = segment.once or decision.action is Action.SWITCH
                await self.discard()
                await self.ready()
                if self._sessions.outages > outages:
                    segment.attempts -= 1  # the server was away: the run's matter, not this set's
            case Action.HALVE:
                part.shrink(tally.batch, timed_out=False)
        if segment.attempts > spec.retries:
            return await self._fail(tally, segment, error, decision, exhausted=True)
        tally.retried += len(segment.positions)
        await self._pause(segment.attempts)
        return halves(segment) if decision.action is Action.HALVE else [segment]

    def _strand(self, spec: PartSpec, error: DatabaseError) -> None:
        """End the lane after this batch: its statement still runs, so a new connection would exceed the requested number."""
        self.stranded = True
        self._slot.keep()
        self._sessions.say(f"{spec.target}: a statement of {spec.query.place} {error}: its lane has ended")

    async def _settle(self, tally: BatchOutcome, segment: Segment) -> list[Segment]:
        """Send the same segment again, to find out whether its marker was committed.

        The claim waits for a transaction that is still in flight, also through an outage. A query could miss its commit.
        """
        segment.in_doubt = True
        await self.discard()
        await self.ready()
        tally.retried += len(segment.positions)
        if tally.spec.claims is not None:  # no number of tries turns "not known" into "failed"
            segment.attempts = min(segment.attempts, tally.spec.retries)
        await self._pause(segment.attempts)
        return [segment]

    async def _before_deciding(
        self, tally: BatchOutcome, segment: Segment, error: DatabaseError, decision: Decision
    ) -> list[Segment] | None:
        """Return the segments to attempt again before an outcome can be decided, or None if it can be decided now."""
        if segment.in_doubt and error.phase not in {Phase.SENT, Phase.COMMITTING}:
            # Only a granted claim proves that the earlier try is over. Until then nothing is cut, and nothing fails.
            return await self._still_in_doubt(tally, segment, error)
        segment.in_doubt = False
        if error.phase is Phase.CLAIMING and error.sqlstate in WAITED_FOR:
            # Another session holds the run row or this very marker: waiting for it is no attempt.
            segment.attempts -= 1
            await self._pause(1)
            return [segment]
        if decision.outcome is Outcome.UNKNOWN and self._may_settle(tally.spec, segment, error):
            return await self._settle(tally, segment)
        return None

    def _may_settle(self, spec: PartSpec, segment: Segment, error: DatabaseError) -> bool:
        """Whether a repeat shows the outcome of an attempt: with a marker, unless the statement itself committed the marker."""
        if error.abandoned or error.broken_off or segment.stays_open(error, spec.retries):
            return False
        return spec.claims is not None or (spec.repeatable and segment.attempts <= spec.retries)

    async def _still_in_doubt(self, tally: BatchOutcome, segment: Segment, error: DatabaseError) -> list[Segment]:
        """Handle a repeat that failed before its claim: try again, unless the server rejects the statement itself."""
        tries_left = tally.spec.claims is not None or segment.attempts <= tally.spec.retries
        tries_left = tries_left and not segment.stays_open(error, tally.spec.retries)
        refused_now = error.phase is not Phase.CLAIMING and not error.connection_lost and _refused(error)
        if tries_left and not refused_now:
            return await self._settle(tally, segment)
        for position in segment.positions:
            tally.fail(position, error, Outcome.UNKNOWN, segment.attempts, None)
        return []

    async def _after_set_errors(self, tally: BatchOutcome, segment: Segment, reply: Reply) -> list[Segment]:
        """Sort the sets that failed on their own, in a driver that isolates errors, into failures and retries."""
        again: list[int] = []
        for error in reply.errors:
            position = segment.positions[error.position]
            state = error.sqlstate or ""
            if state in retry.READ_ONLY and tally.spec.limits.read_only:
                raise refused(tally.spec, error.message)
            if retry.ACTIONS.get(state) is Action.RETRY and segment.attempts <= tally.spec.retries:
                again.append(position)
                continue
            timed_out = tally.spec.limits.timeout_s if state in retry.TIMEOUTS else None
            tally.fail(position, error, Outcome.ROLLED_BACK, segment.attempts, timed_out)
        if not again:
            return []
        tally.retried += len(again)
        await self._pause(segment.attempts)
        return [Segment(again, attempts=segment.attempts)]

    async def _fail(
        self,
        tally: BatchOutcome,
        segment: Segment,
        error: DatabaseError,
        decision: Decision,
        *,
        exhausted: bool = False,
    ) -> list[Segment]:
        """Record the culprit and return the segments without it, or halve the segment to find it."""
        part, spec = tally.part, tally.spec
        positions = segment.positions
        if decision.timed_out or error.sqlstate == TRANSACTION_TIMEOUT:
            part.shrink(tally.batch, timed_out=True)
        try:
            await look_at_target(tally, error, decision.outcome)
        except StoppedError as stop:
            self._sessions.gone = self._sessions.gone or stop  # of several targets, the others continue
            raise self._sessions.gone from error
        if part.ranges is not None and decision.outcome is Outcome.ROLLED_BACK and await part.ranges.split(tally.batch):
            tally.superseded = True
            return []
        limit_s = spec.limits.timeout_s if decision.timed_out else None
        if decision.outcome is Outcome.UNKNOWN and not (spec.limits.read_only or spec.repeatable):
            for position in positions:
                tally.fail(position, error, Outcome.UNKNOWN, segment.attempts, limit_s)
            return []
        if error.phase is Phase.PREPARING and not exhausted and not decision.timed_out:
            # The statement of all of them: another name in it is another segment.
            for position in positions:
                tally.fail(position, error, decision.outcome, segment.attempts, limit_s)
            return []
        index = 0 if len(positions) == 1 else error.position
        if index is None or (exhausted and len(positions) > 1):
            return [Segment((p,)) for p in positions] if decision.timed_out else halves(segment)
        tally.fail(positions[index], error, decision.outcome, segment.attempts, limit_s)
        before, after = list(positions[:index]), list(positions[index + 1 :])
        # A read is sent again without the culprit. A write goes on in two runs of consecutive sets, because what
        # records that they are applied is a range.
        rest = [before + after] if spec.limits.read_only else [before, after]
        return [Segment(sets) for sets in rest if sets]

    async def _pause(self, attempts: int) -> None:
        wait_s = self._budget.wait_s(time.monotonic())
        async with self._slot.lent():
            await asyncio.sleep(wait_s + retry.pause_s(attempts, random.random()))  # noqa: S311 - jitter, not a secret


WAITED_FOR = LOCKED | NOT_NOW | {CANCELED}
"""Whether a claim did not get its lock, so that the user's statement was not sent."""


def _refused(error: DatabaseError) -> bool:
    """Whether the server rejects the statement itself."""
    return (error.sqlstate or "").startswith("42")
