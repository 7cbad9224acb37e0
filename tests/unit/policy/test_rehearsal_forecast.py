"""What a rehearsal says about the whole."""

from __future__ import annotations

import pytest

from bulkq.policy.rehearsal_forecast import (
    ALONE,
    LEAST_SPREAD,
    EstimateBounds,
    ForecastPace,
    RehearsedRange,
    RehearsedWave,
    forecast,
)

MEGABYTE = 1_000_000


def wave(rows: int, seconds: float, wal: int | None = None, lanes: int = 2) -> RehearsedWave:
    """Ranges of `rows` rows, each `seconds` long, at the same time."""
    return RehearsedWave((RehearsedRange(rows, rows, seconds),) * lanes, wal)


def test_only_ranges_of_the_final_size_count() -> None:
    """Small ones, which found the size, have more overhead for each row."""
    found = forecast(
        [wave(1000, 0.5, 9 * MEGABYTE), wave(10_000, 0.5, MEGABYTE), wave(20_000, 1.0, 2 * MEGABYTE)], 400_000, 2
    )
    assert found is not None
    assert found.rows_per_s == EstimateBounds(40_000, 40_000 * (1 - LEAST_SPREAD), 40_000 * (1 + LEAST_SPREAD))
    assert found.elapsed_s is not None
    assert (found.elapsed_s.value, found.elapsed_s.low) == (10, pytest.approx(10 / 1.1))
    assert found.wal_bytes is not None
    assert found.wal_bytes.value == pytest.approx(20 * MEGABYTE)
    assert (found.range_rows, found.range_s) == (15_000, 0.75)


def test_ranges_that_differ_widen_the_bounds() -> None:
    """By two deviations of their mean; a single range says nothing about how much they differ."""
    found = forecast([wave(1000, 1.0, lanes=1), wave(1000, 2.0, lanes=1), wave(1000, 3.0, lanes=1)], None, 1)
    assert found is not None
    assert (found.elapsed_s, found.wal_bytes) == (None, None)
    assert found.rows_per_s.high / found.rows_per_s.value == pytest.approx(1.66, abs=0.05)
    single = forecast([wave(1000, 1.0, 0, lanes=1)], 1000, 1)
    assert single is not None
    assert single.rows_per_s.high == 1000 * (1 + ALONE)
    assert single.wal_bytes == EstimateBounds(0, 0, 0)


def test_failed_ranges_do_not_count() -> None:
    """Without one that went well there is no forecast, without WAL none of the WAL."""
    failed = RehearsedWave((RehearsedRange(1000, error="no"), RehearsedRange(0)), 5)
    assert forecast([failed], 1000, 2) is None
    found = forecast([failed, wave(1000, 1.0)], 1000, 2)
    assert found is not None
    assert (found.rows_per_s.value, found.wal_bytes) == (2000, None)


@pytest.mark.parametrize(
    ("pace", "rate", "capped"),
    [
        (ForecastPace(nice=3), EstimateBounds(500, 450, 550), False),
        (ForecastPace(rows_per_s=1900), EstimateBounds(1900, 1800, 1900), True),
        (ForecastPace(nice=1, rows_per_s=100), EstimateBounds(100, 100, 100), True),
        (ForecastPace(rows_per_s=5000, auto=True), EstimateBounds(2000, 1800, 2200), False),
    ],
)
def test_the_pace_bounds_the_speed(pace: ForecastPace, rate: EstimateBounds, *, capped: bool) -> None:
    """Each lane rests after each range, and no more rows than those of the rate are changed."""
    found = forecast([wave(1000, 1.0), wave(1000, 1.0)], 9000, 2, pace)
    assert found is not None
    bounds = found.rows_per_s
    assert (bounds.value, bounds.low, bounds.high) == pytest.approx((rate.value, rate.low, rate.high))
    assert found.elapsed_s is not None
    assert (found.elapsed_s.value, found.capped, found.pace) == (9000 / found.rows_per_s.value, capped, pace)
