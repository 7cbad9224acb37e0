"""The status of a run from its counters."""

from __future__ import annotations

import pytest

from bulkq.model import Failure, Outcome
from bulkq.model.counts import Counts
from bulkq.model.run_status import Activity, RunChange, RunStatus
from bulkq.policy.progress import Progress
from bulkq.policy.read_status import read_activity, read_status
from bulkq.policy.row_progress import RowProgress

AT = "2026-11-22T13:05:10Z"


def test_nothing_has_happened_yet() -> None:
    """Before the start there are no times and no rates."""
    status = read_status(Progress(run="01kb4x"), 1000.0, AT)
    assert (status.run, status.at, status.elapsed_s, status.rate, status.percent) == ("01kb4x", AT, 0.0, 0.0, None)
    assert status.backfill is None
    assert status.p50_s is None


def test_a_run_shows_counts_rates_and_lanes() -> None:
    """The rate now is that of the last seconds, beside the average."""
    progress = Progress(run="01kb4x", concurrency=None, lanes=4, lanes_why="enough", lanes_working=3, batch=20)
    progress.begin([1000], 100.0)
    progress.recent.record(0, 100.0)
    progress.enter("", 100.0)
    progress.counts = Counts(ok=90)
    progress.recent.record(90, 190.0)
    progress.counts = Counts(ok=190, failed=10)
    progress.latencies.add(0.25)
    status = read_status(progress, 200.0, AT)
    assert (status.rate, status.rate_average, status.rate_unit) == (11.0, 2.0, "sets")
    assert (status.elapsed_s, status.activity_s, status.percent, status.done, status.total) == (100, 100, 20, 200, 1000)
    assert (status.lanes.working, status.lanes.allowed, status.lanes.wanted, status.lanes.why) == (3, 4, None, "enough")
    assert (status.batch, status.eta_s, status.max_s) == (20, 400.0, 0.25)


def test_a_backfill_shows_its_rows() -> None:
    """The rate of a backfill is of rows, and what holds it is among the waits, or is its state."""
    rows = RowProgress(1000, "exact", begin_s=100.0)
    progress = Progress(command="backfill", row_progress=rows)
    progress.begin([None], 100.0)
    for second in range(1, 6):
        rows.add(100, 0.5, 100.0 + second)
    rows.holds, rows.position, rows.range_rows = "waiting for locks: pid 4711", "id > 400 and id <= 500", 100
    status = read_status(progress, 105.0, AT)
    assert status.backfill is not None
    assert (status.backfill.done, status.backfill.total, status.backfill.range_rows) == (500, 1000, 100)
    assert status.backfill.position == "id > 400 and id <= 500"
    assert (status.rate_average, status.rate_unit, status.waits) == (100.0, "rows", ("waiting for locks: pid 4711",))
    assert status.eta_low_s is not None
    assert status.backfill.holds == "waiting for locks: pid 4711"
    rows.holds = "throttled: lag 4.1s > 2s"
    progress.enter("throttled: lag 4.1s > 2s", 105.0)
    status = read_status(progress, 106.0, AT)
    assert (status.activity, status.reason, status.activity_s, status.waits) == (
        Activity.THROTTLED,
        "lag 4.1s > 2s",
        1.0,
        (),
    )
    assert status.backfill is not None
    assert status.backfill.holds == ""


def test_waits_failures_and_changes_are_shown() -> None:
    """A failure has no values of its parameters; of many only the first few are shown, of the changes the last."""
    failure = Failure(7, "a.csv:8", "db", "q", {"id": "secret"}, Outcome.ROLLED_BACK, "22012", "division by zero", 1)
    changes = [RunChange(at=AT, text=str(number)) for number in range(9)]
    progress = Progress(failures=[failure] * 9, changes=changes, waiting_for=3, waiting=12, waiting_bytes=2048)
    status = read_status(progress, 1.0, AT)
    assert status.waits[0].startswith("output waits for n=3 (12 results")
    assert len(status.failures) == 5
    assert (status.failures[0].n, status.failures[0].outcome, status.failures[0].sqlstate) == (
        7,
        "rolled_back",
        "22012",
    )
    assert "secret" not in repr(status)
    assert [change.text for change in status.changes] == ["4", "5", "6", "7", "8"]


@pytest.mark.parametrize(
    ("state", "activity", "reason"),
    [
        ("", Activity.RUNNING, ""),
        ("stopping", Activity.STOPPING, ""),
        ("paused: by alice", Activity.PAUSED, "by alice"),
        ("throttled: lag 4.1s > 2s, file exists", Activity.THROTTLED, "lag 4.1s > 2s, file exists"),
        ("target lost, waiting", Activity.WAITING, "target lost, waiting"),
        ("3 targets lost, waiting", Activity.RUNNING, "3 targets lost, waiting"),
        ("1 of 3 targets throttled: lag 4s > 2s", Activity.RUNNING, "1 of 3 targets throttled: lag 4s > 2s"),
        ("checking", Activity.RUNNING, "checking"),
    ],
)
def test_the_activity_is_that_of_the_state(state: str, activity: Activity, reason: str) -> None:
    """Every text of `Progress.state` has an activity."""
    assert read_activity(state) == (activity, reason)


def test_a_status_is_equal_to_itself() -> None:
    """Two statuses of the same moment are equal, so a display can tell whether something has changed."""
    progress = Progress()
    assert read_status(progress, 1.0, AT) == read_status(progress, 1.0, AT)
    assert read_status(progress, 1.0, AT) != RunStatus()
