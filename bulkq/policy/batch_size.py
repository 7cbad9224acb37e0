"""How many parameter sets the next batch takes. One controller is shared by the lanes of a query on a target.

The size is decided, not configured: it aims at a time per batch, so that round trips disappear for fast queries
and concurrency does the work for slow ones.

A batch has a cost of its own beside that of its sets: its round trips, which a distant server makes long. That cost says nothing about
the size, so it does not count against the time. Where batches take long, one of twice the size shows it: it takes hardly longer.

Lanes beyond the processors wait for each other. If the time were the same for any number of lanes, more lanes would have
smaller batches. The fixed cost of so many batches would make them slower still, down to one set each. So the time grows
with the lanes: a second has as many batches.
"""

from __future__ import annotations

from math import ceil, inf

TARGET_S = 0.05
"""Long enough to hide a round trip, short enough that a stop, a retry or a progress line is never far away."""

LANES = 8
"""Lanes that aim at `TARGET_S`. Twice as many aim at twice the time."""

LONGEST_S = 0.2
"""Many lanes aim at this time at most. One statement for all sets is given up after 2.5 times as long."""

BRIEF_S = 0.005
"""The last batches get smaller, so that all lanes end together. One that takes this time is small enough: its own cost is not less."""

LARGEST = 2_000
"""Sets of one batch at most: keeps a reply, and what a rollback repeats, small. Larger ones gain nothing: a million lookups in batches
of up to 10,000 took 7 % longer on PostgreSQL and 23 % on SQLite, and 6 MB more.
"""

MANY_ROWS = 50_000
"""A reply with more rows than this halves the batch: memory is bounded by rows, not by sets."""

FIRST_GROWTH, LATER_GROWTH = (
    10.0,
    3.0,
)  # from one batch to the next: at first, and when batches turn out to have a cost of their own
GROWTH = 1.5  # in the end
SLOW = 5.0  # times the target: fall to a tenth at once
TRIED_AFTER = 3  # batches of one size that take long, until one of twice the size is tried; four times as many if that gains nothing
TOGETHER = 1.6  # times as long: if twice the sets take less, a part of the time is not that of the sets
ALIKE = 0.4  # of that time is the least that each recent batch took, if it is not that of the sets
FORGET_S = 30.0  # a batch that was short says less with time: after 21 s it counts as twice as long
LEAST_SHARE = 0.02  # of a batch's time is taken for that of its sets, whatever its round trips seem to cost

RECENT = 100  # sets over which failures are looked at
TOO_MANY_FAILED = 0.1  # of the recent sets: batches of one, since every failure repeats its whole batch


class BatchSize:
    """The batch controller. Not thread-safe: use it on one event loop.

    Args:
        fixed: the size the user asked for; None to decide.
        longest_s: seconds that a batch should take at most, with many lanes.
        shortest_s: the same with few lanes.
        first: the size of the first batches.
    """

    __slots__ = (
        "_base",
        "_base_s",
        "_cost_s",
        "_current",
        "_failed",
        "_fixed",
        "_growth",
        "_lanes",
        "_longest_s",
        "_quick_s",
        "_recent",
        "_seen",
        "_shortest_s",
        "_target_s",
        "_tries",
        "_wait",
        "latency_s",
    )

    def __init__(
        self, fixed: int | None = None, longest_s: float = LONGEST_S, shortest_s: float = TARGET_S, first: int = 1
    ) -> None:
        self._fixed = fixed
        self._longest_s = longest_s
        self._shortest_s = shortest_s
        self._target_s = shortest_s
        self._lanes = 1
        self._current = float(first)
        self._growth = FIRST_GROWTH
        self._recent = 0.0
        self._failed = 0.0
        self._cost_s = 0.0  # of a batch, beside its sets
        self._base, self._base_s = 1, inf  # the size of recent batches, and the shortest of them
        self._quick_s = inf  # the shortest of recent batches of any size
        self._seen = 0  # how many of that size took long
        self._tries = 0  # batches of twice the size that were given to lanes
        self._wait = TRIED_AFTER
        self.latency_s: float | None = None
        """Seconds per set of the last batch; None before the first."""

    def next(self, remaining: int | None, lanes: int) -> int:
        """The size of the next batch, with `remaining` sets left (None: not known) for `lanes` lanes."""
        if self._fixed is not None:
            return self._fixed
        if self._recent >= 10 and self._failed > TOO_MANY_FAILED * self._recent:
            return 1
        size = round(self._current)
        if self._seen >= self._wait + lanes * self._tries and size <= self._base <= LARGEST // 2:
            size = 2 * self._base
            self._tries += 1
        self._lanes = max(1, lanes)
        self._target_s = max(self._shortest_s, min(self._longest_s, TARGET_S * lanes / LANES))
        if remaining is not None:
            brief = BRIEF_S / self.latency_s if self.latency_s else 1.0
            size = min(size, max(ceil(remaining / (2 * lanes)), int(brief)))
        return max(1, size)

    def record(self, size: int, elapsed_s: float, rows: int, failed: int = 0) -> None:
        """Learn from a batch of `size` sets that took `elapsed_s` seconds, `failed` of which failed."""
        self.latency_s = elapsed_s / size
        self._remember(size, failed)
        if rows > MANY_ROWS:
            self.halve()
            return
        self._compare(size, elapsed_s)
        spent_s = max(elapsed_s - self._cost_s, LEAST_SHARE * elapsed_s)
        if spent_s > SLOW * self._target_s:
            self._growth = GROWTH
            self._current = max(
                1.0, min(self._current, size / 10)
            )  # other lanes had batches of this size too: they count once
            return
        ideal = size * self._target_s / max(spent_s, 1e-6)
        if spent_s > self._target_s / 2:
            self._growth = GROWTH
        ceiling = size * self._growth
        if ideal < self._current:
            # Only a batch of about the present size says that the present size is too large.
            if size >= self._current / 2:
                self._current = max(1.0, ideal)
        else:
            self._current = min(float(LARGEST), max(self._current, min(ideal, ceiling)))

    def halve(self) -> None:
        """After a statement timeout, a deadlock, a lock timeout or very many rows."""
        self._growth = GROWTH
        self._current = max(1.0, self._current / 2)

    def _compare(self, size: int, elapsed_s: float) -> None:
        """Find out what a batch costs beside its sets, where batches of one size take long: from one of twice the size.

        Every batch costs it. If one was much shorter, it is the sets that differ.
        """
        self._quick_s = min(elapsed_s, self._quick_s * (1.0 + elapsed_s / (self._lanes * FORGET_S)))
        if elapsed_s < self._cost_s:
            self._cost_s = elapsed_s / 2
        if size == self._base and elapsed_s - self._cost_s > self._target_s / 2:
            self._base_s = min(self._base_s, elapsed_s)
            self._seen += 1
        elif size >= 2 * self._base and self._seen and self._hardly_longer(elapsed_s):
            per_set_s = max(0.0, (elapsed_s - self._base_s) / (size - self._base))
            self._cost_s = min(self._quick_s, max(0.0, self._base_s - per_set_s * self._base))
            self._growth = max(self._growth, LATER_GROWTH)
            self._start_at(size, elapsed_s, TRIED_AFTER)
        elif size >= 2 * self._base and self._seen >= self._wait:
            self._start_at(self._base, self._base_s, 4 * self._wait)
        elif (size != self._base and size < 2 * self._base) or not self._seen:
            self._start_at(size, elapsed_s, self._wait)

    def _hardly_longer(self, elapsed_s: float) -> bool:
        return elapsed_s < TOGETHER * self._base_s and self._quick_s >= ALIKE * self._base_s

    def _start_at(self, size: int, elapsed_s: float, wait: int) -> None:
        """Count batches of `size`, until after `wait` of them one of twice the size is tried."""
        self._base, self._base_s, self._seen, self._wait, self._tries = size, elapsed_s, 0, wait, 0

    def _remember(self, size: int, failed: int) -> None:
        """Keep the share of failed sets over about the last `RECENT`, by scaling old counts down."""
        self._recent += size
        self._failed += failed
        if self._recent > RECENT:
            self._failed *= RECENT / self._recent
            self._recent = float(RECENT)
