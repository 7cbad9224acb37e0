"""Lanes that give way to a throttle, and come back."""

from __future__ import annotations

from bulkq.policy.lane_allowance import GROW_S, LaneAllowance


def ticks(
    allowance: LaneAllowance, load: float | None, *, begin_s: float, seconds: float, top: int = 8
) -> list[int | None]:
    """The lanes after each second."""
    found = []
    for tenth in range(int(seconds * 10)):
        allowance.tick(load, begin_s + tenth / 10, top)
        if tenth % 10 == 0:
            found.append(allowance.lanes)
    return found


def test_a_load_below_the_bounds_changes_nothing() -> None:
    """All lanes work, also where no throttle has a scale."""
    allowance = LaneAllowance()
    assert ticks(allowance, 0.6, begin_s=0.0, seconds=3) == [None] * 3
    assert ticks(allowance, None, begin_s=3.0, seconds=3) == [None] * 3
    assert not allowance.why


def test_lanes_give_way_one_by_one_and_by_halves_at_the_limit() -> None:
    """One lane stays; a load between the bounds leaves the number as it is."""
    allowance = LaneAllowance()
    assert ticks(allowance, 0.75, begin_s=0.0, seconds=3) == [7, 6, 5]
    assert allowance.why == "a throttle is at 75 %"
    assert ticks(allowance, 1.2, begin_s=3.0, seconds=4) == [2, 1, 1, 1]
    assert ticks(allowance, 0.5, begin_s=7.0, seconds=20) == [1] * 20
    allowance.tick(None, 30.0, 8)
    assert (allowance.lanes, allowance.why) == (None, "")


def test_lanes_come_back_slowly() -> None:
    """A lane every few seconds, until all work again; fewer lanes on the whole are all of them."""
    allowance = LaneAllowance()
    ticks(allowance, 2.0, begin_s=0.0, seconds=4)
    allowance.tick(0.1, 3.9, 8)
    assert allowance.why == "a throttle was near its limit: another lane comes back every 5s"
    found = ticks(allowance, 0.1, begin_s=4.0, seconds=8 * GROW_S)
    assert [*dict.fromkeys(found)] == [1, 2, 3, 4, 5, 6, 7, None]
    assert not allowance.why
    ticks(allowance, 0.75, begin_s=100.0, seconds=2)
    assert allowance.lanes == 6
    ticks(allowance, 0.1, begin_s=102.0, seconds=GROW_S + 1, top=3)
    assert allowance.lanes is None
    ticks(allowance, 2.0, begin_s=200.0, seconds=2, top=1)
    assert allowance.lanes is None


def test_a_number_that_is_found_does_not_grow_for_a_loaded_target() -> None:
    """From the lower bound on it keeps what it has, and gets more with the others once its load is below."""
    allowance = LaneAllowance()
    for second, (load, top, lanes) in enumerate(
        [(0.3, 4, None), (0.5, 4, 4), (0.5, 11, 4), (0.8, 11, 3), (0.5, 16, 3), (0.3, 16, 3)]
    ):
        allowance.tick(load, float(second), top, found=True)
        assert allowance.lanes == lanes
    assert [*dict.fromkeys(ticks(allowance, 0.1, begin_s=8.0, seconds=3 * GROW_S))][:2] == [4, 5]
    allowance.tick(0.1, 100.0, 5, found=True)
    assert allowance.lanes is None
