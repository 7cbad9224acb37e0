"""Rehearse a backfill: execute ranges that are spread over the key, and roll each back."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from itertools import pairwise
from math import gcd
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.errors import BulkqError, DatabaseError, RefusedError, TargetError
from bulkq.lifecycle.backfill.example_ranges import range_behind, spread
from bulkq.lifecycle.literal_statement import EXPLAINED
from bulkq.model import AttemptSteps
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.range_size import RangeSize
from bulkq.policy.rehearsal_forecast import RehearsedRange, RehearsedWave
from bulkq.policy.retry import Action, decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.dialects import Dialect
    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model.key_range import KeyRange, Position
    from bulkq.protocols import Connection

UNDONE = AttemptSteps(rollback=True)

LANES = 2
"""With `-j auto`, whose number a rehearsal does not find."""

LOOK_S = 0.1
"""Seconds between two looks at who waits for a lock."""

THROTTLED_S = 0.5

CAPTURED = "the images of --capture, whose table is not made: a run takes longer and writes more WAL"

OUTSIDE = (
    "triggers and rules were executed too: what they did outside of the transaction, such as taking numbers of a sequence, "
    "was not rolled back"
)


@frozen(kw_only=True)
class Rehearsal:
    """What the ranges of one table have shown.

    Attributes:
        waves: in the order of time.
        total: rows of the table, about.
        lanes: ranges at the same time.
        waited_s: seconds that lanes have waited for locks, about; None if the database does not say.
        holders: who held these locks, for people.
        throttled_s: seconds that a throttle held the rehearsal.
        lasting: what the rollback does not undo, for people.
        left_out: what a run would do beside, for people.
    """

    waves: tuple[RehearsedWave, ...]
    total: int
    lanes: int
    waited_s: float | None
    holders: tuple[str, ...]
    throttled_s: float
    lasting: tuple[str, ...]
    left_out: tuple[str, ...] = ()


async def rehearse(opened: OpenRun, target: OpenTarget, count: int) -> Rehearsal | None:
    """Execute `count` ranges of the table of a target, each in a transaction that is rolled back. None: the table is empty.

    Raises:
        RefusedError: the statement cannot be rolled back.
        TargetError: the connection was lost.
    """
    (part,) = target.parts
    made = opened.backfills[part.spec.number]
    _refuse_lasting(opened, part, target)
    if made.end is None:
        return None
    async with AsyncExitStack() as stack:
        lanes = min(_lanes(opened, target), count)
        connections = []
        for _ in range(lanes + 1):
            connections.append(await target.driver.connect())
            stack.push_async_callback(connections[-1].close)
        rehearsing = _Rehearsing(opened, target, part, made, connections)
        try:
            return await rehearsing.rehearse(count)
        except DatabaseError as error:
            if error.connection_lost:
                raise TargetError(f"{target.label}: the connection was lost: {error}") from error
            raise


def _refuse_lasting(opened: OpenRun, part: PartState, target: OpenTarget) -> None:
    """Refuse what one rolled back execution of a statement does not stand for, or does not undo."""
    query, server, options = part.spec.query, target.server, opened.request.backfill
    why = ""
    if options is not None and options.select is not None:
        why = "its rows go through a function"
    elif query.verb not in EXPLAINED:
        why = f"{query.verb} may commit by itself"
    elif not query.transaction:
        why = "it runs outside a transaction"
    elif server is not None and not server.rolls_back:
        why = "the database does not undo a rollback"
    if why:
        raise RefusedError(f"{query.place}: {why}, so it cannot be rehearsed: leave out --rehearse")


def _lanes(opened: OpenRun, target: OpenTarget) -> int:
    if not target.driver.capabilities.concurrent_writes or opened.request.limits.ordered:
        return 1
    wanted = opened.request.limits.concurrency or LANES
    return min(wanted, target.sessions.most or wanted)


class _Rehearsing:
    """A rehearsal under way. Ranges are executed in waves, one for each lane, so that a size is decided by all results before it.

    Args:
        opened: the run.
        target: of it.
        part: of the target.
        made: its table.
        connections: one for each lane, and one that looks.
    """

    def __init__(
        self, opened: OpenRun, target: OpenTarget, part: PartState, made: TableBackfill, connections: list[Connection]
    ) -> None:
        *self._lanes, self._looking = connections
        self._opened, self._part, self._made = opened, part, made
        self._label = target.label
        self._name = dialect_of(target.definition.url)
        self._dialect: Dialect = dialect_for(self._name)
        options = opened.request.backfill
        assert options is not None, "the request of a backfill has its options"
        self._captures = options.capture
        self._size = RangeSize(options.target_time_s, options.min_rows, options.max_rows, options.first_rows)
        self._waited_s = self._throttled_s = 0.0
        self._holders: dict[str, None] = {}

    async def rehearse(self, count: int) -> Rehearsal:
        """Execute `count` ranges, fewer of a small table."""
        waves: list[RehearsedWave] = []
        starts = list(_scattered(await self._starts(count)))
        while starts:
            now, starts = starts[: len(self._lanes)], starts[len(self._lanes) :]
            await self._throttle()
            cuts = [await range_behind(self._made, after, self._size.rows, end) for after, end in now]
            waves.append(await self._wave([cut for cut in cuts if cut is not None]))
        return Rehearsal(
            waves=tuple(wave for wave in waves if wave.ranges),
            total=await self._total(),
            lanes=len(self._lanes),
            waited_s=self._waited_s if self._pids() else None,
            holders=tuple(self._holders),
            throttled_s=self._throttled_s,
            lasting=await self._lasting(),
            left_out=(CAPTURED,) if self._captures else (),
        )

    async def _starts(self, count: int) -> list[tuple[Position, Position]]:
        """Where ranges begin, and the position that each may not pass, because the next one begins there."""
        made = self._made
        assert made.end is not None
        between = await spread(made, count - 1, self._name) if count > 1 else []
        ends = [made.start, *[one for one in between if one != made.end][: count - 1], made.end]
        return list(pairwise(ends))

    async def _throttle(self) -> None:
        """Wait while a throttle holds."""
        throttle, told = self._opened.throttle, False
        if throttle is not None and self._opened.several:
            throttle = throttle.of(self._label)
        while throttle is not None and (reason := throttle.reason()) is not None:
            if not told:
                self._opened.say(f"the rehearsal waits: {reason}")
            told = True
            await asyncio.sleep(THROTTLED_S)
            self._throttled_s += THROTTLED_S

    async def _wave(self, cuts: Sequence[KeyRange]) -> RehearsedWave:
        before = await self._wal()
        over = asyncio.Event()
        looking = asyncio.create_task(self._look(over))
        try:
            async with asyncio.TaskGroup() as group:
                pairs = zip(self._lanes, cuts, strict=False)
                tasks = [group.create_task(self._execute(lane, cut)) for lane, cut in pairs]
        except* BulkqError as errors:
            raise errors.exceptions[0] from None
        finally:
            over.set()
            await asyncio.wait([looking])
        after = await self._wal()
        return RehearsedWave(
            tuple(task.result() for task in tasks), None if before is None or after is None else after - before
        )

    async def _execute(self, connection: Connection, cut: KeyRange) -> RehearsedRange:
        """Execute the statement for one range and roll it back."""
        spec = self._part.spec
        query, values = self._made.batches.statement(cut)
        began_s = time.monotonic()
        try:
            statement = await connection.prepare(query, spec.decoding, typed=False, identifiers={})
            began_s = time.monotonic()
            reply = await connection.attempt(statement, [values], spec.limits, steps=UNDONE)
        except DatabaseError as error:
            if error.connection_lost:
                raise
            return self._failed(cut, error, time.monotonic() - began_s)
        elapsed_s = time.monotonic() - began_s
        self._size.record(cut.rows, max(0, reply.changed), elapsed_s)
        return RehearsedRange(cut.rows, max(0, reply.changed), elapsed_s)

    def _failed(self, cut: KeyRange, error: DatabaseError, elapsed_s: float) -> RehearsedRange:
        limits = self._part.spec.limits
        found = decide(error, elapsed_s=elapsed_s, timeout_s=limits.timeout_s, read_only=False, transaction=True)
        passing = found.timed_out or found.action is not Action.FAIL
        if passing:
            self._size.fail("timeout" if found.timed_out else "lock", cut.rows)
        return RehearsedRange(cut.rows, 0, elapsed_s, str(error), passing)

    async def _wal(self) -> int | None:
        """Bytes of WAL up to now; None if the server does not say."""
        if not self._dialect.wal_position:
            return None
        try:
            rows = await self._looking.administer([self._dialect.wal_position])
        except DatabaseError as error:
            if error.connection_lost:
                raise
            return None
        return int(str(rows[0][0]))

    def _pids(self) -> list[int]:
        """The sessions of the lanes; none if nothing says what they wait for."""
        found = [lane.server.pid for lane in self._lanes]
        return [pid for pid in found if pid is not None] if self._dialect.lock_waits else []

    async def _look(self, over: asyncio.Event) -> None:
        """Add up the time that lanes wait for locks, until it is `over`."""
        pids = self._pids()
        query = self._dialect.lock_waits.format(pids=", ".join(map(str, pids)))
        last_s = time.monotonic()
        while pids and not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), LOOK_S)
                return
            with suppress(DatabaseError):  # then the next wave says that the server is gone
                rows = await self._looking.administer([query])
                now_s = time.monotonic()
                self._waited_s += len({row[0] for row in rows}) * (now_s - last_s)
                self._holders |= dict.fromkeys(_holder(pid, name, pids) for _, pid, name in rows if pid is not None)
                last_s = now_s

    async def _total(self) -> int:
        if self._made.facts.rows is not None:
            return self._made.facts.rows
        rows = await self._looking.administer([f"SELECT count(*) FROM {self._made.facts.key.table}"])
        return int(str(rows[0][0]))

    async def _lasting(self) -> tuple[str, ...]:
        facts = self._made.facts
        found = []
        if any(notice.startswith(("trigger ", "rule ")) for notice in facts.notices):
            found.append(OUTSIDE)
        if self._dialect.sequences:
            query = self._dialect.sequences.format(table=self._dialect.literal(facts.key.table))
            names = ", ".join(str(row[0]) for row in await self._looking.administer([query]))
            found += (
                [f"numbers that the statement took of the sequences of {names} were not given back"] if names else []
            )
        return tuple(found)


def _holder(pid: object, name: object, lanes: Sequence[int]) -> str:
    return "another lane" if pid in lanes else f"pid {pid} ({name or 'no name'})"


def _scattered(starts: Sequence[tuple[Position, Position]]) -> Iterator[tuple[Position, Position]]:
    """Each once, neighbours in time far apart: the ranges at the start, which find the size, are not all at one end of the key."""
    step = next((n for n in range(int(len(starts) * 0.618), len(starts)) if n and gcd(n, len(starts)) == 1), 1)
    yield from (starts[n * step % len(starts)] for n in range(len(starts)))
