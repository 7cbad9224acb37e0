"""One lane's connection and the attempts of one batch: execute, understand what went wrong, try again, set the culprit aside.

Decisions come from `bulkq.policy.retry`; this module only carries them out.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from bulkq import query as queries
from bulkq.engine.segments import Segment, halves, segments_of
from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner, RefusedError
from bulkq.model import (
    ANSWER_LOST,
    Batch,
    BatchResult,
    Claim,
    Failure,
    Outcome,
    Phase,
    PlaceholderKind,
    Reply,
    SetError,
)
from bulkq.model.changed_rows import changed_in_all
from bulkq.model.states import MARKER_EARLY
from bulkq.policy import retry
from bulkq.policy.advice import COMMITTED_EARLY, advised
from bulkq.policy.mask_values import MASK, without_secrets
from bulkq.policy.retry import Action, Decision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.engine.limiter import Permit
    from bulkq.engine.pool import Sessions
    from bulkq.model import Column, Decoding, Limits, MarkerTables, ParameterSet, Query
    from bulkq.policy.affected_rows import AffectedGuard
    from bulkq.policy.batch_size import BatchSize
    from bulkq.protocols import Connection, Statement

COPIED = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
"""What PostgreSQL's COPY takes between its parentheses; EXPLAIN and SHOW give rows as well, and it refuses them."""


@dataclass(slots=True)
class Work:
    """What the batches of one query on one target have in common; shared by the lanes."""

    query: Query
    target: str
    decoding: Decoding
    typed: bool
    limits: Limits
    retries: int
    size: BatchSize
    part: int = 1
    claims: Claims | None = None
    """Of a write that is to be exactly once: every attempt claims its sets in its own transaction."""

    repeatable: bool = False
    """An outcome that is not known is settled by trying again: reads, and writes declared idempotent."""

    answers: bool = True
    """Whether anybody wants the rows: then a batch that turns out to be applied already has lost them."""

    guard: AffectedGuard | None = None
    started: Callable[[Batch], Awaitable[None]] | None = None
    """Of maintenance: makes durable that a set is about to be sent; what has no end on record is unknown then."""

    failed: Callable[[Sequence[Failure]], Awaitable[None]] | None = None
    """Of a write: makes durable which sets have failed, before later sets are applied that may change the same row."""

    big: bool | None = None
    """Whether results are too big to hold whole: None until the first reply tells."""

    @property
    def identifiers(self) -> tuple[int, ...]:
        """Indexes of the parameters that stand for `:{name}`."""
        parameters = self.query.parameters
        return tuple(i for i, p in enumerate(parameters) if p.kind is PlaceholderKind.IDENTIFIER)


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose claims the batches of a run make."""

    run: str
    owner: str
    tables: MarkerTables


class Pieces(Protocol):
    """Where a streamed result goes while it arrives; the runner's lane implements it over its sink."""

    copy_delimiter: str | None

    async def begin(self) -> None:
        """Take the turn in output order; on a later attempt forget what the earlier one wrote."""
        ...

    async def write(self, result: BatchResult) -> None:
        """Append a piece."""
        ...

    def write_bytes(self, data: bytes) -> object:
        """Append bytes of COPY."""
        ...


@dataclass(slots=True)
class _Tally:
    """What came of a batch so far."""

    work: Work
    batch: Batch
    replies: list[tuple[Segment, Reply]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    ok: int = 0
    changed: int = 0
    unanswered: list[Failure] = field(default_factory=list)
    attempts: int = 0
    retried: int = 0

    def add(self, segment: Segment, reply: Reply) -> None:
        self.replies.append((segment, reply))
        self.ok += len(segment.positions) - len(reply.errors)
        self.changed = changed_in_all(self.changed, reply.changed)

    def lose(self, segment: Segment, why: str) -> None:
        """The only set of `segment` was applied, and its rows cannot be given."""
        for at in segment.positions:
            lost = SetError(at, None, why)
            self.unanswered.append(failure(self.work, self.batch, at, lost, Outcome.OK, segment.attempts))

    def fail(
        self, position: int, error: DatabaseError | SetError, known: Outcome, attempts: int, timed_out: float | None
    ) -> None:
        self.failures.append(failure(self.work, self.batch, position, error, known, attempts, timed_out))

    def result(self, elapsed_s: float) -> BatchResult:
        columns, values, positions = _joined(self.replies)
        return BatchResult(
            batch=self.batch,
            query=self.work.query,
            target=self.work.target,
            columns=columns,
            values=values,
            positions=positions,
            ok=self.ok,
            failures=tuple(sorted(self.failures, key=lambda f: f.n)),
            changed=self.changed,
            unanswered=tuple(self.unanswered),
            part=self.work.part,
            attempts=self.attempts,
            retried=self.retried,
            elapsed_s=elapsed_s,
        )


class Worker:
    """Holds one connection and executes batches on it, one at a time.

    Args:
        sessions: where connections come from.
        budget: retries that the run may still spend on this target.
        permit: of the lane, lent to others while it waits for a connection or pauses.
    """

    def __init__(self, sessions: Sessions, budget: retry.Budget, permit: Permit) -> None:
        self._sessions = sessions
        self._budget = budget
        self._permit = permit
        self._connection: Connection | None = None
        self.stranded = False
        """What it sent cannot be stopped and was left behind, so its lane is to end."""

    async def ready(self, *, patient: bool = True) -> Connection:
        """The connection, opened if there is none; see `Sessions.open`."""
        if self._connection is None:
            async with self._permit.lent():
                self._connection = await self._sessions.open(patient=patient)
        return self._connection

    async def close(self) -> None:
        """Give the connection back for another lane or run."""
        if self._connection is not None:
            self._sessions.give_back(self._connection)
            self._connection = None

    async def discard(self) -> None:
        """Close the connection: its state is in doubt."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def execute(self, work: Work, batch: Batch) -> BatchResult:
        """Every set of `batch`, each in the end answered or a failure.

        Raises:
            RefusedError: the read-only guard spoke.
            StoppedError: the target stayed away.
        """
        started_s = time.monotonic()
        tally = _Tally(work, batch)
        todo = deque(segments_of(batch, work.identifiers))
        while todo:
            segment = todo.popleft()
            known = len(tally.failures)
            todo.extendleft(reversed(await self._attempt(tally, segment)))
            if work.failed is not None and len(tally.failures) > known:
                await work.failed(tally.failures[known:])
        elapsed_s = time.monotonic() - started_s
        result = tally.result(elapsed_s)
        work.size.record(len(batch.sets), elapsed_s, result.rows, len(result.failures))
        return result

    async def stream(self, work: Work, batch: Batch, out: Pieces) -> BatchResult:
        """The one set of `batch`, its rows given to `out` as they come; memory does not grow with the result.

        A result of a single piece comes back in the `BatchResult`, as from `execute`, and `out` never begins.
        """
        started_s = time.monotonic()
        tally = _Tally(work, batch)
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

    async def _stream_once(self, tally: _Tally, segment: Segment, out: Pieces) -> None:
        work, batch = tally.work, tally.batch
        connection, statement = await self._prepared(work, batch.sets[0])
        segment.alone = statement.single
        params = batch.sets[0]
        copies = self._sessions.driver.capabilities.copies and work.query.verb in COPIED
        if out.copy_delimiter is not None and copies:
            await out.begin()
            rows = await connection.copy(statement, out.copy_delimiter, work.limits, out.write_bytes)
            tally.add(segment, Reply((), (), range(rows)))
            return
        held: Reply | None = None
        begun = False
        replies = connection.stream(statement, params, work.limits)
        try:
            async for reply in replies:
                if held is not None:
                    if not begun:
                        begun = work.big = True
                        await out.begin()
                    await out.write(_piece(work, batch, held))
                held = reply
        finally:  # whoever takes the pieces may have had enough
            if isinstance(replies, AsyncGenerator):
                await replies.aclose()
        if work.big is None:
            work.big = False
        if begun and held is not None:
            await out.write(_piece(work, batch, held))
            held = None
        tally.add(segment, held or Reply((), (), ()))

    async def _attempt(self, tally: _Tally, segment: Segment) -> list[Segment]:
        """One attempt of one segment; what is left to attempt of it."""
        work, batch = tally.work, tally.batch
        whole = len(segment.positions) == len(batch.sets)
        sets = batch.sets if whole else [batch.sets[p] for p in segment.positions]
        started_s = time.monotonic()
        self._budget.attempt(started_s)
        tally.attempts += 1
        segment.attempts += 1
        try:
            connection, statement = await self._prepared(work, sets[0])
            segment.alone = statement.single
            if statement.single and len(sets) > 1:
                tally.attempts -= 1
                return [Segment((p,)) for p in segment.positions]
            if work.started is not None and segment.attempts == 1:
                await work.started(Batch(batch.index, batch.first + segment.positions[0], sets))
            reply = await self._send(connection, statement, tally, segment, sets)
        except AlreadyApplied as there:
            return _applied(tally, segment, there)
        except NotOwner as error:
            raise RefusedError(_lost_ownership(work, error)) from error
        except DatabaseError as error:
            return await self._after(tally, segment, error, time.monotonic() - started_s)
        if work.big is None:
            work.big = False
        tally.add(segment, reply)
        if reply.lost:
            tally.lose(segment, reply.lost)
        return await self._after_set_errors(tally, segment, reply) if reply.errors else []

    async def _send(
        self,
        connection: Connection,
        statement: Statement,
        tally: _Tally,
        segment: Segment,
        sets: Sequence[ParameterSet],
    ) -> Reply:
        """The attempt itself, with its claim and under the guard of `--max-affected`."""
        work = tally.work
        if work.limits.read_only:
            return await connection.attempt(statement, sets, work.limits)
        reserved = 0
        committed = 0

        def before_commit(rows: int) -> None:
            nonlocal reserved
            if work.guard is not None:
                work.guard.reserve(rows)
                reserved = rows

        limits = replace(work.limits, ordered=True) if tally.batch.repeats else work.limits
        try:
            claim = _claim(work, tally.batch, segment)
            reply = await connection.attempt(statement, sets, limits, claim=claim, before_commit=before_commit)
            committed = reply.changed
        finally:
            if work.guard is not None:
                work.guard.settle(reserved, committed)
        return reply

    async def _prepared(self, work: Work, first: ParameterSet) -> tuple[Connection, Statement]:
        names = queries.identifiers(work.query, first)
        connection = await self.ready()
        statement = await connection.prepare(work.query, work.decoding, typed=work.typed, identifiers=names)
        return connection, statement

    async def _after(self, tally: _Tally, segment: Segment, error: DatabaseError, elapsed_s: float) -> list[Segment]:
        """Carry out what `policy.retry` decides; the segments that are still to be attempted."""
        work = tally.work
        outages = self._sessions.outages
        decision = retry.decide(
            error,
            elapsed_s=elapsed_s,
            timeout_s=work.limits.timeout_s,
            read_only=work.limits.read_only,
            transaction=work.limits.transaction and not segment.alone,
        )
        if error.abandoned:
            self._strand(work, error)
        if error.connection_lost:
            await self.discard()
        waiting = await self._before_deciding(tally, segment, error, decision)
        if waiting is not None:
            return waiting
        match decision.action:
            case Action.REFUSE | Action.SWITCH if decision.action is Action.REFUSE or segment.once:
                raise refused(work, str(error))
            case Action.FAIL:
                return self._fail(tally, segment, error, decision)
            case Action.ONCE if segment.once:
                return self._fail(tally, segment, error, decision)
            case Action.ONCE:
                segment.once = True
            case Action.RECONNECT | Action.SWITCH:
                segment.once = segment.once or decision.action is Action.SWITCH
                await self.discard()
                await self.ready()
                if self._sessions.outages > outages:
                    segment.attempts -= 1  # the server was away: the run's matter, not this set's
            case Action.HALVE:
                work.size.halve()
        if segment.attempts > work.retries:
            return self._fail(tally, segment, error, decision, exhausted=True)
        tally.retried += len(segment.positions)
        await self._pause(segment.attempts)
        return halves(segment) if decision.action is Action.HALVE else [segment]

    def _strand(self, work: Work, error: DatabaseError) -> None:
        """What runs cannot be stopped: the lane ends with this batch, and the database never has more of us than was asked for."""
        self.stranded = True
        self._permit.keep()
        self._sessions.say(f"{work.target}: a statement of {work.query.place} {error}: its lane has ended")

    async def _settle(self, tally: _Tally, segment: Segment) -> list[Segment]:
        """Send exactly the same again: its marker was committed or never will be, and a repeat finds out which.

        Waits for a rival that is still in flight, through an outage too; a plain look could miss a commit in progress.
        """
        segment.in_doubt = True
        await self.discard()
        await self.ready()
        tally.retried += len(segment.positions)
        if tally.work.claims is not None:  # no number of tries turns "not known" into "failed"
            segment.attempts = min(segment.attempts, tally.work.retries)
        await self._pause(segment.attempts)
        return [segment]

    async def _before_deciding(
        self, tally: _Tally, segment: Segment, error: DatabaseError, decision: Decision
    ) -> list[Segment] | None:
        """What has to be known first: whether an earlier try of these sets lasts. None: nothing is in doubt."""
        if segment.in_doubt and error.phase not in {Phase.SENT, Phase.COMMITTING}:
            # Only a granted claim proves that the earlier try is over. Until then nothing is cut, and nothing fails.
            return await self._still_in_doubt(tally, segment, error)
        segment.in_doubt = False
        if error.phase is Phase.CLAIMING and error.sqlstate in WAITED_FOR:
            # Another session holds the run row or this very marker: waiting for it is no attempt.
            segment.attempts -= 1
            await self._pause(1)
            return [segment]
        if decision.outcome is Outcome.UNKNOWN and self._may_settle(tally.work, segment, error):
            return await self._settle(tally, segment)
        return None

    def _may_settle(self, work: Work, segment: Segment, error: DatabaseError) -> bool:
        """Whether a repeat tells what came of a try: a marker does, unless the statement has committed it by itself."""
        if error.abandoned or error.broken_off:
            return False
        return work.claims is not None or (work.repeatable and segment.attempts <= work.retries)

    async def _still_in_doubt(self, tally: _Tally, segment: Segment, error: DatabaseError) -> list[Segment]:
        """The repeat did not get as far as its claim: try again, unless the statement itself is refused by now."""
        tries_left = tally.work.claims is not None or segment.attempts <= tally.work.retries
        refused_now = error.phase is not Phase.CLAIMING and not error.connection_lost and _refused(error)
        if tries_left and not refused_now:
            return await self._settle(tally, segment)
        for position in segment.positions:
            tally.fail(position, error, Outcome.UNKNOWN, segment.attempts, None)
        return []

    async def _after_set_errors(self, tally: _Tally, segment: Segment, reply: Reply) -> list[Segment]:
        """Sort the sets that failed on their own, in a driver that isolates errors, into failures and retries."""
        again: list[int] = []
        for error in reply.errors:
            position = segment.positions[error.position]
            state = error.sqlstate or ""
            if state in retry.READ_ONLY and tally.work.limits.read_only:
                raise refused(tally.work, error.message)
            if retry.ACTIONS.get(state) is Action.RETRY and segment.attempts <= tally.work.retries:
                again.append(position)
                continue
            timed_out = tally.work.limits.timeout_s if state in retry.TIMEOUTS else None
            tally.fail(position, error, Outcome.ROLLED_BACK, segment.attempts, timed_out)
        if not again:
            return []
        tally.retried += len(again)
        await self._pause(segment.attempts)
        return [Segment(again, attempts=segment.attempts)]

    def _fail(
        self, tally: _Tally, segment: Segment, error: DatabaseError, decision: Decision, *, exhausted: bool = False
    ) -> list[Segment]:
        """Record the culprit and give back the sets beside it, or cut the segment smaller to find it."""
        work = tally.work
        positions = segment.positions
        if decision.timed_out:
            work.size.halve()
        limit_s = work.limits.timeout_s if decision.timed_out else None
        if decision.outcome is Outcome.UNKNOWN and not (work.limits.read_only or work.repeatable):
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
        rest = [before + after] if work.limits.read_only else [before, after]
        return [Segment(sets) for sets in rest if sets]

    async def _pause(self, attempts: int) -> None:
        wait_s = self._budget.wait_s(time.monotonic())
        async with self._permit.lent():
            await asyncio.sleep(wait_s + retry.pause_s(attempts, random.random()))  # noqa: S311 - jitter, not a secret


WAITED_FOR = frozenset({"55P03", "57014", "40001", "SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED"})
"""A claim that did not get its lock: nothing of the user's was sent."""


def _claim(work: Work, batch: Batch, segment: Segment) -> Claim | None:
    """The claim of a segment: its sets are consecutive in writes, so a range says which they are."""
    claims = work.claims
    if claims is None:
        return None
    first, last = batch.first + segment.positions[0], batch.first + segment.positions[-1]
    assert last - first + 1 == len(segment.positions), "the sets of a claim are consecutive"
    return Claim(claims.run, claims.owner, work.part, first, last, claims.tables)


def _applied(tally: _Tally, segment: Segment, there: AlreadyApplied) -> list[Segment]:
    """The marker wins: its sets are done; the rows that they returned are lost with the answer.

    If it is our own and no COMMIT was sent before, the statement has committed it by itself, before its work: it proves nothing.
    """
    first = tally.batch.first
    if there.ours and not segment.in_doubt:
        error = SetError(0, MARKER_EARLY, COMMITTED_EARLY)
        for at in segment.positions:
            tally.failures.append(failure(tally.work, tally.batch, at, error, Outcome.UNKNOWN, segment.attempts))
        return []
    count = sum(1 for position in segment.positions if first + position <= there.last)
    tally.ok += count
    tally.changed = changed_in_all(tally.changed, there.rows)
    if tally.work.guard is not None:
        tally.work.guard.settle(0, there.rows)
    if tally.work.answers:
        for at in segment.positions[:count]:
            lost = SetError(at, None, ANSWER_LOST)
            tally.unanswered.append(failure(tally.work, tally.batch, at, lost, Outcome.OK, tally.attempts))
    rest = segment.positions[count:]
    return [Segment(rest)] if rest else []


def _lost_ownership(work: Work, error: NotOwner) -> str:
    if error.owner is None:
        return f"{work.target}: the run row is gone from the target: nothing more is sent"
    host, pid, *_ = [*error.owner.rsplit(":", 3), "", ""][:2]
    return f"{work.target}: the run was taken over by process {pid} on {host}: nothing more is sent"


def refused(work: Work, message: str) -> RefusedError:
    """The error of a read run whose statement tried to write, and of a write run that the database does not let write."""
    if not work.limits.read_only:
        return RefusedError(
            f"{work.target}: {work.query.place}: {message}: the database takes no writes from this session; "
            "give another role, server or file"
        )
    return RefusedError(
        f"{work.query.place}: {message}: the run is read-only; add --write if it is meant to change data"
    )


def _refused(error: DatabaseError) -> bool:
    """Whether the server refuses the statement itself."""
    return (error.sqlstate or "").startswith("42")


def failure(
    work: Work,
    batch: Batch,
    position: int,
    error: DatabaseError | SetError,
    known: Outcome,
    attempts: int,
    timed_out_s: float | None = None,
) -> Failure:
    """The record of the set at `position` of `batch` that failed with `error`; secrets are masked here."""
    query = work.query
    values = batch.sets[position] if batch.sets else ()
    params = {p.name: MASK if p.secret else v for p, v in zip(query.parameters, values, strict=False)}
    message = str(error) if isinstance(error, DatabaseError) else error.message
    if timed_out_s is not None and not (isinstance(error, DatabaseError) and error.abandoned):
        message = f"timed out after {timed_out_s:g}s"
    message = without_secrets(message, query, [values])
    hint = without_secrets(error.hint or "", query, [values]) or advised(message, error.sqlstate, query)
    if isinstance(error, DatabaseError) and known is Outcome.UNKNOWN and error.pid and error.connection_lost:
        hint = f"server process {error.pid} may still be at it: select pg_terminate_backend({error.pid})"
    offset = error.offset if isinstance(error, DatabaseError) else None
    return Failure(
        n=batch.first + position,
        source=batch.origin(position) if batch.sets else batch.source,
        target=work.target,
        query=query.name,
        params=params,
        outcome=known,
        sqlstate=error.sqlstate,
        message=message,
        attempts=attempts,
        hint=hint,
        where=queries.locate(query, offset) if offset is not None else "",
    )


def _joined(
    replies: list[tuple[Segment, Reply]],
) -> tuple[tuple[Column, ...], Sequence[Sequence[object]], Sequence[int]]:
    """Columns, values and batch positions of all replies, rows in the order of the sets."""
    if not replies:
        return (), (), ()
    if len(replies) == 1 and isinstance(replies[0][0].positions, range):
        only = replies[0][1]
        return only.columns, only.values, only.positions
    columns = max((reply.columns for _, reply in replies), key=len)
    rows: list[tuple[int, tuple[object, ...]]] = []
    for segment, reply in replies:
        rows.extend(zip((segment.positions[p] for p in reply.positions), zip(*reply.values, strict=True), strict=False))
    rows.sort(key=lambda row: row[0])
    values = list(zip(*(row for _, row in rows), strict=True)) or [()] * len(columns)
    return columns, values, [position for position, _ in rows]


def _piece(work: Work, batch: Batch, reply: Reply) -> BatchResult:
    return BatchResult(
        batch=batch,
        query=work.query,
        target=work.target,
        columns=reply.columns,
        values=reply.values,
        positions=reply.positions,
        ok=0,
    )
