"""Counters and latencies of a run."""

from __future__ import annotations

import pytest

from bulkq.model import Batch, BatchResult, Failure, Outcome, Query
from bulkq.model.counts import Counts
from bulkq.policy.progress import Latencies, Progress
from bulkq.policy.row_progress import RowProgress

QUERY = Query("q", "select 1")


def failed(outcome: Outcome) -> Failure:
    return Failure(1, "", "t", "q", {}, outcome, None, "no", 1)


def result(size: int, failures: tuple[Failure, ...] = (), elapsed_s: float = 0.1) -> BatchResult:
    batch = Batch(0, 1, [()] * size)
    return BatchResult(batch, QUERY, "t", (), (), range(size), size - len(failures), failures, elapsed_s=elapsed_s)


def test_quantiles_are_within_their_bucket() -> None:
    """A percentile from log-spaced buckets is at most a few percent off."""
    latencies = Latencies()
    assert latencies.quantile(0.5) is None
    latencies.add(0.001, 90)
    latencies.add(0.1, 10)
    assert latencies.quantile(0.5) == pytest.approx(0.001, rel=0.05)
    assert latencies.quantile(0.95) == pytest.approx(0.1, rel=0.05)
    assert latencies.quantile(2.0) == latencies.max_s == 0.1


def test_extremes_have_a_bucket() -> None:
    """Nothing is too fast or too slow to be counted."""
    latencies = Latencies()
    latencies.add(0.0)
    latencies.add(1e9)
    assert latencies.total == 2


def test_outcomes_are_counted_apart() -> None:
    """Unknown is never counted as done or failed."""
    progress = Progress()
    progress.add(result(5, (failed(Outcome.ROLLED_BACK), failed(Outcome.UNKNOWN))))
    progress.add(result(0))
    assert (progress.counts.ok, progress.counts.failed, progress.counts.unknown, progress.done, progress.rows) == (
        3,
        1,
        1,
        5,
        5,
    )


def test_percent_by_count_then_by_bytes() -> None:
    """Percent comes from the count where the total is known, else from the bytes read."""
    progress = Progress(counts=Counts(ok=5), total=20)
    assert progress.percent() == 25.0
    assert Progress(fraction=0.5).percent() == 50.0
    assert Progress().percent() is None


def test_rate_and_eta() -> None:
    """Rate and time left follow from what was done since the start."""
    progress = Progress(counts=Counts(ok=50), total=100, started_s=10.0)
    assert progress.rate(10.0) == 0.0
    assert progress.rate(15.0) == 10.0
    assert progress.eta_s(15.0) == 5.0
    assert Progress(counts=Counts(ok=1), total=100).eta_s(1.0) is None
    assert Progress().eta_s(1.0) is None


def test_the_total_counts_what_earlier_processes_did() -> None:
    """It is unknown as soon as that of one part is."""
    progress = Progress(counts=Counts(ok=3))
    progress.begin([4, 5], 17.0)
    assert (progress.started_s, progress.total) == (17.0, 12)
    progress.begin([4, None], 18.0)
    assert progress.total is None


def test_a_backfill_counts_rows() -> None:
    """Percent and time left are those of its rows, without throttled time."""
    rows = RowProgress(400_000, "exact")
    for second in range(100):
        rows.add(1_000, 0.5, 2.0 * (second + 1), second + 1.0)
    progress = Progress(counts=Counts(ok=50), total=100, throttled_s=100.0, row_progress=rows)
    assert progress.percent() == 25.0
    assert progress.eta_s(200.0) == pytest.approx(300)
    assert Progress(row_progress=RowProgress(None)).eta_s(200.0) is None


def test_a_resumed_run_counts_its_own_time() -> None:
    """Rates and the time left are those of this process; what earlier processes did took none of its time."""
    progress = Progress(counts=Counts(ok=50))
    progress.begin([50], 100.0)
    progress.counts = Counts(ok=60)
    assert (progress.rate(110.0), progress.average_rate(110.0)) == (1.0, 1.0)
    assert progress.eta_s(110.0) == pytest.approx(40.0)


def test_a_state_has_the_time_since_it_began() -> None:
    """The same state again does not begin anew."""
    progress = Progress()
    for state, now_s in (("", 1.0), ("", 2.0), ("stopping", 3.0), ("stopping", 4.0)):
        progress.enter(state, now_s)
    assert (progress.state, progress.state_s) == ("stopping", 3.0)
