"""Series of what a page has seen."""

from __future__ import annotations

from bulkq.cli.display.watch_history import MOST, WatchHistory
from bulkq.model import Reading
from bulkq.model.run_status import LaneStatus, RowStatus, RunStatus

LAG = Reading(name="lag<2s", signal="lag", target="db", load=0.5)
FILE = Reading(name="file:x", signal="file")


def test_it_keeps_the_last_five_minutes() -> None:
    """Memory is bounded, however long a page is open."""
    history = WatchHistory()
    assert history.last is None
    for second in range(1000):
        history.add(RunStatus(rate=float(second), batch=second, lanes=LaneStatus(working=3)))
    assert history.last is not None
    assert history.last.rate == 999
    assert len(history.rates()) == len(history.sizes()) == len(history.lanes()) == MOST
    assert (history.rates()[-1], history.sizes()[-1], history.lanes()[-1]) == (999, 999, 3)


def test_a_throttle_without_a_scale_is_all_or_nothing() -> None:
    """Its series shows when it held the run; before it was there, there is nothing."""
    history = WatchHistory()
    history.add(RunStatus())
    history.add(RunStatus(throttles=(LAG, FILE)))
    held = Reading(name="file:x", signal="file", reason="file x exists")
    history.add(RunStatus(throttles=(held,), backfill=RowStatus(range_rows=8000)))
    assert history.values(FILE) == [None, 0.0, 1.0]
    assert history.values(LAG) == [None, 0.5, None]
    assert history.sizes() == [None, None, 8000]
