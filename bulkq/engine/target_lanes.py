"""The lanes of one target: cut batches, take a slot, execute, deliver the result.

Lanes each hold one connection and cut the next batch when they are free, so back-pressure needs no queue and no task is
ever made per query. They live in one task group: when `LaneGroup.run` returns, none is left.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq.engine.delivery.choose import choose_delivery
from bulkq.engine.executors.local import LocalExecutor
from bulkq.engine.failure_records import left_behind
from bulkq.engine.lane import Lane
from bulkq.engine.lane_starts import LaneStarts
from bulkq.errors import BulkqError, NoRoom, ParameterError, StoppedError
from bulkq.model.counts import Counts
from bulkq.policy.retry import Budget
from bulkq.policy.useful_lanes import concurrent, is_fast, wants_lane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.engine.run_context import RunContext
    from bulkq.engine.slots import LimiterSlot
    from bulkq.model import Batch, BatchResult
    from bulkq.protocols import BatchOutput, Executor

SHOWN_S = 1.0
"""The progress shows what the output waits for after this time."""

FULL_S = 30.0
"""Pause before another lane is tried after the server had no free connection."""


class LaneGroup:
    """The lanes of one target over its parts.

    Args:
        parts: what to do, in output order; all with the same sessions.
        context: what they share with the lanes of other targets.
        most: lanes at most.
        ordered: output in the order of the input.
    """

    def __init__(self, parts: Sequence[PartState], context: RunContext, *, most: int, ordered: bool) -> None:
        self.parts = parts
        self._numbered = {part.spec.number: part for part in parts}
        self.sessions = parts[0].sessions
        self.most = most
        self._delivery = choose_delivery(
            parts, context, lanes=min(most, context.limiter.concurrency), ordered=ordered, written=self._recorded
        )
        self.window = self._delivery.window
        self.slots = 1  # connections that the target may have open; they are released when all of them are closed
        self._context = context
        self.gate = context.gates.of(self.sessions)
        self._budget = Budget()
        self.current = 0  # index of the part that is cut from
        self.full = 0  # times that the server had no free connection
        self._cutting = asyncio.Lock()
        self._lanes: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None  # the first lane, which stays to the end
        self._beginning: set[asyncio.Task[None] | None] = set()  # lanes that connect and have cut nothing yet
        self._group: asyncio.TaskGroup | None = None
        self._waiting: set[asyncio.Task[None]] = set()  # lanes that wait for a connection and hold no batch
        self.taking: asyncio.Task[None] | None = None  # the lane that waits for its source
        self._over = False  # everything was cut: who still waits for a connection is not needed
        self._full_until_s = 0.0
        self._starts = LaneStarts(self._spread)
        self.stranded = 0  # lanes that ended with a statement that cannot be stopped: they have no successors
        self._owed: dict[int, int] = {}  # batch index -> number of its first set, while it is at work
        self._gap: int | None = None  # the set that output order waits for
        self._gap_s = 0.0  # since when
        self.finished_s = time.monotonic()  # of the last batch; the timer sees by it whether lanes are stuck

    async def run(self) -> None:
        """Run the lanes until nothing is left, or the run stops."""
        self._context.limiter.busy.add(self.sessions)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                if self._going:
                    self._add_lane()
        finally:
            self._starts.close()
            self._context.limiter.busy.discard(self.sessions)
        await self._finish_output()

    @property
    def _going(self) -> bool:
        return not self._context.control.draining and self.sessions.gone is None

    @property
    def busy(self) -> bool:
        """Whether its lanes are running."""
        return self.sessions in self._context.limiter.busy

    @property
    def well(self) -> bool:
        """Whether every set that this process executed ended `ok`."""
        return self.sessions.gone is None and not any(part.refused is not None or part.wrong for part in self.parts)

    def wake(self) -> None:
        """Tell the lanes to stop. A wait for a source is cancelled, because it may take hours."""
        self.window.open = False
        self.window.wake()
        for part in self.parts:
            if part.turns is not None:
                part.turns.wake()
        self.gate.wake()
        if self.taking is not None:
            self.taking.cancel()

    def cancel(self) -> None:
        """Cancel the running batches. Drivers cancel on the server first."""
        self.wake()
        for task in self._lanes:
            task.cancel()

    def stop(self, reason: str) -> None:
        """Stop the lanes of this target. The run continues on the others."""
        self.sessions.gone = StoppedError(reason)
        self.wake()

    def tick(self, now_s: float) -> None:
        """Add a lane if the first one is occupied by a slow query. A timer does this about once a second."""
        part = self.part()
        if part is None or not self.busy or part.form.answers_all:
            return
        if wants_lane(part.sessions.driver.capabilities, part.size.latency_s, now_s - self.finished_s):
            self._add_lane()

    def waiting_for(self, now_s: float) -> int | None:
        """Return the number of the set that output order has waited for during `SHOWN_S`."""
        gap = self._owed.get(self.window.next) if self.window.backlog.all.batches else None
        if gap != self._gap:
            self._gap, self._gap_s = gap, now_s
        return gap if now_s - self._gap_s >= SHOWN_S else None

    def _add_lane(self) -> None:
        if self._group is None or not self._going or len(self._lanes) >= self._lanes_allowed():
            return
        if time.monotonic() < self._full_until_s:
            return
        if len(self._lanes) + self.stranded >= self.slots:
            if not self._context.another_slot():
                return
            self.slots += 1
        task = self._group.create_task(self._run_lane(), name=f"lane-{len(self._lanes)}")
        self._lanes.add(task)
        self._keeper = self._keeper or task
        task.add_done_callback(self._lanes.discard)

    def _spread(self, *, cut: bool = True) -> None:
        """Start another lane if the source has more sets than the lanes have taken. Lanes connect concurrently."""
        part = self.part()
        if part is None or part.sessions.driver.capabilities.in_process:
            return  # in our own interpreter the timer decides
        waiting = part.remaining if self.current + 1 == len(self.parts) else None
        if (waiting is not None and waiting <= len(self._beginning)) or len(self._lanes) >= self._lanes_allowed():
            return
        if self._starts.allows(len(self._lanes), waiting, part.size.latency_s, self.finished_s, cut=cut):
            self._add_lane()

    def _lanes_allowed(self) -> int:
        part = self.part()
        if part is None:
            return 0
        able = part.sessions.driver.capabilities
        several = concurrent(able, read_only=part.spec.limits.read_only)
        most = min(self.most, self._context.limiter.share()) if several else 1
        return max(0, min(most - self.stranded, self.gate.lanes(most)))

    @property
    def at_work(self) -> int:
        """Lanes that are connected."""
        return len(self._lanes) - len(self._beginning)

    def grow(self) -> None:
        """Add lanes if more are allowed than there are. In this interpreter `tick` does."""
        self.window.resize(max(1, self._lanes_allowed()))
        self._spread()

    def release(self, count: int) -> None:
        """Close `count` connections that no lane has."""
        if self._group is not None and self._going:
            self._group.create_task(self.sessions.release(count))
            if self._context.several:
                self.slots -= count
                self._context.slots.give_back(count)

    def _crowded(self, part: PartState) -> bool:
        """Whether this lane is superfluous: what is fast in this interpreter is fastest on one lane, one statement for all sets too."""
        if asyncio.current_task() is self._keeper:
            return False  # two that leave at once must not leave none
        fast = part.form.answers_all or is_fast(part.sessions.driver.capabilities, part.size.latency_s)
        return fast or len(self._lanes) > self._lanes_allowed()

    async def _run_lane(self) -> None:
        """Cut and execute batches until none is left. Does not raise: an error stops the target or the run."""
        slot = self._context.limiter.slot(self.sessions)
        executor = LocalExecutor(Lane(self.sessions, self._budget, slot), self.parts)
        self._beginning.add(asyncio.current_task())
        self._spread(cut=False)
        try:
            while self._going and await self._next_batch(executor, slot):
                pass
        except asyncio.CancelledError:
            if self._going and not self._over:
                raise
        except BulkqError as error:
            self._ended_by(error)
        finally:
            task = asyncio.current_task()
            assert task is not None
            self._beginning.discard(task)
            self._lanes.discard(task)  # now: another lane that looks must not leave in place of this one
            await (executor.discard() if self._context.control.cancelled else executor.close())

    def _ended_by(self, error: BulkqError) -> None:
        """Handle an error: an outage stops this target if there are others, any other error stops the run."""
        if error is self.sessions.gone and self._context.several:
            self.wake()
        else:
            self._context.stop_by(error)

    async def _next_batch(self, executor: Executor, slot: LimiterSlot) -> bool:
        """Cut, execute and deliver one batch. Return False if there is none for this lane."""
        let_go = partial(self._let_go, executor)
        await self.gate.admit(self._wants_batch, let_go)
        await self._delivery.admit()
        part = self.part()
        if part is not None and part.turns is not None:  # before the slot: a lane that waits holds nothing
            await part.turns.admit(lambda: self._going)
            part = self.part()
        if part is None or not self._going or self._crowded(part):
            return False
        if not await self._connected(executor):  # before cutting: a lane that waits for a connection holds no batch
            return False
        self._beginning.discard(asyncio.current_task())
        async with slot:
            if self.gate.closed and self._wants_batch():
                return True  # it has closed while the lane waited for its slot
            cut = await self._cut()
            if cut is None:
                if self.part() is not None:
                    return True  # the next set waits for the end of another batch
                self._release()
                return False
            self._spread()
            await self.gate.stand_by(slot, lambda: self._going, let_go)
            began_s = self.gate.begin()
            try:
                out = await self._execute(executor, slot, *cut)
            finally:
                worked_s = self.gate.end(began_s, cut[0].transform)
        await out.deliver()
        if self._context.pace.nice:
            await self.gate.be_nice(worked_s, self._wants_batch)
        if (given_up := self._context.decide(self.parts)) is not None:
            self.stop(given_up)
        if executor.stranded:
            self._strand()
        return not executor.stranded

    async def _let_go(self, executor: Executor) -> None:
        """Close the connections for a pause, in which a server may end them. A database in this process would gain nothing."""
        if not self.sessions.driver.capabilities.in_process:
            await executor.discard()
            await self.sessions.close()

    async def _connected(self, executor: Executor) -> bool:
        """Connect the lane. Return False if the server has no free connection and other lanes are running."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            await executor.ready(patient=False)
        except NoRoom as error:
            self.full += 1
            others = self._lanes - self._beginning - {task}
            if others:
                if not self._full_until_s:
                    self.sessions.say(f"{error}: continuing with {len(others)}")
                self._full_until_s = time.monotonic() + FULL_S
                return False
            await executor.ready()
        finally:
            self._waiting.discard(task)
        return True

    def _release(self) -> None:
        """Cancel lanes that wait for a connection, because nothing is left to cut."""
        self._over = True
        for task in self._waiting:
            task.cancel()

    def _strand(self) -> None:
        """End the lane whose statement cannot be cancelled. If it was the last lane, the target stops."""
        self.stranded += 1
        if self._keeper is asyncio.current_task():
            self._keeper = next((task for task in self._lanes if task is not self._keeper), None)
        part = self.part()
        if part is None or part.remaining == 0:
            return
        if not self._lanes_allowed():
            reason = f"{self.stranded} statements cannot be stopped and hold every lane"
            if self._context.several:
                self.stop(reason)
            else:
                self._context.stop_by(StoppedError(reason))
        elif self._keeper is None:
            self._add_lane()

    def part(self) -> PartState | None:
        """Return the part that the next batch is cut from."""
        while self.current < len(self.parts):
            part = self.parts[self.current]
            if not part.exhausted and part.refused is None:
                return part
            self.current += 1
        return None

    def _wants_batch(self) -> bool:
        """Whether another batch may be left to cut."""
        part = self.part()
        if part is None or not self._going:
            return False
        return part.remaining != 0 or self.current + 1 < len(self.parts)

    async def _cut(self) -> tuple[PartState, Batch] | None:
        async with self._cutting:
            while (part := self.part()) is not None and self._going:
                size = part.form.size(part.size.next(lanes=self._lanes_allowed(), remaining=part.remaining))
                batch = await self._take(part, 1 if part.big else self._context.pace.limit(size))
                if part.form.cut(len(batch.sets) if batch is not None else 0):
                    self._keeper = asyncio.current_task()  # the others leave: they would share its processors
                if batch is not None:
                    return part, batch
                if part.order is not None and part.order.held:
                    return None
                part.exhausted = True
        return None

    async def _take(self, part: PartState, size: int) -> Batch | None:
        self.taking = asyncio.current_task()
        try:
            batch = await (part.order or part.source).take(size, self.window.cut)
        except ParameterError as error:
            # Nothing was promised about what lies behind this line: stop, in order, and say where.
            raise StoppedError(str(error)) from error
        except BulkqError:
            raise
        except Exception as error:  # the caller's own iterable raised it; `bulkq.api.rows` gives it back
            raise StoppedError(f"the parameter sets ended with {type(error).__name__}: {error}") from error
        finally:
            self.taking = None
        self._context.progress.fraction = part.source.fraction()
        if batch is None:
            return None
        self._context.pace.spend(len(batch.sets), time.monotonic())
        self.window.cut += 1
        part.taken += len(batch.sets)
        return batch

    async def _execute(self, executor: Executor, slot: LimiterSlot, part: PartState, batch: Batch) -> BatchOutput:
        self._context.progress.in_flight += len(batch.sets)
        self._owed[batch.index] = batch.first
        out = self._delivery.open(part.spec, batch, slot)
        try:
            await self._complete(executor, part, batch, out)
        except BaseException as error:
            out.give_up()
            if isinstance(error, asyncio.CancelledError) and error.args:  # by a driver: what it sent goes on
                self._left_behind(part, batch, str(error))
            raise
        finally:
            self._owed.pop(batch.index, None)
        return out

    async def _complete(self, executor: Executor, part: PartState, batch: Batch, out: BatchOutput) -> None:
        """Execute `batch`, count its result and encode its rows."""
        try:
            result = await self._answer(executor, part, batch, out)
        finally:
            self._context.progress.in_flight -= len(batch.sets)
        result = await out.complete(result)
        self._count(part, result)
        out.hold(result)

    async def _answer(self, executor: Executor, part: PartState, batch: Batch, out: BatchOutput) -> BatchResult:
        try:
            return await executor.execute(part.spec, batch, out)
        except Exception as error:
            result = None if error is self.sessions.gone else out.recover(error)
            if result is None:
                raise
            return result

    def _left_behind(self, part: PartState, batch: Batch, why: str) -> None:
        """Report a cancelled batch that could not be ended. The outcome of a write that no marker settles is unknown."""
        self.sessions.say(f"{part.spec.target}: a statement of {part.spec.query.place} {why}")
        if (result := left_behind(part.spec, batch, why)) is not None:
            self._count(part, result)
            self._recorded(result)

    def _recorded(self, result: BatchResult) -> None:
        """Count a batch that was written. Batches arrive in output order."""
        part = self._numbered[result.part]
        self._context.recorded(result, failed_known=part.record_failures is not None)
        if part.order is not None:  # now: the ledger learns of the sets of a row in order, and a resume repeats them so
            part.order.done(result.batch.index)

    def _count(self, part: PartState, result: BatchResult) -> None:
        self.finished_s = time.monotonic()
        progress = self._context.progress
        if result.unanswered and not progress.counts.unanswered:
            first = result.unanswered[0]
            self.sessions.say(
                f"{result.query.place} n={first.n}: {first.message} (--failures FILE.jsonl lists every such set)"
            )
        progress.add(result)
        if result.superseded:
            part.taken -= len(result.batch.sets)
        part.counts += result.counts
        part.wrong += len(result.failures)

    async def _finish_output(self) -> None:
        run = self._context
        try:
            if not (run.read_only and run.ledger.keeps and self.window.ordered):
                await self.window.flush()
            for result in self.window.unwritten():
                self._uncount(result)
        except BulkqError as error:
            run.stop_by(error)

    def _uncount(self, result: BatchResult) -> None:
        """Report the failures of a result that was not written. Its place in the output stays free for a resume."""
        part = self._numbered[result.part]
        uncounted = Counts(ok=-result.ok)
        self._context.progress.counts += uncounted
        part.counts += uncounted
        self._context.tell(replace(result, ok=0))
