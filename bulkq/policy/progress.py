"""Counters of what a run has done so far. They may be read at any time."""

from __future__ import annotations

import math
from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.counts import Counts
from bulkq.model.frozen_dataclass import mutable
from bulkq.model.timeline import RunTimeline
from bulkq.policy.recent_rate import RecentRate
from bulkq.policy.timeline_samples import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.model import BatchResult, Failure, Reading, ThrottleWait
    from bulkq.model.run_status import RunChange
    from bulkq.model.worker_status import WorkersStatus
    from bulkq.policy.row_progress import RowProgress

BUCKETS_PER_DOUBLING = 16
"""Log-spaced: 2^(1/16) = 4.4 % wide, so a percentile is at most 2.2 % off its bucket's middle."""

FASTEST_S = 1e-6
BUCKETS = 40 * BUCKETS_PER_DOUBLING  # 1 us to 12 days

HELD = ("throttled", "paused", "target lost")
"""How the states begin in which no batch can start."""


class Latencies:
    """A histogram of query latencies in log-spaced buckets; constant memory, one addition per batch."""

    __slots__ = ("counts", "max_s", "total")

    def __init__(self) -> None:
        """Start empty."""
        self.counts = [0] * BUCKETS
        self.total = 0
        self.max_s = 0.0

    def add(self, latency_s: float, count: int = 1) -> None:
        """Count `count` queries of `latency_s` seconds each."""
        bucket = int(math.log2(max(latency_s, FASTEST_S) / FASTEST_S) * BUCKETS_PER_DOUBLING)
        self.counts[min(bucket, BUCKETS - 1)] += count
        self.total += count
        self.max_s = max(self.max_s, latency_s)

    def quantile(self, q: float) -> float | None:
        """The latency in seconds that a fraction `q` of the queries did not exceed; None when empty."""
        if not self.total:
            return None
        wanted = q * self.total
        seen = 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                middle_s: float = FASTEST_S * 2.0 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING)
                return min(middle_s, self.max_s)
        return self.max_s


@mutable
class Progress:
    """Live counters of a run. Counts are of parameter sets unless the name says otherwise."""

    name: str = ""  # what is running, for people
    run: str = ""
    command: str = "run"  # or backfill, check
    mode: str = ""  # as in `RunSummary.mode`
    process: str = ""  # host and process id, for people
    concurrency: int | None = 1  # of -j; None: the number of lanes is found while running
    lanes: int = 0  # that this number is at present
    lanes_why: str = ""
    lanes_working: int = 0  # that have a connection
    batch: int | None = None  # sets of the last batch; None for a backfill
    started_s: float = 0.0  # time.monotonic()
    started_at: str = ""  # the same moment: ISO 8601, UTC
    begun_done: int = 0  # `done` at the start of this process
    begun_passed: int = 0  # `passed` then
    begun_percent: float = 0.0
    total: int | None = None
    fraction: float | None = None  # of the source, by bytes, where the total is not known
    counts: Counts = field(default_factory=Counts)
    rows: int = 0
    attempts: int = 0
    together: int = 0  # batches that one statement has answered
    in_flight: int = 0  # sets that a lane has sent and not yet got back
    waiting_for: int | None = None  # number of the set that output order waits for
    waiting: int = 0  # sets whose results wait for an earlier one
    waiting_bytes: int = 0  # the memory or disk that these results take
    targets: int = 1
    targets_done: int = 0
    state: str = ""  # "", "stopping", "target lost, waiting", "throttled: file /run/hold exists"
    state_s: float = 0.0  # since when; time.monotonic()
    doing: str = ""  # what the server says of the oldest command: "public.orders: scanning heap 40%"
    throttled_s: float = 0.0  # seconds in which lanes waited for a throttle
    throttles: Callable[[], tuple[Reading, ...]] = tuple  # gives the last readings of all throttles, critical ones last
    waits: Callable[[], tuple[ThrottleWait, ...]] = tuple  # gives how long each throttle held lanes
    workers: Callable[[], WorkersStatus | None] = lambda: None  # gives the workers of a run with --executor
    latencies: Latencies = field(default_factory=Latencies)
    row_progress: RowProgress | None = None  # of a backfill, whose sets are ranges of rows
    failures: Sequence[Failure] = ()  # the first ones; grows while the run goes on
    changes: list[RunChange] = field(default_factory=list)  # that users made to the run, the newest last
    recent: RecentRate = field(default_factory=RecentRate)
    timeline: Timeline = field(default_factory=Timeline)

    def begin(self, totals: Sequence[int | None], now_s: float, at: str = "") -> None:
        """Start the clock.

        Args:
            totals: the sets of each part, None where they are not known.
            now_s: `time.monotonic()`.
            at: the same moment: ISO 8601, UTC.
        """
        self.started_s, self.started_at = now_s, at
        self.total = None if None in totals else sum(total or 0 for total in totals) + self.done
        self.begun_done, self.begun_passed, self.begun_percent = self.done, self.passed, self.percent() or 0.0
        self.timeline.begin(now_s, self.passed)

    @property
    def done(self) -> int:
        """Parameter sets that have ended, however."""
        return self.counts.tried

    @property
    def passed(self) -> int:
        """What the rate counts: rows of the key space in a backfill, else parameter sets that have ended."""
        return self.done if self.row_progress is None else self.row_progress.done

    @property
    def rate_unit(self) -> str:
        """What `passed` counts: `rows` or `sets`."""
        return "sets" if self.row_progress is None else "rows"

    @property
    def size(self) -> int | None:
        """Sets of the last batch, or rows of the next range of a backfill; None before the first."""
        return self.batch if self.row_progress is None else self.row_progress.range_rows or None

    @property
    def held(self) -> str:
        """Why no batch can start; "" if one can, or none is to start any more."""
        return self.state if self.state.startswith(HELD) else ""

    def enter(self, state: str, now_s: float) -> None:
        """Note what the run is doing from now on, as in `state`."""
        if state != self.state or not self.state_s:
            self.state, self.state_s = state, now_s

    def add(self, result: BatchResult) -> None:
        """Count a batch that ended."""
        self.counts += result.counts
        self.rows += result.rows
        self.attempts += result.attempts
        self.together += result.together
        size = len(result.batch.sets)
        if size:
            self.latencies.add(result.elapsed_s / size, size)

    def percent(self) -> float | None:
        """0 to 100: by rows in a backfill, else by count where the total is known, else by bytes."""
        if self.row_progress is not None:
            return self.row_progress.percent()
        if self.total:
            return 100.0 * min(1.0, self.done / self.total)
        return None if self.fraction is None else 100.0 * self.fraction

    def rate(self, now_s: float) -> float:
        """Parameter sets per second since the start of this process."""
        elapsed = now_s - self.started_s
        return (self.done - self.begun_done) / elapsed if elapsed > 0 else 0.0

    def recent_rate(self, now_s: float) -> float:
        """What `passed` counts, per second of the last ten seconds."""
        return self.recent.rate(self.passed, now_s)

    def average_rate(self, now_s: float) -> float:
        """What `passed` counts, per second since the start of this process."""
        elapsed = now_s - self.started_s
        return max(0, self.passed - self.begun_passed) / elapsed if elapsed > 0 else 0.0

    def whole_timeline(self) -> RunTimeline:
        """The timeline of this process with the changes that users made."""
        segment = self.timeline.segment(self.started_at, self.rate_unit)
        return RunTimeline(segments=(segment,), changes=tuple(self.changes))

    def eta_s(self, now_s: float) -> float | None:
        """Seconds left at the rate so far; None until 5 % are done or where the end is not known.

        In a backfill the rate is that of the last minutes; see `RowProgress.time_left`.
        """
        if self.row_progress is not None:
            left = self.row_progress.time_left(now_s, self.throttled_s)
            return None if left is None else left.eta_s
        percent = self.percent()
        if percent is None or percent < 5.0:
            return None
        gained = percent - self.begun_percent
        return (now_s - self.started_s) * (100.0 - percent) / gained if gained > 0 else None
