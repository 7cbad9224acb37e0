"""Execute the parts of a run: start the lanes of its targets, and decide when the run stops.

Every target has lanes, retries and an output order of its own (`bulkq.engine.target_lanes`), so that one which is slow, hangs or is gone
takes nothing from the others but its share of the semaphore.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bulkq.engine.auto_lanes import AutoLanes
from bulkq.engine.live_run import LiveRun
from bulkq.engine.run_context import RunContext
from bulkq.engine.stop_control import DRAIN_S
from bulkq.engine.target_lanes import LaneGroup
from bulkq.engine.throttle_gates_by_target import HeldTimes
from bulkq.engine.timeline_log import TimelineLog, record_workers
from bulkq.model import Batch, BatchResult, SinkPosition
from bulkq.model.counts import Counts
from bulkq.policy.auto_concurrency import MOST
from bulkq.policy.useful_lanes import TICK_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.engine.pool import ConnectionPool
    from bulkq.engine.run_context import StopLimits
    from bulkq.engine.stop_control import Control
    from bulkq.errors import BulkqError
    from bulkq.model import Failure
    from bulkq.policy.pace import Pace
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Ledger, Observer, Throttle

RESTING = "resting by nice=auto, so that others are not slowed down"
"""The state of a run whose lanes all rest."""


class Runner:
    """One run over its parts.

    Args:
        parts: what to do, in output order.
        concurrency: lanes at most, over all parts; None: the number is found while running.
        progress: live counters, written here.
        observers: told of every batch in output order.
        ordered: output in the order of the input, of each target by itself.
        canaries: targets that run to their end first; the others begin only if all went well there.
        reserved: connections that are open beside those of the lanes.
        throttle: opened; holds the lanes while it has a reason.
        pace: how fast the lanes may work.
        failures: of earlier processes of the run.
    """

    def __init__(  # noqa: PLR0913 - each says how the run is carried out
        self,
        parts: Sequence[PartState],
        *,
        concurrency: int | None,
        progress: Progress,
        observers: Sequence[Observer],
        control: Control,
        rules: StopLimits,
        ledger: Ledger,
        ordered: bool = True,
        canaries: Sequence[ConnectionPool] = (),
        reserved: int = 0,
        throttle: Throttle | None = None,
        pace: Pace | None = None,
        failures: Sequence[Failure] = (),
    ) -> None:
        self.parts = parts
        self.control = control
        self._context = RunContext(
            parts,
            concurrency=concurrency,
            progress=progress,
            observers=observers,
            control=control,
            rules=rules,
            ledger=ledger,
            reserved=reserved,
            throttle=throttle,
            pace=pace,
            failures=failures,
        )
        self.failures = self._context.failures
        """The first failures of the run, for the report."""

        self._sinks = tuple({id(part.sink): part for part in reversed(parts)}.values())
        most = concurrency or MOST
        self._targets = [
            LaneGroup(group, self._context, most=min(most, group[0].sessions.most or most), ordered=ordered)
            for group in _by_target(parts)
        ]
        self._timeline = TimelineLog(progress, ledger)
        self._auto = AutoLanes(self._context, self._targets, active=concurrency is None)
        self.live = LiveRun(self._context, self._targets, self._auto)
        control.attach(on_drain=self.wake, on_cancel=self.cancel_lanes, run=self.live)
        self._canaries = canaries
        self._held = HeldTimes(rules.timed, [lanes.sessions for lanes in self._targets])

    @property
    def error(self) -> BulkqError | None:
        """The error that stopped the run, if one did."""
        return self._context.error

    def recorded(self, result: BatchResult) -> None:
        """Record a batch that was written."""
        self._context.recorded(result)

    async def run(self) -> None:
        """Run to the end or to a stop; what came of it stands in `progress`, `parts`, `failures`, `error` and the control."""
        self._fail_refused()
        timer = asyncio.create_task(self._watch())
        timer.add_done_callback(self._timer_ended)
        self._context.progress.failures = self._context.failures
        self._context.progress.targets = len(self._targets)
        self._context.progress.lanes = self._context.limiter.concurrency
        self._stop_for_throttles(time.monotonic())  # a run may be over before the timer looks for the first time
        try:
            first = [lanes for lanes in self._targets if lanes.sessions in self._canaries]
            rest = [lanes for lanes in self._targets if lanes.sessions not in self._canaries]
            await self._run_all(first)
            if first and rest and not all(lanes.well for lanes in first):
                self.control.drain(
                    "canary target failed: the other targets were not started; bulkq resume continues with them"
                )
            await self._run_all(rest)
        finally:
            self.live.over = True
            timer.cancel()
            await asyncio.wait([timer])
            self._timeline.end(time.monotonic())
            self._context.gates.end()
            record_workers(self._context.progress, self._context.ledger)
            self._context.overflow.close()
        if not timer.cancelled():
            timer.result()

    def _timer_ended(self, timer: asyncio.Task[None]) -> None:
        """Stop the run if the timer failed: without it, no deadline holds."""
        if not timer.cancelled():
            self.control.cancel("the timer of the run failed", 5)

    def wake(self) -> None:
        """Let lanes that wait see that a stop was requested."""
        self._context.gates.wake()
        for lanes in self._targets:
            lanes.wake()

    def cancel_lanes(self) -> None:
        """Cancel what runs; drivers cancel on the server before they let go."""
        for lanes in self._targets:
            lanes.cancel()

    # --- outputs, as the ledger asks for them ----------------------------------------------------------------------

    def positions(self) -> list[tuple[int, SinkPosition]]:
        """How far every output holds whole answers of batches that were recorded; asked by the ledger's group commit."""
        found: list[tuple[int, SinkPosition]] = []
        turns = [lanes.window.streaming for lanes in self._targets if lanes.window.streaming is not None]
        for part in self._sinks:
            begins = [begin for turn in turns if (begin := turn.begins_at(part.sink)) is not None]
            found.extend(
                (part.spec.number, SinkPosition(position.path, min([*begins, position.offset])))
                for position in part.sink.positions()
            )
        return found

    async def fsync(self) -> None:
        """Make durable what the outputs hold."""
        for part in self._sinks:
            await part.sink.fsync()

    def _fail_refused(self) -> None:
        """A statement that the server refuses fails once; its other sets are skipped."""
        for part in self.parts:
            if part.refused is not None:
                failed = Counts(failed=1)
                part.counts += failed
                self._context.progress.counts += failed
                nothing = Batch(-1, part.refused.n, ())
                spec = part.spec
                self.recorded(BatchResult(nothing, spec.query, spec.target, (), (), (), ok=0, failures=(part.refused,)))

    # --- targets ---------------------------------------------------------------------------------------------------

    async def _run_all(self, targets: Sequence[LaneGroup]) -> None:
        if not self._context.several:
            for lanes in targets:
                await self._run_one(lanes)
            return
        self._too_many_failed()
        async with asyncio.TaskGroup() as group:
            for lanes in targets:
                group.create_task(self._run_one(lanes))

    async def _run_one(self, lanes: LaneGroup) -> None:
        if not self._context.several:
            await lanes.run()
            self._context.progress.targets_done += 1
            return
        await self._context.slots.first()
        try:
            await lanes.run()
            self._context.progress.targets_done += 1
            await lanes.sessions.close()
        finally:
            self._context.slots.give_back(lanes.slots)
        self._too_many_failed()

    def _too_many_failed(self) -> None:
        most = self._context.rules.max_failed_targets
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
            deadline_s = self._context.rules.deadline_s
            if deadline_s is not None and now_s - started_s >= deadline_s:
                self.control.cancel(f"the deadline of {deadline_s:g}s passed")
            if self.control.draining:
                drained_s = drained_s or now_s
                if self.control.cancelled:
                    pass
                elif self._waits_in_vain():
                    self.control.cancel(f"{self.control.reason}; the target was lost", self.control.exit_code)
                elif now_s - drained_s >= DRAIN_S:
                    self.control.cancel(
                        f"{self.control.reason}; what ran was cancelled after {DRAIN_S:g}s",
                        self.control.exit_code,
                    )
            else:
                self.live.tick(now_s)
                if not self._context.pause.on:
                    self._auto.tick(now_s)
                    for lanes in self._targets:
                        lanes.tick(now_s)
                self._stop_for_throttles(now_s)
            self._context.gates.tick()
            self._tell(now_s)

    def _waits_in_vain(self) -> bool:
        """Whether a drain waits for lost targets alone, and all of it reads: nothing is in flight.

        A write may be in doubt. If its target is back in time, its outcome is known.
        """
        busy = [lanes for lanes in self._targets if lanes.busy]
        lost = all(lanes.sessions.lost and lanes.sessions.opening >= lanes.at_work for lanes in busy)
        return self._context.read_only and bool(busy) and lost

    def _stop_for_throttles(self, now_s: float) -> None:
        """Stop if a critical signal has a reason, or the throttles have held the run for too long."""
        rules = self._context.rules
        critical = rules.critical.reason() if rules.critical is not None else None
        if critical is not None:
            self.control.drain(f"critical: {critical}")
        if rules.timed is None or rules.throttle_timeout_s is None:
            return
        if self._held.shortest_s(self._context.limiter.busy, now_s) >= rules.throttle_timeout_s:
            self.control.drain(f"throttled for {rules.throttle_timeout_s:g}s: {rules.timed.reason()}")

    def _tell(self, now_s: float) -> None:
        progress = self._context.progress
        progress.enter(self._state(), now_s)
        progress.recent.record(progress.passed, now_s)
        progress.lanes_working = sum(lanes.at_work for lanes in self._targets) - self._context.pause.lanes
        sizes = (lanes.parts[min(lanes.current, len(lanes.parts) - 1)].batch_sets for lanes in self._targets)
        progress.batch = max((size for size in sizes if size is not None), default=None)
        progress.throttled_s = self._context.gates.throttled_s
        self._timeline.tick(now_s)
        waiting = [lanes.waiting_for(now_s) for lanes in self._targets]
        progress.waiting_for = next((n for n in waiting if n is not None), None)
        amounts = [lanes.window.backlog.all for lanes in self._targets]
        progress.waiting = sum(amount.sets for amount in amounts)
        progress.waiting_bytes = sum(amount.weight for amount in amounts)

    def _state(self) -> str:
        """What holds the run, as in `Progress.state`."""
        if self.control.draining:
            return "stopping"
        if self._context.pause.on:
            return f"paused: by {self._context.pause.by}"
        lost = sum(1 for lanes in self._targets if lanes.busy and lanes.sessions.lost)
        if lost:
            return f"{lost} targets lost, waiting" if self._context.several else "target lost, waiting"
        return self._context.gates.state or (RESTING if self._context.gates.resting else "")


def _by_target(parts: Iterable[PartState]) -> list[list[PartState]]:
    groups: dict[int, list[PartState]] = {}
    for part in parts:
        groups.setdefault(id(part.sessions), []).append(part)
    return list(groups.values())
