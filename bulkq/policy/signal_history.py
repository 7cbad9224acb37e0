"""What a signal says over time: the rate of a position, the time that a replica is behind, the latency of commits. Pure."""

from __future__ import annotations

from collections import deque
from math import ceil

RATE_S = 3.0
"""Seconds over which a rate is measured."""

KEPT_S = 3600.0
"""Seconds for which positions are kept."""

COARSE_S = 60.0
"""Positions that are older than this are kept about once in `COARSE_STEP_S`."""

COARSE_STEP_S = 10.0

RECENT_S = 10.0
"""Seconds of which the latency of commits is taken."""

MOST_COMMITS = 4096


class PositionHistory:
    """When which position of the log was written, as this process has seen it. Positions are in bytes.

    A position falls if a server loses what it had not synced, or a standby that was behind takes over: what was seen beyond is forgotten.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()  # seconds, position; both ascending

    def record(self, now_s: float, position: float) -> None:
        """Record that `position` is written at `now_s`."""
        while self._seen and self._seen[-1][1] > position:
            self._seen.pop()
        while self._seen and self._seen[0][0] < now_s - KEPT_S:
            self._seen.popleft()
        self._thin_out(now_s)
        self._seen.append((now_s, position))

    def rate(self, now_s: float) -> float | None:
        """Bytes per second of the last `RATE_S`; None if there are not two positions yet."""
        if len(self._seen) < 2:
            return None
        last_s, last = self._seen[-1]
        first_s, first = next((seen for seen in self._seen if seen[0] >= now_s - RATE_S), self._seen[-1])
        if first_s == last_s:
            first_s, first = self._seen[-2]
        return max(0.0, last - first) / (last_s - first_s)

    def behind_s(self, position: float, now_s: float) -> float:
        """For how long what is behind `position` has been written; 0.0 if nothing is, or if that is not known yet.

        Between two looks the log is taken to have grown evenly. If it is behind every look, at least the time since the first.
        If a replica has applied all that was seen before the newest look, what came since may have been written a moment ago.
        """
        previous_s, previous = None, 0.0
        for seen_s, seen in self._seen:
            if seen > position:
                if previous_s is None or (previous == position and seen_s == self._seen[-1][0]):
                    return now_s - seen_s
                share = (position - previous) / (seen - previous)
                return now_s - (previous_s + share * (seen_s - previous_s))
            previous_s, previous = seen_s, seen
        return 0.0

    def _thin_out(self, now_s: float) -> None:
        """Drop one old position that is close to its neighbour, so that an hour needs few of them."""
        for at in range(1, len(self._seen)):
            seen_s = self._seen[at][0]
            if seen_s >= now_s - COARSE_S:
                return
            if seen_s - self._seen[at - 1][0] < COARSE_STEP_S and at + 1 < len(self._seen):
                del self._seen[at]
                return


class CommitTimes:
    """The latency of the commits of the last `RECENT_S`."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times: deque[tuple[float, float]] = deque(maxlen=MOST_COMMITS)  # when, and seconds that it took

    def record(self, now_s: float, took_s: float) -> None:
        """Record a commit that has ended at `now_s`."""
        self._times.append((now_s, took_s))

    def p90(self, now_s: float) -> float | None:
        """Seconds within which nine of ten commits have ended; None if there were none."""
        while self._times and self._times[0][0] < now_s - RECENT_S:
            self._times.popleft()
        if not self._times:
            return None
        took = sorted(seconds for _, seconds in self._times)
        return took[ceil(0.9 * len(took)) - 1]

    def quiet_s(self, now_s: float) -> float:
        """Return the seconds since the newest commit; 0.0 if there is none."""
        return now_s - self._times[-1][0] if self._times else 0.0

    def forget(self) -> None:
        """Forget every commit, so that the next ones alone count."""
        self._times.clear()
