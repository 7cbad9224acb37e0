"""Rate and time left, on made-up clocks."""

from __future__ import annotations

import heapq
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.policy.backfill_eta import Eta, TimeLeft
from bulkq.policy.range_size import RangeSize

RATE = 40_000


def steady(seconds: float, every_s: float = 0.5, rate: float = RATE) -> Eta:
    """A run of ranges that end every `every_s`."""
    eta = Eta()
    for n in range(round(seconds / every_s)):
        eta.record(round(rate * every_s), (n + 1) * every_s)
    return eta


def at_a_quarter(total: int, lanes: int, seed: int) -> tuple[TimeLeft | None, float]:
    """Run `total` rows with sizes that grow; return the estimate after a quarter, and the seconds that were left."""
    random, size, eta = Random(seed), RangeSize(), Eta()
    running: list[tuple[float, int, float]] = []
    begun, now, seen = 0, 0.0, None
    while begun < total or running:
        while len(running) < lanes and begun < total:
            rows = min(size.rows, total - begun)
            begun += rows
            took_s = 0.01 + rows / RATE * random.lognormvariate(0, 0.2)
            heapq.heappush(running, (now + took_s, rows, took_s))
        now, rows, took_s = heapq.heappop(running)
        size.record(rows, rows, took_s)
        eta.record(rows, now)
        if seen is None and 4 * eta.rows >= total:
            seen = eta.left(total - eta.rows, now, 0.05), now
    assert seen is not None
    return seen[0], now - seen[1]


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("seconds", [15, 600, pytest.param(3_600, marks=pytest.mark.long)])
def test_a_quarter_tells_the_end(seconds: int, lanes: int) -> None:
    """After 25 % the time left is within 20 % of the truth, though the run began with small ranges."""
    for seed in range(3):
        left, truth_s = at_a_quarter(seconds * RATE * lanes, lanes, seed)
        assert left is not None
        assert left.eta_s == pytest.approx(truth_s, rel=0.2)
        assert left.low_s < truth_s < left.high_s


def test_the_rate_is_that_of_the_last_minutes() -> None:
    """Five minutes after the server became ten times slower, the fast time is forgotten; the curve stays short."""
    eta = steady(3_600)
    assert eta.rate(3_600) == pytest.approx(RATE)
    for second in range(301):
        eta.record(RATE // 10, 3_601 + second)
    assert eta.rate(3_901) == pytest.approx(RATE / 10, rel=0.01)
    assert len(eta._curve) < 310


def test_nothing_is_known_at_first() -> None:
    """No rate before the first range, and no time before 2 seconds and 1 %, or 30 seconds."""
    eta = Eta(100.0)
    assert eta.rate(100.0) == 0.0
    assert eta.left(1_000, 200.0, 0.1) is None
    early = steady(1.5)
    assert early.rate(1.5) == pytest.approx(RATE)
    assert early.left(RATE, 1.5, 0.1) is None
    assert steady(6).left(RATE, 6, 0.1) is not None
    assert steady(6).left(1_000 * RATE, 6, 0.1) is None
    assert steady(31).left(10_000 * RATE, 31, 0.1) is not None


def test_the_bounds_are_wider_where_the_rate_varies() -> None:
    """A steady rate leaves the doubt that it is given; one that changes adds its own."""
    left = steady(100).left(100 * RATE, 100, 0.1)
    assert left == TimeLeft(pytest.approx(100), pytest.approx(100 / 1.12), pytest.approx(112))
    eta = Eta()
    for second in range(100):
        eta.record(RATE if second % 20 < 10 else RATE // 5, second + 1)
    left = eta.left(100 * RATE, 100, 0.1)
    assert left is not None
    assert left.high_s > 1.4 * left.eta_s


def test_a_stall_lowers_the_rate() -> None:
    """Waiting for the next range is usual for as long as ranges take; beyond that, nothing moves."""
    eta = steady(100)
    assert eta.rate(100.9) == pytest.approx(RATE)
    assert eta.rate(151) == pytest.approx(RATE / 2, rel=0.02)
    slow = Eta()
    slow.record(10, 60.0)
    assert slow.rate(100.0) == pytest.approx(10 / 60, rel=0.01)


def test_the_clock_never_goes_back() -> None:
    """An earlier time than that of the last range counts as its time: a throttle's seconds are counted late."""
    eta = steady(10)
    eta.record(RATE, 9.0)
    assert eta.rows == 11 * RATE
    assert eta.rate(10.0) > RATE
    alone = Eta(5.0)
    alone.record(10, 5.0)
    assert alone.rate(5.0) == 0.0


@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 400)), max_size=60), st.floats(0, 1_000))
def test_any_ranges(ranges: list[tuple[int, float]], later_s: float) -> None:
    """Rates are never negative and bounds are in order, whatever comes."""
    eta, now = Eta(), 0.0
    for rows, after_s in ranges:
        now += after_s
        eta.record(rows, now)
        left = eta.left(1_000, now + later_s, 0.05)
        assert eta.rate(now + later_s) >= 0
        assert left is None or left.low_s < left.eta_s < left.high_s
