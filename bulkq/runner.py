"""The lanes: cut batches, take the semaphore, execute, write the sink, tell the observers, stop. Called by `bulkq.tasks`.

`concurrency` lanes each hold one connection and cut the next batch when they are free, so back-pressure needs no queue and
no task is ever made per query. Lanes live in one task group: when `Runner.run` returns, none is left.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, OutputClosed, ParameterError, StoppedError
from bulkq.model import KEPT_FAILURES, Mark, SinkPosition
from bulkq.policy import stopping
from bulkq.policy.retry import Budget
from bulkq.window import Held, Turn, Window
from bulkq.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Batch, BatchResult, Failure, Threshold
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Ledger, Observer, ParameterSource, Sink
    from bulkq.sessions import Sessions
    from bulkq.worker import Work

TICK_S = 0.05
FAST_S = 0.001
"""Under a millisecond per query, threads in one interpreter cost more than they bring: one lane is faster."""

STUCK_S = 0.5
"""Ten times what a batch should take: then a slow query hides among the fast ones, and another lane goes round it."""

DRAIN_S = 30.0
"""After a first signal, what runs may finish for this long before it is cancelled."""


@dataclass(slots=True)
class Part:
    """One query on one target, with its parameters and its output."""

    work: Work
    source: ParameterSource
    sink: Sink
    sessions: Sessions
    number: int = 1
    taken: int = 0
    before: int = 0  # sets that ended in earlier processes of the run
    exhausted: bool = False
    refused: Failure | None = None
    """The server would not prepare the statement: nothing of this part is tried."""

    ok: int = 0
    failed: int = 0
    unknown: int = 0

    @property
    def remaining(self) -> int | None:
        """Sets not yet taken, where the total is known."""
        return None if self.source.total is None else max(0, self.source.total - self.taken)


class Control:
    """How a run is stopped from outside: by a signal, a deadline, a closed output, the end of `async with`."""

    def __init__(self) -> None:
        self.reason = ""
        self.exit_code = 0
        self.draining = False
        self.cancelled = False
        self._runner: Runner | None = None

    def drain(self, reason: str, exit_code: int = 5) -> None:
        """Take no new batch; what runs may finish."""
        if not self.draining:
            self.draining, self.reason, self.exit_code = True, reason, exit_code
            if self._runner is not None:
                self._runner.wake()

    def cancel(self, reason: str, exit_code: int = 5) -> None:
        """Cancel what runs on the server, and stop."""
        if not self.cancelled:
            self.draining = self.cancelled = True
            self.reason, self.exit_code = reason, exit_code
            if self._runner is not None:
                self._runner.cancel_lanes()

    def attach(self, runner: Runner) -> None:
        """Called by the runner when it starts; a stop that came earlier takes effect now."""
        self._runner = runner


@dataclass(slots=True, kw_only=True)
class Rules:
    """When the run stops by itself."""

    fail_fast: bool = False
    max_failures: Threshold | None = None
    deadline_s: float | None = None


class Runner:
    """One run over its parts.

    Args:
        parts: what to do, in output order.
        concurrency: lanes at most, over all parts.
        progress: live counters, written here.
        observers: told of every batch in output order.
        ordered: output in the order of the input.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        concurrency: int,
        progress: Progress,
        observers: Sequence[Observer],
        control: Control,
        rules: Rules,
        ledger: Ledger,
        ordered: bool = True,
    ) -> None:
        self.parts = parts
        self.failures: list[Failure] = []
        self.error: BulkqError | None = None
        self._progress = progress
        self._observers = observers
        self._control = control
        self._rules = rules
        self._ledger = ledger
        self._concurrency = concurrency
        self._semaphore = asyncio.Semaphore(concurrency)
        self._window = Window(concurrency, ordered=ordered)
        self._budget = Budget()
        self._current = 0
        self._cutting = asyncio.Lock()
        self._lanes: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None  # the first lane, which stays to the end
        self._beginning: set[object] = set()  # lanes that connect and have cut nothing yet
        self._group: asyncio.TaskGroup | None = None
        self._owed: dict[int, int] = {}  # batch index -> number of its first set, while it is not written
        self._finished_s = (
            time.monotonic()
        )  # of the last batch; the timer sees by it whether lanes are stuck in slow queries

    async def run(self) -> None:
        """Run to the end or to a stop; what came of it stands in `progress`, `parts`, `failures`, `error` and the control."""
        self._control.attach(self)
        timer = asyncio.create_task(self._watch())
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                if not self._control.draining:
                    self._add_lane()
        finally:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
        await self._finish_output()

    def wake(self) -> None:
        """A stop was asked for: nobody waits for a turn to cut."""
        self._window.open = False
        self._window.wake()

    def cancel_lanes(self) -> None:
        """Cancel what runs; drivers cancel on the server before they let go."""
        self.wake()
        for lane in self._lanes:
            lane.cancel()

    def recorded(self, result: BatchResult) -> None:
        """A batch was written; called in output order."""
        self._owed.pop(result.batch.index, None)
        for observer in self._observers:
            observer.batch_done(result)
        for failure in result.failures:
            if len(self.failures) < KEPT_FAILURES:
                self.failures.append(failure)
        if result.batch.sets:
            self._ledger.mark(_mark(result))

    def positions(self) -> list[tuple[int, SinkPosition]]:
        """How far every output holds whole answers of batches that were recorded; asked by the ledger's group commit."""
        found: list[tuple[int, SinkPosition]] = []
        turn = self._window.streaming
        for part in self._parts_by_sink():
            begins = turn.begins_at(part.sink) if turn is not None else None
            for position in part.sink.positions():
                offset = position.offset if begins is None else min(begins, position.offset)
                found.append((part.number, SinkPosition(position.path, offset)))
        return found

    async def fsync(self) -> None:
        """Make durable what the outputs hold."""
        for part in self._parts_by_sink():
            await part.sink.fsync()

    def _parts_by_sink(self) -> list[Part]:
        """The first part of every output."""
        return list({id(part.sink): part for part in reversed(self.parts)}.values())

    # --- lanes -------------------------------------------------------------------------------------------------

    def _add_lane(self) -> None:
        if self._group is None or self._control.draining or len(self._lanes) >= self._lanes_allowed():
            return
        lane = self._group.create_task(self._lane(), name=f"lane-{len(self._lanes)}")
        self._lanes.add(lane)
        self._keeper = self._keeper or lane
        lane.add_done_callback(self._lanes.discard)

    def _spread(self) -> None:
        """Start another lane if there is more to do than the lanes there are have begun; they connect side by side."""
        part = self._part()
        if part is None or part.sessions.driver.capabilities.in_process:
            return  # in our own interpreter the timer decides
        waiting = part.remaining
        if waiting is None or waiting > len(self._beginning) or self._current + 1 < len(self.parts):
            self._add_lane()

    def _lanes_allowed(self) -> int:
        part = self._part()
        if part is None:
            return 0
        limits = part.work.limits
        able = part.sessions.driver.capabilities
        if not (able.concurrent_reads if limits.read_only else able.concurrent_writes):
            return 1
        return self._concurrency

    def _crowded(self, part: Part) -> bool:
        """Whether this lane is one too many: fast queries inside our own interpreter are fastest on one."""
        latency_s = part.work.size.latency_s
        return (
            part.sessions.driver.capabilities.in_process
            and asyncio.current_task() is not self._keeper  # two that leave at once must not leave none
            and latency_s is not None
            and latency_s < FAST_S
        )

    async def _lane(self) -> None:
        """Cut and execute until nothing is left. Never raises: what goes wrong stops the run in order."""
        workers: dict[int, Worker] = {}
        self._beginning.add(asyncio.current_task())
        self._spread()
        try:
            while not self._control.draining:
                await self._window.admit()
                async with self._semaphore:
                    if not await self._next_batch(workers):
                        return
        except asyncio.CancelledError:
            if not self._control.cancelled:
                raise
        except OutputClosed as error:
            self._reader_left(error)
        except BulkqError as error:
            self._stop_by(error)
        finally:
            self._beginning.discard(asyncio.current_task())
            await self._put_away(workers)

    def _reader_left(self, error: OutputClosed) -> None:
        """`| head` has seen enough, which is no news where nothing was changed."""
        if self._read_only():
            self._control.drain("", 0)
        else:
            self._control.drain(str(error), OutputClosed.exit_code)

    def _stop_by(self, error: BulkqError) -> None:
        """An error of the whole run: what runs may finish, nothing new is sent."""
        self.error = self.error or error
        # A usage error has exit code 2 because nothing was executed; here something was.
        self._control.drain(str(error), 5 if error.exit_code == 2 else error.exit_code)

    async def _put_away(self, workers: dict[int, Worker]) -> None:
        for worker in workers.values():
            if self._control.cancelled:
                await worker.discard()
            else:
                await worker.close()

    async def _next_batch(self, workers: dict[int, Worker]) -> bool:
        part = self._part()
        if part is None or self._crowded(part):
            return False
        worker = workers.setdefault(id(part.sessions), Worker(part.sessions, self._budget))
        await worker.ready()  # before cutting: a lane that waits for a connection owes nobody a batch
        self._beginning.discard(asyncio.current_task())
        cut = await self._cut()
        if cut is None:
            return False
        self._spread()
        await self._execute(worker, *cut)
        return True

    def _part(self) -> Part | None:
        while self._current < len(self.parts):
            part = self.parts[self._current]
            if not part.exhausted and part.refused is None:
                return part
            self._current += 1
        return None

    async def _cut(self) -> tuple[Part, Batch] | None:
        async with self._cutting:
            while (part := self._part()) is not None and not self._control.draining:
                size = 1 if part.work.big else part.work.size.next(part.remaining, self._concurrency)
                batch = await self._take(part, size)
                if batch is not None:
                    return part, batch
                part.exhausted = True
        return None

    async def _take(self, part: Part, size: int) -> Batch | None:
        try:
            batch = await part.source.take(size, self._window.cut)
        except ParameterError as error:
            # Nothing was promised about what lies behind this line: stop, in order, and say where.
            raise StoppedError(str(error)) from error
        self._progress.fraction = part.source.fraction()
        if batch is None:
            return None
        self._window.cut += 1
        part.taken += len(batch.sets)
        return batch

    async def _execute(self, worker: Worker, part: Part, batch: Batch) -> None:
        self._progress.in_flight += len(batch.sets)
        self._owed[batch.index] = batch.first
        turn = Turn(self._window, self._progress, part.sink, part.work.query, batch)
        try:
            if self._streams(part, batch):
                result = await worker.stream(part.work, batch, turn)
            else:
                result = await worker.execute(part.work, batch)
        except BaseException:
            turn.give_up()
            raise
        finally:
            self._progress.in_flight -= len(batch.sets)
        if result.failures:
            turn.forget()
        self._count(part, result)
        payload, weight = part.sink.encode(result) if result.rows and result.values else (None, 0)
        held = Held(replace(result, values=(), positions=()), part.sink, payload, weight, self.recorded)
        await self._window.deliver(held, has_turn=turn.has)
        self._decide()

    def _streams(self, part: Part, batch: Batch) -> bool:
        """Whether the result may be too big to hold: not known yet, or known to be."""
        return part.work.limits.read_only and len(batch.sets) == 1 and part.work.big is not False

    # --- counting and stopping -----------------------------------------------------------------------------------

    def _count(self, part: Part, result: BatchResult) -> None:
        self._finished_s = time.monotonic()
        progress = self._progress
        before = progress.failed, progress.unknown
        progress.add(result)
        part.ok += result.ok
        part.failed += progress.failed - before[0]
        part.unknown += progress.unknown - before[1]
        progress.unanswered += result.unanswered

    def _decide(self) -> None:
        progress = self._progress
        stop = stopping.after_failures(
            tried=progress.done,
            failed=progress.failed + progress.unknown,
            limit=self._rules.max_failures,
            fail_fast=self._rules.fail_fast,
        )
        if stop is None or self._control.draining:
            return
        if stop.cancel:
            self._control.cancel(stop.reason)
        else:
            self._control.drain(stop.reason)

    def _read_only(self) -> bool:
        return all(part.work.limits.read_only for part in self.parts)

    async def _watch(self) -> None:
        """A slow timer: the run's deadline, the end of a drain, more lanes where the first is stuck in a slow query."""
        started_s = time.monotonic()
        drained_s: float | None = None
        while True:
            await asyncio.sleep(TICK_S)
            now_s = time.monotonic()
            deadline_s = self._rules.deadline_s
            if deadline_s is not None and now_s - started_s >= deadline_s:
                self._control.cancel(f"the deadline of {deadline_s:g}s passed")
            if self._control.draining:
                drained_s = drained_s or now_s
                if now_s - drained_s >= DRAIN_S and not self._control.cancelled:
                    self._control.cancel(
                        f"{self._control.reason}; what ran was cancelled after {DRAIN_S:g}s", self._control.exit_code
                    )
            elif self._wants_lane(now_s):
                self._add_lane()
            self._tell()

    def _wants_lane(self, now_s: float) -> bool:
        """In our own interpreter, lanes are added while queries are slow, or while fast ones have stopped coming back."""
        part = self._part()
        if part is None or not part.sessions.driver.capabilities.in_process:
            return False
        latency_s = part.work.size.latency_s
        silent_s = now_s - self._finished_s
        if latency_s is None or latency_s >= FAST_S:
            return silent_s >= TICK_S or latency_s is not None
        return silent_s >= STUCK_S

    def _tell(self) -> None:
        progress = self._progress
        if self._control.draining:
            progress.state = "stopping"
        elif any(part.sessions.lost for part in self.parts):
            progress.state = "target lost, waiting"
        else:
            progress.state = ""
        progress.waiting_for = self._owed.get(self._window.next) if self._window.full else None

    async def _finish_output(self) -> None:
        try:
            read_only = self._read_only()
            for result in await self._window.flush(gaps=not (read_only and self._ledger.keeps)):
                self._uncount(result)
        except OutputClosed as error:
            self._reader_left(error)
        except BulkqError as error:
            self._stop_by(error)

    def _uncount(self, result: BatchResult) -> None:
        """A result that was not written: its place in the output stays free for a resumed run. Its failures are told."""
        part = next(part for part in self.parts if part.number == result.part)
        self._progress.ok -= result.ok
        part.ok -= result.ok
        for observer in self._observers:
            observer.batch_done(replace(result, ok=0))
        self.failures.extend(result.failures[: KEPT_FAILURES - len(self.failures)])


def _mark(result: BatchResult) -> Mark:
    """What the ledger keeps of a batch: the numbers of its sets that ended `ok`, as ranges between the others."""
    batch = result.batch
    first, end = batch.first, batch.first + len(batch.sets)
    ranges: list[tuple[int, int]] = []
    for n in (*(failure.n for failure in result.failures), end):
        if n > first:
            ranges.append((first, n - 1))
        first = n + 1
    return Mark(result.part, tuple(ranges), result.failures, result.changed, result.unanswered, batch.end)
