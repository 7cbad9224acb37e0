"""What the lanes of all targets of a run share."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.delivery.overflow import Overflow
from bulkq.engine.pause import Pause
from bulkq.engine.pool import MOST_OPEN
from bulkq.engine.slots import ConnectionSlots, Limiter
from bulkq.engine.throttle_gates_by_target import Gates
from bulkq.errors import OutputClosed
from bulkq.model import KEPT_FAILURES, Mark
from bulkq.model.frozen_dataclass import mutable
from bulkq.policy import stop_rules
from bulkq.policy.auto_concurrency import MOST, START
from bulkq.policy.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.engine.stop_control import Control
    from bulkq.errors import BulkqError
    from bulkq.model import BatchResult, Failure, Reading, Threshold
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Ledger, Observer, Throttle


@mutable(kw_only=True)
class StopLimits:
    """When the run stops by itself."""

    fail_fast: bool = False
    max_failures: Threshold | None = None
    deadline_s: float | None = None
    max_failed_targets: int | None = None
    throttle_timeout_s: float | None = None  # while `timed` has a reason
    timed: Throttle | None = None  # the signals of the throttle, without the hours of the day
    critical: Throttle | None = None  # its reason ends the run
    gives_up: bool = True  # on a target where all of the first thousand have failed
    what: str = "a parameter set"  # that fails, for people


class RunContext:
    """Slots, counters, record and stop rules of one run.

    Args:
        parts: of the whole run.
        concurrency: lanes at most, over all targets; None: the number is found while running.
        progress: live counters.
        observers: told of every batch in output order.
        control: stops the run.
        rules: when the run stops by itself.
        ledger: records every batch.
        reserved: connections that are open beside those of the lanes.
        throttle: holds the lanes while the database, or a person, asks for it.
        pace: how fast the lanes may work.
        failures: of earlier processes of the run.
    """

    def __init__(  # noqa: PLR0913 - what a run is given
        self,
        parts: Sequence[PartState],
        *,
        concurrency: int | None,
        progress: Progress,
        observers: Sequence[Observer],
        control: Control,
        rules: StopLimits,
        ledger: Ledger,
        reserved: int = 0,
        throttle: Throttle | None = None,
        pace: Pace | None = None,
        failures: Sequence[Failure] = (),
    ) -> None:
        pools = tuple(dict.fromkeys(part.sessions for part in parts))
        self.several = len(pools) > 1
        self.read_only = all(part.spec.limits.read_only for part in parts)
        self.progress = progress
        self.control = control
        self.rules = rules
        self.ledger = ledger
        self.failures: list[Failure] = [*failures]
        self.locks = _locks(parts)
        """By `id` of a sink that several targets share: to be held while writing into it."""

        self.error: BulkqError | None = None
        self.overflow = Overflow()
        self.slots = ConnectionSlots(max(1, MOST_OPEN - reserved), len(pools))
        first = concurrency or max(START, min(len(pools), MOST))
        self.limiter = Limiter(first, several=self.several)
        self.pace = pace or Pace(None)
        self.pause = Pause()
        self.gates = Gates(throttle, pools, self.limiter.busy, self.say, self.pace, self.pause, ledger)
        progress.throttles = self._readings
        progress.waits = self.gates.waits
        self._observers = observers

    def another_slot(self) -> bool:
        """Whether a target may open one more connection. A single target may open as many as it has lanes."""
        return not self.several or self.slots.another()

    def recorded(self, result: BatchResult, *, failed_known: bool = False) -> None:
        """Record a batch that was written; `failed_known` if the ledger has its failures already."""
        if result.superseded:
            return
        self.tell(result)
        self.pace.spend(result.changed or result.rows, time.monotonic(), rows=True)
        if result.batch.sets:
            mark = _mark(result)
            self.ledger.mark(replace(mark, failures=()) if failed_known else mark)

    def tell(self, result: BatchResult) -> None:
        """Pass a batch that ended to the observers, and keep its failures for the report."""
        for observer in self._observers:
            observer.batch_done(result)
        self.failures.extend(result.failures[: KEPT_FAILURES - len(self.failures)])

    def _readings(self) -> tuple[Reading, ...]:
        critical = self.rules.critical
        return (*self.gates.readings(), *(critical.readings() if critical is not None else ()))

    def say(self, text: str) -> None:
        """Show `text` to the user, through the observers."""
        for observer in self._observers:
            observer.notice(text)

    def stop_by(self, error: BulkqError) -> None:
        """Stop the run because of `error`: running batches may finish, no further one starts."""
        if isinstance(error, OutputClosed):
            self._reader_left(error)
            return
        self.error = self.error or error
        self.control.final = self.control.final or (error.final and not self.control.draining)
        # A usage error has exit code 2 because nothing was executed; here something was.
        self.control.drain(str(error), 5 if error.exit_code == 2 else error.exit_code)

    def _reader_left(self, error: OutputClosed) -> None:
        """Stop after the reader closed stdout, as `| head` does. For a read that is no error."""
        if self.read_only:
            self.control.drain("", 0)
        else:
            self.control.drain(str(error), OutputClosed.exit_code)

    def decide(self, parts: Sequence[PartState]) -> str | None:
        """Apply the stop rules after a batch of the target with `parts`. Return the reason if only that target stops."""
        progress, rules = self.progress, self.rules
        wrong = progress.counts.failed + progress.counts.unknown
        if not wrong or self.control.draining:
            return None
        stop = stop_rules.after_failures(
            tried=progress.done,
            failed=wrong,
            limit=rules.max_failures,
            fail_fast=rules.fail_fast,
            what=rules.what,
        )
        if stop is None and rules.gives_up:
            stop = stop_rules.is_hopeless(
                tried=sum(part.tried for part in parts),
                failed=sum(part.counts.failed + part.counts.unknown for part in parts),
            )
            if stop is not None and self.several:
                return stop.reason
        if stop is None:
            return None
        if stop.cancel:
            self.control.cancel(stop.reason)
        else:
            self.control.drain(stop.reason)
        return None


def _locks(parts: Sequence[PartState]) -> Mapping[int, asyncio.Lock]:
    """A lock for each sink that several targets write to."""
    users: dict[int, set[int]] = {}
    for part in parts:
        users.setdefault(id(part.sink), set()).add(id(part.sessions))
    return {sink: asyncio.Lock() for sink, targets in users.items() if len(targets) > 1}


def _mark(result: BatchResult) -> Mark:
    """What the ledger keeps of a batch: the numbers of its sets that ended `ok`, as ranges between the others."""
    batch = result.batch
    first, end = batch.first, batch.first + len(batch.sets)
    ranges: list[tuple[int, int]] = []
    failed = (failure.n for failure in result.failures)
    for at in (*(failed if batch.shard is None else map(batch.shard.place, failed)), end):
        if at > first:
            ranges.append((first, at - 1))
        first = at + 1
    return Mark(result.part, tuple(ranges), result.failures, result.changed, len(result.unanswered), batch.end)
