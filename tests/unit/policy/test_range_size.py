"""The controller of rows per range, driven by made-up measurements and by simulated servers."""

from __future__ import annotations

import heapq
from collections import deque
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.policy.range_size import FAR_GROWTH, FIRST, GROWTH, LEAST, MOST, NEW, TARGET_S, RangeSize

if TYPE_CHECKING:
    from collections.abc import Callable

ROW_S = 30e-6
ROWS = 10_000_000


def settled(row_s: float = ROW_S, ranges: int = 40) -> RangeSize:
    """A controller after ranges that took `row_s` for each row."""
    size = RangeSize()
    for _ in range(ranges):
        size.record(size.rows, size.rows, size.rows * row_s)
    return size


def simulate(
    cost: Callable[[int, int, float], float], lanes: int = 1, total: int = ROWS, noise: float = 0.15
) -> list[float]:
    """Return the seconds of each range. `cost` has its first row, its rows and the time; up to four ranges are cut ahead."""
    random, size = Random(lanes), RangeSize()
    waiting: deque[tuple[int, int]] = deque()
    running: list[tuple[float, int, float]] = []
    taken, begin, now = [], 0, 0.0
    while begin < total or waiting or running:
        while len(waiting) < (1 if size.far else 4) and begin < total:
            rows = min(size.rows, total - begin)
            waiting.append((begin, rows))
            begin += rows
        if waiting and len(running) < lanes:
            first, rows = waiting.popleft()
            elapsed_s = 0.003 + cost(first, rows, now) * random.lognormvariate(0, noise)
            heapq.heappush(running, (now + elapsed_s, rows, elapsed_s))
            continue
        now, rows, elapsed_s = heapq.heappop(running)
        size.record(rows, rows, elapsed_s)
        taken.append(elapsed_s)
    return taken


def near(taken: list[float], start: int) -> float:
    """The share of the ranges behind the first `start` that are within 2x of the target, both ways."""
    behind = taken[start:-10]
    return sum(TARGET_S / 2 <= seconds <= 2 * TARGET_S for seconds in behind) / len(behind)


@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_a_steady_server(lanes: int) -> None:
    """95 % of the ranges are within 2x of the target, however late the results of a size arrive."""
    taken = simulate(lambda _, rows, __: rows * ROW_S, lanes)
    assert near(taken, 10 + 8 * (lanes + 4)) >= 0.95
    assert max(taken) < 2 * TARGET_S


@pytest.mark.parametrize("lanes", [1, 4])
def test_one_very_large_row(lanes: int) -> None:
    """A row that makes its range take 30 times the target costs a moment."""
    taken = simulate(lambda at, rows, _: rows * ROW_S + 15 * (at <= ROWS // 2 < at + rows), lanes)
    assert max(taken) > 10
    assert near(taken, 10 + 8 * (lanes + 4)) >= 0.95


@pytest.mark.parametrize("lanes", [1, 4])
def test_a_server_that_slows_down_and_recovers(lanes: int) -> None:
    """Ten times slower for a while: the ranges follow, down and up again."""
    taken = simulate(lambda _, rows, now: rows * ROW_S * (10 if 60 < now < 100 else 1), lanes, 3 * lanes * ROWS)
    assert near(taken, 10 + 8 * (lanes + 4)) >= 0.95


def test_rows_of_two_costs() -> None:
    """Where a part of the table costs four times as much, the size follows within a few ranges."""
    taken = simulate(lambda at, rows, _: rows * ROW_S * (4 if ROWS // 3 < at < ROWS // 2 else 1), 2)
    assert near(taken, 60) >= 0.95


def test_begins_small_and_grows_in_steps() -> None:
    """A step of growth is one and a half of a size that has been seen to work; far below the target it is four."""
    size = RangeSize()
    assert (size.rows, size.why) == (FIRST, NEW)
    size.record(FIRST, FIRST, TARGET_S / 5)
    assert (size.rows, size.why) == (2.5 * FIRST, "growing")
    size.record(size.rows, FIRST, TARGET_S / 2)
    assert size.rows == GROWTH * 2.5 * FIRST
    size = RangeSize()
    size.record(FIRST, FIRST, TARGET_S / 100)
    assert size.rows == FAR_GROWTH * FIRST


def test_results_of_an_earlier_size_do_not_count_again() -> None:
    """Ranges in flight with the size before the last change grow it no further, and shrink it no further."""
    size = RangeSize()
    for _ in range(5):
        size.record(FIRST, FIRST, 0.01)
    assert size.rows == FAR_GROWTH * FIRST
    size = settled()
    rows = size.rows
    for _ in range(5):
        size.record(rows, rows, 6 * TARGET_S)
    assert size.rows == round(rows / 10)
    assert size.why == "a range took 3.0 s"


def test_ranges_that_come_out_short_grow_later() -> None:
    """If groups make every range shorter than asked for, the size grows all the same, by the rate."""
    size = RangeSize()
    for _ in range(100):
        size.record(round(size.rows * 0.6), 1, size.rows * 0.6 * ROW_S)
    assert size.rows == pytest.approx(TARGET_S / ROW_S, rel=0.01)


def test_a_rate_above_the_target_shrinks_it_at_once() -> None:
    """Twice as slow: the second such range halves the size; a single one in ten is an exception."""
    size = settled()
    rows = size.rows
    size.record(rows, rows, rows * 2 * ROW_S)
    assert size.rows == rows
    size.record(rows, rows, rows * 2 * ROW_S)
    assert size.rows == pytest.approx(rows / 2, rel=0.01)
    assert size.why == "aims at 500 ms"


def test_ranges_without_a_change_grow_with_care() -> None:
    """Up to ten times the first size, and until a range shows what a change costs. Slow reading, and failures, end it."""
    size = RangeSize()
    for _ in range(9):
        size.record(size.rows, 0, 0.01)
    assert (size.rows, size.far, size.why) == (10 * FIRST, True, "nothing to change")
    size.record(size.rows, size.rows, 5.0)
    assert size.rows == FIRST
    slow, failed = RangeSize(), RangeSize()
    slow.record(FIRST, 0, TARGET_S / 2)
    failed.fail("lock")
    failed.record(FIRST, 0, 0.01)
    assert (slow.rows, failed.rows) == (FIRST, FIRST / 2)


def test_ranges_without_a_change_say_nothing() -> None:
    """They neither grow nor shrink the size, fast or slow."""
    size = settled()
    rows = size.rows
    for elapsed_s in (0.0001, 60.0) * 20:
        size.record(rows, 0, elapsed_s)
    size.record(0, 3, 1.0)
    assert size.rows == rows


def test_the_short_end_of_a_group_says_nothing() -> None:
    """The fixed costs of a few rows are no rate, and one that waited for a lock is an exception."""
    size = settled()
    rows = size.rows
    for _ in range(20):
        size.record(5, 5, 0.004)
    size.record(1, 1, 4.0)
    assert size.rows == rows
    size.record(1, 1, 4.0)
    assert size.rows == round(rows / 10)  # and no further at once, though the rate would be 4 s a row


@pytest.mark.parametrize(
    ("kind", "why"),
    [("timeout", "a range reached its deadline"), ("deadlock", "a deadlock"), ("lock", "a lock timeout")],
)
def test_failures_halve_it(kind: str, why: str) -> None:
    """Once for all that were in flight with one size; then it waits before it grows."""
    size = settled()
    rows = size.rows
    for _ in range(4):
        size.fail(kind, rows)  # type: ignore[arg-type]
    assert (size.rows, size.why) == (round(rows / 2), why)
    for _ in range(9):
        size.record(size.rows, 1, size.rows * ROW_S)
    assert size.rows == round(rows / 2)
    size.record(size.rows, 1, size.rows * ROW_S)
    assert size.rows > rows / 2
    size.fail("timeout")
    assert size.rows < rows / 2


def test_bounds() -> None:
    """Never below the least or above the most; equal bounds fix the size."""
    size = settled(1e-9)
    assert (size.rows, size.why) == (MOST, "the most")
    for _ in range(20):
        size.record(size.rows, 1, 100.0)
    assert (size.rows, size.why) == (LEAST, "a range took 100.0 s, the least")
    assert settled(1.0).rows == LEAST
    assert settled(0.0).rows == MOST
    fixed = RangeSize(least=500, most=500)
    fixed.record(500, 500, 0.001)
    fixed.record(500, 500, 100.0)
    fixed.fail("timeout")
    assert fixed.rows == 500
    assert RangeSize(least=5, most=3, first=100).rows == 5


def test_few_ranges_are_cut_before_the_size_has_grown() -> None:
    """While it is far from the target, and not for a fixed size, nor after a fault."""
    size = RangeSize()
    assert size.far
    size.record(size.rows, 1, size.rows * ROW_S)
    assert size.far
    assert not settled().far
    assert not RangeSize(least=500, most=500).far
    size.fail("lock")
    assert not size.far


EVENTS = st.tuples(st.integers(0, 200_000), st.integers(0, 9), st.floats(0, 1e4), st.booleans())


@given(st.lists(EVENTS, max_size=60))
def test_any_measurements(events: list[tuple[int, int, float, bool]]) -> None:
    """The size stays within its bounds, and no step of growth is above four."""
    size = RangeSize()
    for rows, changed, elapsed_s, failed in events:
        before = size.rows
        if failed:
            size.fail("lock", rows)
        else:
            size.record(rows, changed, elapsed_s)
        assert LEAST <= size.rows <= min(MOST, FAR_GROWTH * before + 2)
