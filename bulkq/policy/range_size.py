"""How many rows the next key range is to have. One controller is shared by the lanes of a backfill.

Ranges are cut ahead and several are in flight, so results arrive that belong to an earlier size. Each decision therefore
depends on what one range says about its own size (seconds per row, its rows), never on how often it is said:
ten late results of one size lead to the size to which one of them would have led.
"""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import Literal

TARGET_S = 0.5
"""Seconds of a transaction: locks and snapshots are short, and a commit is a small part of it."""

LEAST, MOST, FIRST = 10, 100_000, 1_000

GROWTH = 1.5
FAR_GROWTH = 4.0  # up to half of what the rate allows: at the start, and after one exceptional range
SLOW = 5.0  # times the target: fall to a tenth at once
TENTH = 10.0
RECENT = 10  # ranges over which the rate is taken
EMPTY = 10  # times the first size: as large ranges may become that change nothing, while no other has shown what a change costs
QUANTILE = 0.6  # of their rates: some exceptional ranges do not count, and most ranges are near the target
LATEST = 2  # so many ranges in a row that are slower count at once
PATIENCE = 10  # results without a change, or after a failure, until the size may grow without a range of that size

RangeFault = Literal["timeout", "deadlock", "lock"]
"""Why a range has to be smaller: it reached its deadline, was the victim of a deadlock, or waited too long for a lock."""

FAULTS: dict[RangeFault, str] = {
    "timeout": "a range reached its deadline",
    "deadlock": "a deadlock",
    "lock": "a lock timeout",
}
NEW, CHANGED = "the first size", "a user changed it"


class RangeSize:
    """The controller of rows per range. Not thread-safe: use it on one event loop.

    The same values for `least` and `most` make a fixed size.

    Args:
        target_s: seconds that a range should take.
        least: rows of a range at least.
        most: rows of a range at most.
        first: rows of the first ranges; kept between `least` and `most`.

    Attributes:
        why: why it is this number, for people.
    """

    __slots__ = (
        "_current",
        "_empty_most",
        "_held",
        "_ideal",
        "_least",
        "_most",
        "_recent",
        "_target_s",
        "_unchanged",
        "why",
    )

    def __init__(self, target_s: float = TARGET_S, least: int = LEAST, most: int = MOST, first: int = FIRST) -> None:
        self._target_s = target_s
        self._least, self._most = least, max(least, most)
        self._current = float(min(max(first, least), self._most))
        self._empty_most = EMPTY * self._current
        self._ideal = float(self._most)  # as far as the ranges have shown
        self._recent: deque[tuple[int, float]] = deque(maxlen=RECENT)
        self._unchanged = 0  # results since the size changed
        self._held = 0  # results until it may grow again
        self.why = NEW

    @property
    def target_s(self) -> float:
        """Seconds that a range should take."""
        return self._target_s

    @property
    def least(self) -> int:
        """Rows of a range at least."""
        return self._least

    @property
    def most(self) -> int:
        """Rows of a range at most."""
        return self._most

    def change(self, *, target_s: float | None = None, least: int | None = None, most: int | None = None) -> None:
        """Aim at another time, or keep within other bounds, from now on. `least` above `most` raises `most`."""
        self._target_s = target_s or self._target_s
        self._least = least or self._least
        self._most = max(self._least, most or self._most)
        self._set(self._current, CHANGED)

    @property
    def rows(self) -> int:
        """Rows that the next range is to have."""
        return round(self._current)

    @property
    def far(self) -> bool:
        """Whether ranges of the present size take much less than the target, so that few should be cut before it has grown."""
        return GROWTH * self._current < min(self._ideal, self._most) and not self._held

    def record(self, rows: int, changed: int, elapsed_s: float) -> None:
        """Learn from a range that ended.

        Args:
            rows: rows of the key space that it covers.
            changed: rows that it changed. A range that changed none says nothing about what a change costs.
            elapsed_s: seconds of its transaction, without the time in queues, pools and throttles of this process.
        """
        if rows <= 0:
            return
        if not changed:
            self._pass(rows, elapsed_s)
            return
        self._unchanged += 1
        self._held = max(0, self._held - 1)
        if elapsed_s >= SLOW * self._target_s and 2 * rows >= self._current:
            # Its rate is left out: if it was one exceptional row, the ranges behind it show the true rate.
            self._fall(rows / TENTH, f"a range took {elapsed_s:.1f} s")
            return
        if self._tells(rows, elapsed_s):
            self._recent.append((rows, elapsed_s))
            self._aim(rows)

    def fail(self, kind: RangeFault, rows: int | None = None) -> None:
        """Halve the size after a range of `rows` rows failed; None: it had the present size.

        Ranges of one size that fail together halve it once.
        """
        self._fall(max(rows or 0, self._current) / 2, FAULTS[kind])
        self._held = PATIENCE

    def _tells(self, rows: int, elapsed_s: float) -> bool:
        """Return whether a range says something about the present size. In a small, fast one the fixed costs dominate."""
        return 2 * rows >= self._current or 2 * elapsed_s >= self._target_s

    def _aim(self, rows: int) -> None:
        """Set the size that fits the rate, and grow by a step beyond `rows` at most."""
        rates = [s / n for n, s in self._recent if self._tells(n, s)]
        rate = max(sorted(rates)[ceil(QUANTILE * len(rates)) - 1], min(rates[-LATEST:]))
        ideal = self._ideal = self._target_s / max(rate, 1e-12)
        if ideal <= self._current:
            self._fall(max(ideal, self._current / TENTH), f"aims at {1000 * self._target_s:.0f} ms")
            return
        # Cuts at the borders of groups are always short: after a while the range's own rows do not bound the growth.
        base = self._current if self._unchanged >= PATIENCE else min(rows, self._current)
        size = min(ideal, max(GROWTH * base, min(FAR_GROWTH * base, ideal / 2)))
        if size > self._current and not self._held:
            self._set(size, "growing")

    def _pass(self, rows: int, elapsed_s: float) -> None:
        """Grow over rows that need no change, for example in a second pass, as long as reading takes less than half of the target."""
        if self._recent or self._held or 2 * elapsed_s >= self._target_s:
            return
        size = min(FAR_GROWTH * min(rows, self._current), self._empty_most)
        if size > self._current:
            self._set(size, "nothing to change")

    def _fall(self, size: float, why: str) -> None:
        if size < self._current:
            self._set(size, why)

    def _set(self, size: float, why: str) -> None:
        bounded = min(max(size, float(self._least)), float(self._most))
        self.why = f"{why}, the least" if bounded > size else "the most" if bounded < size else why
        if bounded != self._current:
            self._current, self._unchanged = bounded, 0
