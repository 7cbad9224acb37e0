"""The rate of a counter over the last seconds."""

from __future__ import annotations

from bulkq.policy.recent_rate import RecentRate


def test_there_is_no_rate_before_the_first_point() -> None:
    """A counter that was never recorded, or only now, has no rate yet."""
    recent = RecentRate()
    assert recent.rate(5, 1.0) == 0.0
    recent.record(5, 1.0)
    assert recent.rate(5, 1.0) == 0.0


def test_it_is_that_of_the_last_ten_seconds() -> None:
    """What was fast a minute ago does not count, and a counter that stands still has the rate 0."""
    recent = RecentRate()
    for second in range(60):
        recent.record(100 * second, float(second))
    assert recent.rate(5_950, 59.5) == 100.0
    for second in range(60, 75):
        recent.record(5_900, float(second))
    assert recent.rate(5_900, 75.0) == 0.0


def test_points_in_quick_succession_count_once() -> None:
    """A timer that ticks often takes no memory."""
    recent = RecentRate()
    for tick in range(100):
        recent.record(tick, tick / 1000)
    assert recent.rate(100, 1.0) == 100.0


def test_a_counter_that_falls_has_no_negative_rate() -> None:
    """A corrected counter is no progress backwards."""
    recent = RecentRate()
    recent.record(10, 0.0)
    assert recent.rate(5, 1.0) == 0.0
