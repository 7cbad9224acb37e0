"""The batch controller, driven by made-up measurements."""

from __future__ import annotations

import random
from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.policy.batch_size import LARGEST, LONGEST_S, MANY_ROWS, TARGET_S, BatchSize


def settled(
    latency_s: float, overhead_s: float = 0.0, batches: int = 40, lanes: int = 8, longest_s: float = LONGEST_S
) -> BatchSize:
    size = BatchSize(longest_s=longest_s)
    for _ in range(batches):
        n = size.next(None, lanes)
        size.record(n, overhead_s + n * latency_s, n)
    return size


def test_starts_at_one() -> None:
    """The first batch is a single set: nothing is known yet."""
    assert BatchSize().next(None, 8) == 1


def test_starts_with_more_if_sets_are_known_to_be_quick() -> None:
    """Small tables are."""
    assert BatchSize(first=16).next(None, 4) == 16


def test_the_last_batches_are_not_shorter_than_their_own_cost() -> None:
    """A few milliseconds."""
    quick = settled(50e-6)
    assert [quick.next(left, 8) for left in (8_000, 1_600, 160, 16)] == [500, 100, 100, 100]


def test_fast_queries_reach_the_target_time() -> None:
    """Queries of 50 us each end up in batches of about 50 ms."""
    assert 800 <= settled(50e-6).next(None, 8) <= 1_200


def test_overhead_does_not_keep_it_small() -> None:
    """A millisecond of round trips per batch does not stop the growth."""
    assert settled(50e-6, 0.001).next(None, 8) > 500


def test_slow_queries_run_alone() -> None:
    """A query slower than the target travels alone, so that concurrency does the work."""
    assert settled(1.0).next(None, 8) == 1


@pytest.mark.parametrize("overhead_s", [0.06, 0.3])
def test_a_distant_server_does_not_keep_it_at_one(overhead_s: float) -> None:
    """Round trips longer than the target: two sets take hardly longer than one, so the time is not theirs."""
    assert settled(50e-6, overhead_s).next(None, 8) > 500


def test_a_distant_server_with_slow_queries_has_small_batches() -> None:
    """The time of the sets is aimed at, without that of the round trips."""
    assert 2 <= settled(0.02, 0.06).next(None, 8) <= 4


def test_two_slow_queries_together_are_tried_seldom() -> None:
    """Each try that gains nothing makes the next one four times as rare."""
    size = BatchSize()
    tries = []
    for batch in range(300):
        n = size.next(None, 8)
        tries += [batch] if n == 2 else []
        size.record(n, n * 1.0, n)
    assert tries == [3, 16, 65, 258]


def test_sets_that_differ_are_not_taken_for_round_trips() -> None:
    """Of ten sets, one waits for 50 ms. Batches of eight lanes, which aim at 0.05 s, never come to 0.5 s."""
    for seed in range(5):
        wait, size, lanes, now_s = random.Random(seed), BatchSize(), 8, 0.0
        flying: list[tuple[float, float, int]] = []
        longest_s = 0.0
        for batch in range(1_500):
            n = size.next(None, lanes)
            took_s = sum(0.05 if wait.random() < 0.1 else 0.0002 for _ in range(n))
            heappush(flying, (now_s + took_s, took_s, n))
            if len(flying) == lanes:
                now_s, took_s, n = heappop(flying)
                size.record(n, took_s, n)
                longest_s = max(longest_s, took_s) if batch > 80 else 0.0
        assert longest_s < 0.5
        assert size.next(None, lanes) >= 4


def test_lanes_whose_batches_were_all_too_long_shrink_the_next_one_once() -> None:
    """Their size was decided together."""
    size = settled(50e-6)
    before = size.next(None, 8)
    for _ in range(8):
        size.record(before, 10 * TARGET_S, before)
    assert size.next(None, 8) == before // 10


def test_one_lane_at_a_time_tries_twice_the_size() -> None:
    """If it were all of them, a try in vain would hold the whole run."""
    size = BatchSize()
    for _ in range(8):
        size.record(1, 0.06, 1)
    assert [size.next(None, 8) for _ in range(8)].count(2) == 1


def test_a_server_that_comes_near_is_noticed() -> None:
    """What a batch costs is less than a whole batch takes."""
    size = settled(50e-6, 0.3)
    for _ in range(20):
        n = size.next(None, 8)
        size.record(n, n * 50e-6, n)
    assert 0.04 <= size.next(None, 8) * 50e-6 <= 2 * TARGET_S


def test_never_above_the_largest() -> None:
    """However fast, a batch has a bound."""
    assert settled(1e-9).next(None, 8) == LARGEST


def test_falls_to_a_tenth_at_once() -> None:
    """A batch of five times the target is answered by a tenth of the size."""
    size = settled(50e-6)
    before = size.next(None, 8)
    size.record(before, 6 * TARGET_S, before)
    assert size.next(None, 8) == before // 10


def test_shrinks_when_queries_get_slower() -> None:
    """Twice the latency halves the size."""
    size = settled(50e-6)
    before = size.next(None, 8)
    size.record(before, before * 100e-6, before)
    assert size.next(None, 8) <= before * 0.55


def test_a_small_batch_does_not_shrink_the_size() -> None:
    """The last, small batch of a part says nothing about large ones."""
    size = settled(50e-6)
    before = size.next(None, 8)
    size.record(1, 0.001, 1)
    assert size.next(None, 8) >= before


def test_grows_by_half_after_the_start() -> None:
    """After the fast start, growth is at most one and a half."""
    size = settled(50e-6)
    before = size.next(None, 8)
    size.record(before, before * 1e-6, before)
    assert before < size.next(None, 8) <= before * 1.5


def test_batches_that_end_together_grow_it_once() -> None:
    """How many lanes have ended a batch says nothing about larger ones: growth counts from the size that was measured."""
    size = settled(50e-6)
    before = size.next(None, 8)
    for _ in range(8):
        size.record(before, before * 1e-6, before)
    assert before < size.next(None, 8) <= before * 1.5


@pytest.mark.parametrize(("lanes", "aim_s"), [(1, 0.05), (8, 0.05), (16, 0.1), (24, 0.15), (64, 0.2), (256, 0.2)])
def test_more_lanes_aim_at_a_longer_time(lanes: int, aim_s: float) -> None:
    """So that a second has as many batches; not beyond a bound, which is lower if the batches hold locks."""
    assert settled(1e-3, lanes=lanes).next(None, lanes) == pytest.approx(1_000 * aim_s, abs=1)
    assert settled(1e-3, lanes=lanes, longest_s=TARGET_S).next(None, lanes) == pytest.approx(50, abs=1)


@pytest.mark.parametrize("lanes", [16, 32, 64, 91])
def test_lanes_that_wait_for_each_other_keep_their_batches(lanes: int) -> None:
    """A batch takes the longer the more lanes there are. It is not cut into single sets, which would take longer still."""
    assert settled(200e-6 * lanes, 600e-6 * lanes, lanes=lanes).next(None, lanes) >= 8


def test_halves_on_many_rows() -> None:
    """Memory is bounded by rows: a reply of too many halves the size."""
    size = settled(50e-6)
    before = size.next(None, 8)
    size.record(before, 0.01, MANY_ROWS + 1)
    assert size.next(None, 8) == before // 2


def test_the_end_is_shared() -> None:
    """With the remainder known, the last batches are small enough for all lanes to end together."""
    assert settled(0.005).next(80, 8) == 5
    assert settled(0.005).next(1, 8) == 1


def test_fixed_is_fixed() -> None:
    """What the user asked for is not changed by anything."""
    size = BatchSize(7)
    size.record(7, 100.0, 1_000_000)
    assert size.next(3, 8) == 7


def test_many_failures_mean_batches_of_one() -> None:
    """When more than a tenth of the last hundred failed, every batch would be repeated: one at a time."""
    size = settled(50e-6)
    size.record(50, 0.01, 10, failed=40)
    assert size.next(None, 8) == 1
    for _ in range(400):
        size.record(1, 0.001, 1)
    assert size.next(None, 8) > 1


@given(
    st.lists(st.tuples(st.floats(1e-7, 100.0), st.integers(0, 100_000), st.integers(0, 5)), max_size=200),
    st.integers(1, 200),
)
def test_always_a_usable_size(history: list[tuple[float, int, int]], lanes: int) -> None:
    """Whatever was measured, the next size is between one and the largest."""
    size = BatchSize()
    for elapsed_s, rows, failed in history:
        n = size.next(None, lanes)
        assert 1 <= n <= LARGEST
        size.record(n, elapsed_s, rows, min(failed, n))


def test_a_batch_that_travels_further_may_take_longer() -> None:
    """With few lanes as well."""
    near, far = BatchSize(), BatchSize(shortest_s=0.2)
    for _ in range(30):
        for controller in (near, far):
            size = controller.next(None, 4)
            controller.record(size, size * 0.001, size)
    assert far.next(None, 4) > 3 * near.next(None, 4)
