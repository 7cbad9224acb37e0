"""How fast something counts, over the last seconds. Pure: the clock is an argument."""

from __future__ import annotations

WINDOW_S = 10.0
POINT_S = 0.5  # between two points, at least


class RecentRate:
    """The rate of a counter over the last `WINDOW_S` seconds. One thread records, others may read."""

    __slots__ = ("_points",)

    def __init__(self) -> None:
        self._points: tuple[tuple[float, float], ...] = ()  # replaced, never changed, because another thread reads it

    def record(self, count: float, now_s: float) -> None:
        """Note that the counter is at `count`. Calls in quick succession keep the first."""
        if self._points and now_s - self._points[-1][0] < POINT_S:
            return
        oldest = now_s - WINDOW_S
        kept = [point for point in self._points if point[0] >= oldest]
        self._points = (*kept, (now_s, count))

    def rate(self, count: float, now_s: float) -> float:
        """Return how much the counter, which is at `count` now, has grown for each second; 0.0 before the first point."""
        points = self._points
        if not points or now_s <= points[0][0]:
            return 0.0
        begin_s, before = points[0]
        return max(0.0, count - before) / (now_s - begin_s)
