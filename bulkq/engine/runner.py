"""A run: the lanes of its targets under one semaphore, what they have in common, when it stops.

Every target has lanes, retries and an output order of its own (`bulkq.engine.lane_group`), so that one which is slow, hangs or is gone
takes nothing from the others but its share of the semaphore.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bulkq.engine.control import DRAIN_S
from bulkq.engine.delivery.overflow import Overflow
from bulkq.engine.lane_group import TICK_S, Lanes
from bulkq.engine.limiter import Permit
from bulkq.engine.pool import MOST_OPEN, Slots
from bulkq.errors import OutputClosed
from bulkq.model import KEPT_FAILURES, Mark, SinkPosition
from bulkq.policy import stop_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.engine.control import Control
    from bulkq.engine.part import PartState
    from bulkq.engine.pool import Sessions
    from bulkq.errors import BulkqError
    from bulkq.model import BatchResult, Failure, Threshold
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Ledger, Observer, Sink


@dataclass(slots=True, kw_only=True)
class Rules:
    """When the run stops by itself."""

    fail_fast: bool = False
    max_failures: Threshold | None = None
    deadline_s: float | None = None
    max_failed_targets: int | None = None
    gives_up: bool = True  # on a target where all of the first thousand have failed
    what: str = "a parameter set"  # that fails, for people


class Runner:
    """One run over its parts.

    Args:
        parts: what to do, in output order.
        concurrency: lanes at most, over all parts.
        progress: live counters, written here.
        observers: told of every batch in output order.
        ordered: output in the order of the input, of each target by itself.
        canaries: targets that run to their end first; the others begin only if all went well there.
        reserved: connections that are open beside those of the lanes.
    """

    def __init__(  # noqa: PLR0913 - each says how the run is carried out
        self,
        parts: Sequence[PartState],
        *,
        concurrency: int,
        progress: Progress,
        observers: Sequence[Observer],
        control: Control,
        rules: Rules,
        ledger: Ledger,
        ordered: bool = True,
        canaries: Sequence[Sessions] = (),
        reserved: int = 0,
    ) -> None:
        self.parts = parts
        self.failures: list[Failure] = []
        self.error: BulkqError | None = None
        self.progress = progress
        self.control = control
        self.ledger = ledger
        self.overflow = Overflow()
        self._observers = observers
        self._rules = rules
        self._concurrency = concurrency
        self._semaphore = asyncio.Semaphore(concurrency)
        self._inside = asyncio.Semaphore(min(concurrency, os.cpu_count() or 1))
        self._targets = [
            Lanes(group, self, most=min(concurrency, group[0].sessions.most or concurrency), ordered=ordered)
            for group in _by_target(parts)
        ]
        self._canaries = canaries
        self._slots = Slots(max(1, MOST_OPEN - reserved), len(self._targets))
        self._doors = self._shared_sinks()

    async def run(self) -> None:
        """Run to the end or to a stop; what came of it stands in `progress`, `parts`, `failures`, `error` and the control."""
        self.control.attach(on_drain=self.wake, on_cancel=self.cancel_lanes)
        timer = asyncio.create_task(self._watch())
        self.progress.targets = len(self._targets)
        try:
            first = [lanes for lanes in self._targets if lanes.sessions in self._canaries]
            rest = [lanes for lanes in self._targets if lanes.sessions not in self._canaries]
            await self._run_all(first)
            if first and rest and not all(lanes.well for lanes in first):
                self.control.drain(
                    "it did not go well on the canary: the other targets were left alone, and resume goes on with them"
                )
            await self._run_all(rest)
        finally:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
            self.overflow.close()

    @property
    def several(self) -> bool:
        """Whether there is more than one target."""
        return len(self._targets) > 1

    @property
    def read_only(self) -> bool:
        """Whether nothing of it changes data."""
        return all(part.spec.limits.read_only for part in self.parts)

    def wake(self) -> None:
        """A stop was asked for: nobody waits for a turn to cut."""
        for lanes in self._targets:
            lanes.wake()

    def cancel_lanes(self) -> None:
        """Cancel what runs; drivers cancel on the server before they let go."""
        for lanes in self._targets:
            lanes.cancel()

    # --- what the lanes of all targets have in common ------------------------------------------------------------

    def permit(self, sessions: Sessions) -> Permit:
        """For a new lane. Databases in our own interpreter take turns on its processors: more threads only wait for each other."""
        if self.several and sessions.driver.capabilities.in_process:
            return Permit(self._inside, self._semaphore)
        return Permit(self._semaphore)

    def share(self) -> int:
        """Lanes that a target may have now: what is there, divided by those that are at work; always one."""
        if not self.several:
            return self._concurrency
        busy = sum(1 for lanes in self._targets if lanes.busy and not lanes.sessions.lost)
        return -(-self._concurrency // max(1, busy))

    def another_slot(self) -> bool:
        """Whether a target may open one connection more. One target alone may open as many as it has lanes."""
        return not self.several or self._slots.another()

    def door(self, sink: Sink) -> asyncio.Lock | None:
        """Who writes into a sink that several targets share holds this; None where nobody else does."""
        return self._doors.get(id(sink))

    def recorded(self, result: BatchResult, *, failed_known: bool = False) -> None:
        """Record a batch that was written; `failed_known` if the ledger has its failures already."""
        self.tell(result)
        if result.batch.sets:
            mark = _mark(result)
            self.ledger.mark(replace(mark, failures=()) if failed_known else mark)

    def tell(self, result: BatchResult) -> None:
        """Observers and the report hear of a batch that ended."""
        for observer in self._observers:
            observer.batch_done(result)
        self.failures.extend(result.failures[: KEPT_FAILURES - len(self.failures)])

    def stop_by(self, error: BulkqError) -> None:
        """An error of the whole run: what runs may finish, nothing new is sent."""
        if isinstance(error, OutputClosed):
            self._reader_left(error)
            return
        self.error = self.error or error
        # A usage error has exit code 2 because nothing was executed; here something was.
        self.control.drain(str(error), 5 if error.exit_code == 2 else error.exit_code)

    def _reader_left(self, error: OutputClosed) -> None:
        """`| head` has seen enough, which is no news where nothing was changed."""
        if self.read_only:
            self.control.drain("", 0)
        else:
            self.control.drain(str(error), OutputClosed.exit_code)

    def decide(self, lanes: Lanes) -> None:
        """Called after every batch: whether this is the end, of the run or of this target."""
        progress = self.progress
        wrong = progress.failed + progress.unknown
        if not wrong or self.control.draining:
            return
        stop = stop_rules.after_failures(
            tried=progress.done,
            failed=wrong,
            limit=self._rules.max_failures,
            fail_fast=self._rules.fail_fast,
            what=self._rules.what,
        )
        if stop is None and self._rules.gives_up:
            stop = stop_rules.hopeless(
                tried=sum(part.tried for part in lanes.parts),
                failed=sum(part.failed + part.unknown for part in lanes.parts),
            )
            if stop is not None and self.several:
                lanes.stop(stop.reason)
                return
        if stop is None:
            return
        if stop.cancel:
            self.control.cancel(stop.reason)
        else:
            self.control.drain(stop.reason)

    # --- outputs, as the ledger asks for them ----------------------------------------------------------------------

    def positions(self) -> list[tuple[int, SinkPosition]]:
        """How far every output holds whole answers of batches that were recorded; asked by the ledger's group commit."""
        found: list[tuple[int, SinkPosition]] = []
        turns = [lanes.window.streaming for lanes in self._targets if lanes.window.streaming is not None]
        for part in first_of_each_sink(self.parts):
            begins = [begin for turn in turns if (begin := turn.begins_at(part.sink)) is not None]
            found.extend(
                (part.number, SinkPosition(position.path, min([*begins, position.offset])))
                for position in part.sink.positions()
            )
        return found

    async def fsync(self) -> None:
        """Make durable what the outputs hold."""
        for part in first_of_each_sink(self.parts):
            await part.sink.fsync()

    def _shared_sinks(self) -> dict[int, asyncio.Lock]:
        users: dict[int, set[int]] = {}
        for part in self.parts:
            users.setdefault(id(part.sink), set()).add(id(part.sessions))
        return {sink: asyncio.Lock() for sink, targets in users.items() if len(targets) > 1}

    # --- targets ---------------------------------------------------------------------------------------------------

    async def _run_all(self, targets: Sequence[Lanes]) -> None:
        if not self.several:
            for lanes in targets:
                await self._run_one(lanes)
            return
        self._too_many_failed()
        async with asyncio.TaskGroup() as group:
            for lanes in targets:
                group.create_task(self._run_one(lanes))

    async def _run_one(self, lanes: Lanes) -> None:
        if not self.several:
            await lanes.run()
            self.progress.targets_done += 1
            return
        await self._slots.first()
        try:
            await lanes.run()
            self.progress.targets_done += 1
            await lanes.sessions.close()
        finally:
            self._slots.give_back(lanes.slots)
        self._too_many_failed()

    def _too_many_failed(self) -> None:
        most = self._rules.max_failed_targets
        if most is None:
            return
        failed = sum(1 for lanes in self._targets if not lanes.well)
        if failed > most:
            self.control.drain(f"{failed} targets failed, --max-failed-targets {most}")

    async def _watch(self) -> None:
        """A slow timer: the run's deadline, the end of a drain, more lanes where the first is stuck in a slow query."""
        started_s = time.monotonic()
        drained_s: float | None = None
        while True:
            await asyncio.sleep(TICK_S)
            now_s = time.monotonic()
            deadline_s = self._rules.deadline_s
            if deadline_s is not None and now_s - started_s >= deadline_s:
                self.control.cancel(f"the deadline of {deadline_s:g}s passed")
            if self.control.draining:
                drained_s = drained_s or now_s
                if now_s - drained_s >= DRAIN_S and not self.control.cancelled:
                    self.control.cancel(
                        f"{self.control.reason}; what ran was cancelled after {DRAIN_S:g}s", self.control.exit_code
                    )
            else:
                for lanes in self._targets:
                    lanes.tick(now_s)
            self._tell(now_s)

    def _tell(self, now_s: float) -> None:
        progress = self.progress
        lost = sum(1 for lanes in self._targets if lanes.busy and lanes.sessions.lost)
        if self.control.draining:
            progress.state = "stopping"
        elif lost:
            progress.state = f"{lost} targets lost, waiting" if self.several else "target lost, waiting"
        else:
            progress.state = ""
        waiting = [lanes.waiting_for(now_s) for lanes in self._targets]
        progress.waiting_for = next((n for n in waiting if n is not None), None)
        amounts = [lanes.window.backlog.all for lanes in self._targets]
        progress.waiting = sum(amount.sets for amount in amounts)
        progress.waiting_bytes = sum(amount.weight for amount in amounts)


def first_of_each_sink(parts: Sequence[PartState]) -> list[PartState]:
    """The first part of every output."""
    return list({id(part.sink): part for part in reversed(parts)}.values())


def _by_target(parts: Iterable[PartState]) -> list[list[PartState]]:
    groups: dict[int, list[PartState]] = {}
    for part in parts:
        groups.setdefault(id(part.sessions), []).append(part)
    return list(groups.values())


def _mark(result: BatchResult) -> Mark:
    """What the ledger keeps of a batch: the numbers of its sets that ended `ok`, as ranges between the others."""
    batch = result.batch
    first, end = batch.first, batch.first + len(batch.sets)
    ranges: list[tuple[int, int]] = []
    for n in (*(failure.n for failure in result.failures), end):
        if n > first:
            ranges.append((first, n - 1))
        first = n + 1
    return Mark(result.part, tuple(ranges), result.failures, result.changed, len(result.unanswered), batch.end)
