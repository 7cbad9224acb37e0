"""Record the timeline of a run in bounded memory. Pure: the clock is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.timeline import TimelineSample, TimelineSegment, TimelineSignal, halve_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.model import Reading

STEP_S = 1.0
"""Length of a sample at first, in seconds. It doubles whenever there are `MOST` samples."""

MOST = 600
LONGEST_WHY = 200  # characters


class Timeline:
    """Samples of rate, size, lanes and throttles since the start of a process.

    A run of an hour has samples of 8 seconds, one of a day has samples of 256 seconds.
    """

    __slots__ = (
        "_before",
        "_begin_s",
        "_columns",
        "_fresh",
        "_held_s",
        "_samples",
        "_seen_s",
        "_since_s",
        "_step_s",
        "_why",
    )

    def __init__(self) -> None:
        self._samples: list[TimelineSample] = []
        self._fresh: list[TimelineSample] = []  # since the last `take`
        self._columns: dict[tuple[str, str | None], TimelineSignal] = {}
        self._step_s = STEP_S
        self._begin_s = self._since_s = self._seen_s = 0.0
        self._before = 0
        self._held_s, self._why = 0.0, ""

    def begin(self, now_s: float, passed: int) -> None:
        """Start the clock; `passed` is the counter of the rate."""
        self._begin_s = self._since_s = self._seen_s = now_s
        self._before = passed

    def record(
        self,
        now_s: float,
        passed: int,
        *,
        size: int | None,
        lanes: int,
        held: str,
        readings: Callable[[], Sequence[Reading]],
    ) -> None:
        """Note the state at `now_s`. When the span of a sample is over, it is added.

        Args:
            now_s: `time.monotonic()`.
            passed: the counter of the rate.
            size: sets of the last batch, or rows of the next range; None if it is not known.
            lanes: that are connected.
            held: why no batch can start; "" if one can.
            readings: gives those of the throttles.
        """
        if held:
            self._held_s, self._why = self._held_s + now_s - self._seen_s, held
        self._seen_s = now_s
        if now_s - self._since_s >= self._step_s:
            self._add(now_s, passed, size, lanes, readings())

    def end(
        self, now_s: float, passed: int, *, size: int | None, lanes: int, readings: Callable[[], Sequence[Reading]]
    ) -> None:
        """Add the last sample, which is shorter."""
        if now_s > self._since_s:
            self._add(now_s, passed, size, lanes, readings())

    def _add(self, now_s: float, passed: int, size: int | None, lanes: int, readings: Sequence[Reading]) -> None:
        span_s = now_s - self._since_s
        values = self._values(readings)
        sample = TimelineSample(
            at_s=round(self._since_s - self._begin_s, 3),
            span_s=round(span_s, 3),
            rate=round(max(0, passed - self._before) / span_s, 2),
            size=size,
            lanes=lanes,
            held=round(min(1.0, self._held_s / span_s), 3),
            why=self._why[:LONGEST_WHY],
            values=values,
        )
        self._since_s, self._before = now_s, passed
        self._held_s, self._why = 0.0, ""
        self._fresh.append(sample)
        self._samples.append(sample)
        if len(self._samples) >= MOST:
            self._samples = halve_samples(self._samples)
            self._step_s *= 2
        if len(self._fresh) >= MOST:  # none has taken them
            self._fresh = halve_samples(self._fresh)

    def _values(self, readings: Sequence[Reading]) -> tuple[float | None, ...]:
        """The values in the order of the columns. A signal that is new gets a further column."""
        found: dict[tuple[str, str | None], float | None] = {}
        for reading in readings:
            key = reading.name, reading.target
            found[key] = None if reading.number is None else round(reading.number, 4)
            limit = None if reading.limit is None else float(reading.limit)
            if key not in self._columns or self._columns[key].limit != limit:
                unit = None if reading.unit is None else str(reading.unit)
                self._columns[key] = TimelineSignal(reading.name, reading.target, limit, unit)
        return tuple(found.get(key) for key in self._columns)

    def segment(self, begin: str, unit: str) -> TimelineSegment:
        """Return all samples; see `TimelineSegment`."""
        return self._segment(begin, unit, self._samples)

    def take(self, begin: str, unit: str) -> TimelineSegment:
        """Return the samples since the last call."""
        fresh, self._fresh = self._fresh, []
        return self._segment(begin, unit, fresh)

    def _segment(self, begin: str, unit: str, samples: Sequence[TimelineSample]) -> TimelineSegment:
        return TimelineSegment(begin=begin, unit=unit, signals=tuple(self._columns.values()), samples=tuple(samples))
