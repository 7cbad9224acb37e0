"""Percent, totals and holds of a backfill."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.policy.row_progress import RowProgress, TotalKind


def after(seconds: int, total: int | None = 400_000, kind: TotalKind = "exact", rate: int = 1_000) -> RowProgress:
    """A run that has passed `rate` rows a second."""
    rows = RowProgress(total, kind)
    for second in range(seconds):
        rows.add(rate, 0.5, second + 1.0)
    return rows


def test_counts() -> None:
    """Rows of earlier processes count for the percentage and not for the rate."""
    rows = RowProgress(1_000_000, "estimate", before=500_000, begin_s=100.0)
    assert (rows.done, rows.total, rows.total_kind, rows.percent(), rows.range_s) == (
        500_000, 1_000_000, "estimate", 50.0, None,
    )  # fmt: skip
    for second in range(10):
        rows.add(1_000, 0.5, 101.0 + second)
    assert (rows.done, rows.percent(), rows.range_s) == (510_000, 51.0, 0.5)
    assert rows.rate(110.0) == pytest.approx(1_000)
    left = rows.time_left(110.0)
    assert left is not None
    assert left.eta_s == pytest.approx(490)


def test_a_total_that_is_not_known() -> None:
    """No percentage and no time left; the rate is known all the same."""
    rows = after(60, None)
    assert (rows.total, rows.total_kind, rows.percent(), rows.time_left(60.0)) == (None, None, None, None)
    assert rows.rate(60.0) == pytest.approx(1_000)


def test_never_100_before_the_end() -> None:
    """An exact number ends at 99.9 %, an estimate is above the rows passed, and the end is 100 %."""
    rows = after(400)
    assert (rows.percent(), rows.total) == (99.9, 400_000)
    rows.finish()
    assert (rows.percent(), rows.total, rows.total_kind, rows.time_left(400.0)) == (100.0, 400_000, "exact", None)
    estimate = after(400, 300_000, "estimate")
    assert (estimate.total, estimate.percent()) == (404_000, pytest.approx(99.0, abs=0.1))
    empty = RowProgress(0, "exact")
    assert empty.percent() == 0.0
    empty.finish()
    assert empty.percent() == 100.0


def test_more_rows_than_were_counted() -> None:
    """If rows come while the run works, the count has become an estimate."""
    rows = after(401)
    assert (rows.total_kind, rows.total) == ("estimate", 405_010)
    assert rows.percent() == pytest.approx(99.0, abs=0.1)


def test_corrections() -> None:
    """An upward correction leaves the percentage where it was; a downward one raises it."""
    rows = after(100)
    assert rows.percent() == 25.0
    rows.correct(800_000, "estimate")
    assert (rows.percent(), rows.total) == (25.0, 800_000)
    left = rows.time_left(100.0)
    assert left is not None
    assert left.eta_s == pytest.approx(700)
    rows.correct(200_000, "exact")
    assert rows.percent() == 50.0
    rows.correct(50_000, "exact")
    left = rows.time_left(100.0)
    assert left is not None
    assert (rows.percent(), left.eta_s) == (99.9, 0.0)


def test_throttled_time_is_apart() -> None:
    """It lowers neither the rate nor the estimate; the upper bound expects as much of it again."""
    rows = RowProgress(400_000, "exact")
    for second in range(100):
        rows.add(1_000, 0.5, 2.0 * (second + 1), second + 1.0)
    assert rows.rate(200.0, 100.0) == pytest.approx(1_000)
    left = rows.time_left(200.0, 100.0)
    assert left is not None
    assert (left.eta_s, left.low_s) == (pytest.approx(300), pytest.approx(300 / 1.09))
    assert left.high_s == pytest.approx(300 * 1.09 * 2)
    assert rows.time_left(1e9, 1e9 - 100) is not None


EVENTS = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 5_000)),
    st.tuples(st.sampled_from(["exact", "estimate"]), st.integers(0, 20_000)),
)


@given(st.integers(0, 10_000), st.lists(EVENTS, max_size=60))
def test_the_percentage_never_falls(total: int, events: list[tuple[str, int]]) -> None:
    """Whatever is added or corrected, it rises or stays, and is 100 at the end alone."""
    rows, before = RowProgress(total), 0.0
    for second, (event, number) in enumerate(events):
        if event == "add":
            rows.add(number, 0.1, float(second))
        else:
            rows.correct(number, event)  # type: ignore[arg-type]
        percent = rows.percent()
        assert percent is not None
        assert before <= percent <= 99.9
        before = percent
    rows.finish()
    assert rows.percent() == 100.0
