"""What a rehearsal says about the whole of a backfill: how long it takes, and how much WAL it writes."""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

STEADY = 0.5
"""Ranges with at least this share of the rows of the largest one are like those of the whole run; smaller ones found the size."""

LEAST_SPREAD = 0.1
ALONE = 0.5
"""The spread of a single value, which does not show how much values differ."""

MOST_SPREAD = 0.9
DEVIATIONS = 2.0


@frozen
class RehearsedRange:
    """A range that was executed and rolled back.

    Attributes:
        rows: of the key space that it covers.
        changed: rows that it changed, for the time until the rollback.
        elapsed_s: seconds of its transaction.
        error: why it failed; "" if it did not.
        passing: the error is one that a run retries.
    """

    rows: int
    changed: int = 0
    elapsed_s: float = 0.0
    error: str = ""
    passing: bool = False


@frozen
class RehearsedWave:
    """Ranges that were executed at the same time.

    Attributes:
        ranges: one for each lane.
        wal_bytes: that the server wrote meanwhile, other sessions included; None if that is not known.
    """

    ranges: tuple[RehearsedRange, ...]
    wal_bytes: int | None = None


@frozen
class ForecastPace:
    """What else bounds the speed of the whole, and a rehearsal does not show.

    Attributes:
        nice: rest of a lane after a range, as a multiple of its time.
        rows_per_s: of `--max-rate`; None: there is none.
        auto: the run finds its rests itself, while it sees others at work. How long they are cannot be foreseen.
    """

    nice: float = 0.0
    rows_per_s: float | None = None
    auto: bool = False


@frozen
class EstimateBounds:
    """An estimate, and the bounds between which the truth probably is."""

    value: float
    low: float
    high: float


@frozen
class Forecast:
    """The whole of a backfill.

    Attributes:
        rows_per_s: of the key space, with the rests of `pace` and within its rate.
        elapsed_s: seconds, without time in throttles and the rests of `pace.auto`; None if the rows of the table are not known.
        wal_bytes: None if that is not known.
        range_rows: rows of a range in the steady state.
        range_s: seconds of such a range.
        pace: of the run.
        capped: without the rate of `pace` it would be faster.
    """

    rows_per_s: EstimateBounds
    elapsed_s: EstimateBounds | None
    wal_bytes: EstimateBounds | None
    range_rows: int
    range_s: float
    pace: ForecastPace
    capped: bool


NO_PACE = ForecastPace()


def forecast(
    waves: Sequence[RehearsedWave], total: int | None, lanes: int, pace: ForecastPace = NO_PACE
) -> Forecast | None:
    """The forecast from what was rehearsed; None if no range of it went well.

    Args:
        waves: in the order of time.
        total: rows of the table; None if they are not known.
        lanes: ranges at the same time.
        pace: of the run.
    """
    good = [one for wave in waves for one in wave.ranges if not one.error and one.rows]
    if not good:
        return None
    least = STEADY * max(one.rows for one in good)
    steady = [one for one in good if one.rows >= least]
    rows, lane_s = sum(one.rows for one in steady), max(sum(one.elapsed_s for one in steady), 1e-9)
    rates = [one.rows / max(one.elapsed_s, 1e-9) for one in steady]
    free = _extent(lanes * rows / lane_s / (1 + pace.nice), _spread(rates))
    most = inf if pace.rows_per_s is None else pace.rows_per_s
    rate = EstimateBounds(min(free.value, most), min(free.low, most), min(free.high, most))
    return Forecast(
        rows_per_s=rate,
        elapsed_s=None if total is None else EstimateBounds(total / rate.value, total / rate.high, total / rate.low),
        wal_bytes=None if total is None else _wal(waves, least, total),
        range_rows=rows // len(steady),
        range_s=lane_s / len(steady),
        pace=pace,
        capped=free.high > most,
    )


def _wal(waves: Sequence[RehearsedWave], least: float, total: int) -> EstimateBounds | None:
    """WAL by the rows that changed the most: a row that does not change writes none."""
    pairs = [(wave.wal_bytes, wave.ranges) for wave in waves if wave.wal_bytes is not None]
    known = [
        (wal, sum(one.rows for one in ranges)) for wal, ranges in pairs if all(one.rows >= least for one in ranges)
    ]
    if not known or not all(rows for _, rows in known):
        return None
    mean = sum(wal for wal, _ in known) / sum(rows for _, rows in known)
    return _extent(total * mean, _spread([wal / rows for wal, rows in known]))


def _spread(values: Sequence[float]) -> float:
    """The relative uncertainty of the mean of `values`."""
    mean = sum(values) / len(values)
    if len(values) == 1 or not mean:
        return ALONE
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1)) / mean
    return min(MOST_SPREAD, max(LEAST_SPREAD, DEVIATIONS * deviation / sqrt(len(values))))


def _extent(value: float, spread: float) -> EstimateBounds:
    return EstimateBounds(value, value * (1 - spread), value * (1 + spread))
