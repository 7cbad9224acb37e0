"""How long the rest of a backfill takes, from the rows of the last minutes.

Times here are **active seconds**: seconds of a clock that stands still while a throttle holds the run.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from math import sqrt

from bulkq.model.frozen_dataclass import frozen

WINDOW_S = 300.0
"""The rate is that of the last minutes. In a younger run it is that of the last half, so that the start with its small ranges drops out."""

LEAST_WINDOW_S = 2.0
POINT_S = 1.0  # between two points of the curve
SLICES = 8  # of the window, whose rates are compared
ENDS = 2  # ranges by which a window can be off, one at each end

PASSED, ACTIVE_S = 0.01, 30.0
"""A time is given after this share of the rows and `LEAST_WINDOW_S`, or after this time."""

Curve = tuple[tuple[float, int, int], ...]
"""Points of (active seconds, rows, ranges) in ascending order."""


@frozen
class TimeLeft:
    """An estimate in seconds, and the bounds between which the truth probably is."""

    eta_s: float
    low_s: float
    high_s: float


class Eta:
    """The rate of rows, and the time that the rest takes. One thread records, others may read.

    Args:
        begin_s: the active clock at the start.
    """

    __slots__ = ("_curve", "_last")

    def __init__(self, begin_s: float = 0.0) -> None:
        self._last = (begin_s, 0, 0)
        self._curve: Curve = (self._last,)  # replaced, never changed, because another thread reads it

    @property
    def rows(self) -> int:
        """Rows that were recorded."""
        return self._last[1]

    def record(self, rows: int, active_s: float) -> None:
        """Count a range of `rows` rows that ended at `active_s`; an earlier time than before counts as the last one."""
        at_s, before, ranges = self._last
        self._last = (max(at_s, active_s), before + rows, ranges + 1)
        if self._last[0] - self._curve[-1][0] >= POINT_S:
            oldest = bisect_right(self._curve, self._last[0] - WINDOW_S, key=_time) - 1
            begin, kept = self._curve[0], self._curve[max(1, oldest) :]
            self._curve = (begin, *kept, self._last)

    def rate(self, active_s: float) -> float:
        """Return rows per second of the last minutes."""
        return self._window(active_s).rate

    def left(self, rows: int, active_s: float, doubt: float) -> TimeLeft | None:
        """Return how long `rows` further rows take; None if it is too early to say, or if nothing moves.

        Args:
            rows: rows that are left.
            active_s: the active clock now.
            doubt: relative uncertainty at least, such as that of an estimated number of rows: 0.1 for 10 %.
        """
        run_s = active_s - self._curve[0][0]
        known = run_s >= LEAST_WINDOW_S and self.rows >= PASSED * (self.rows + rows)
        window = self._window(active_s)
        if not window.rate or not (known or run_s >= ACTIVE_S):
            return None
        spread = 1 + max(doubt, window.deviation()) + ENDS / window.ranges
        seconds = rows / window.rate
        return TimeLeft(seconds, seconds / spread, seconds * spread)

    def _window(self, active_s: float) -> RateWindow:
        curve, last = self._curve, self._last
        if last != curve[-1]:
            curve = (*curve, last)
        begin_s, end_s = curve[0][0], last[0]
        window_s = min(WINDOW_S, max(LEAST_WINDOW_S, (end_s - begin_s) / 2))
        return RateWindow(curve, max(begin_s, end_s - window_s), active_s)


class RateWindow:
    """The latest part of a curve, from `from_s` on, seen at `active_s`.

    Attributes:
        ranges: ranges that ended in it, at least 1.
        rate: rows per second.
    """

    __slots__ = ("_curve", "_end_s", "_from_s", "ranges", "rate")

    def __init__(self, curve: Curve, from_s: float, active_s: float) -> None:
        self._curve, self._from_s = curve, from_s
        last_s, _, ranges = curve[-1]
        self.ranges = max(1, ranges - curve[bisect_right(curve, from_s, key=_time) - 1][2])
        # The time since the last range counts as far as it is more than is usual between two ranges.
        usual_s = 2 * (last_s - from_s) / self.ranges
        self._end_s = last_s + max(0.0, active_s - last_s - usual_s)
        self.rate = self._rates(1)[0] if self._end_s > from_s else 0.0

    def deviation(self) -> float:
        """Return the relative standard deviation of the rates in equal parts of the window."""
        rates = self._rates(SLICES)
        return sqrt(sum((rate - self.rate) ** 2 for rate in rates) / len(rates)) / self.rate

    def _rates(self, slices: int) -> list[float]:
        width_s = (self._end_s - self._from_s) / slices
        rows = [_rows_at(self._curve, self._from_s + n * width_s) for n in range(slices + 1)]
        return [(after - before) / width_s for before, after in pairwise(rows)]


def _time(point: tuple[float, int, int]) -> float:
    return point[0]


def _rows_at(curve: Curve, at_s: float) -> float:
    """The rows at a time, on a straight line between two points."""
    after = bisect_right(curve, at_s, key=_time)
    if after == len(curve):
        return curve[-1][1]
    (left_s, left, _), (right_s, right, _) = curve[after - 1], curve[after]
    return left + (right - left) * (at_s - left_s) / (right_s - left_s)
