"""How far a backfill is: rows of the key space that it has passed. Counters may be read at any time, by any thread."""

from __future__ import annotations

from typing import Literal

from bulkq.policy.backfill_eta import Eta, TimeLeft

TotalKind = Literal["exact", "estimate"]

DOUBT: dict[TotalKind, float] = {"exact": 0.05, "estimate": 0.1}
"""Least relative uncertainty of the time left."""

OUTGROWN = 1.01  # times the rows passed: the least total while an estimate may be too small
UNFINISHED = 99.9  # percent at most while work remains
MOST_THROTTLED = 0.95  # share of the time, in the upper bound of the time left


class RowProgress:
    """Rows passed, of how many, how fast, and what holds the run.

    Args:
        total: rows of the key space, including `before`; None: not known.
        kind: whether that number was counted or comes from the statistics of the database.
        before: rows that earlier processes of the run have passed.
        begin_s: `time.monotonic()` at the start.

    Attributes:
        total_kind: "estimate" too if more rows came than were counted; None: no total.
        range_rows: rows that the next range is to have.
        range_s: seconds that the last range took; None before.
        holds: what bounds the speed at present, for people: `server`, `client`, `cutting ranges`,
            `waiting for locks: pid 4711`, `throttled: lag 4.1s > 2s`; "": not known.
        locked: by label of a target, that all of its lanes wait for a lock, for people.
        position: the condition of the range that was given out last, with values of the key; "" before.
    """

    __slots__ = (
        "_before",
        "_begin_s",
        "_ended",
        "_eta",
        "_shown",
        "_total",
        "holds",
        "locked",
        "position",
        "range_rows",
        "range_s",
        "total_kind",
    )

    def __init__(
        self, total: int | None, kind: TotalKind = "estimate", *, before: int = 0, begin_s: float = 0.0
    ) -> None:
        self._before, self._begin_s = before, begin_s
        self._eta = Eta(begin_s)
        self._shown = 0.0
        self._ended = False
        self.range_rows = 0
        self.range_s: float | None = None
        self.holds = ""
        self.locked: dict[str, str] = {}
        self.position = ""
        self.correct(total, kind)

    def correct(self, total: int | None, kind: TotalKind) -> None:
        """Set the rows of the key space. When the last range is cut, their sum is exact."""
        self._total = total
        self.total_kind: TotalKind | None = None if total is None else kind

    def add(self, rows: int, elapsed_s: float, now_s: float, throttled_s: float = 0.0) -> None:
        """Count a range that ended, however.

        Args:
            rows: rows of the key space that it covers, changed or not.
            elapsed_s: seconds that it took.
            now_s: `time.monotonic()`.
            throttled_s: seconds since the start in which a throttle held the run.
        """
        self._eta.record(rows, now_s - throttled_s)
        self.range_s = elapsed_s
        if self._total is not None and self.done > self._total:
            self.total_kind = "estimate"

    def finish(self) -> None:
        """Nothing remains: the rows passed are the total, and 100 %."""
        self._ended = True
        self.correct(self.done, "exact")

    @property
    def done(self) -> int:
        """Rows passed, with those of earlier processes."""
        return self._before + self._eta.rows

    @property
    def total(self) -> int | None:
        """Rows of the key space; None if not known. An estimate is more than the rows passed while work remains."""
        if self._total is None or self.total_kind == "exact":
            return self._total
        return max(self._total, round(OUTGROWN * self.done))

    def percent(self) -> float | None:
        """0 to 100; None without a total. It never falls, and is 100 only after `finish`."""
        total = self.total
        if total is None:
            return None
        if not self._ended:
            self._shown = max(self._shown, min(UNFINISHED, 100.0 * self.done / max(1, total)))
        return 100.0 if self._ended else self._shown

    def rate(self, now_s: float, throttled_s: float = 0.0) -> float:
        """Rows per second of the last minutes, without throttled time."""
        return self._eta.rate(now_s - throttled_s)

    def time_left(self, now_s: float, throttled_s: float = 0.0) -> TimeLeft | None:
        """Return the time left; None after the end, without a total, or if it is too early to say.

        The estimate holds if nothing throttles the run from now on. The upper bound expects throttles as often as so far.
        """
        total = self.total
        if total is None or self.total_kind is None or self._ended:
            return None
        left = self._eta.left(max(0, total - self.done), now_s - throttled_s, DOUBT[self.total_kind])
        if left is None or not throttled_s:
            return left
        share = min(MOST_THROTTLED, throttled_s / max(throttled_s, now_s - self._begin_s))
        return TimeLeft(left.eta_s, left.low_s, left.high_s / (1 - share))
