"""Counts of the result of a batch."""

from __future__ import annotations

from bulkq.model import Batch, BatchResult, Failure, Outcome, Query


def test_the_counts_hold_each_set_once() -> None:
    """Skipped sets are those that were never tried and those whose failure says so."""
    failures = tuple(
        Failure(1, "", "t", "q", {}, outcome, None, "message", 1)
        for outcome in (Outcome.ROLLED_BACK, Outcome.UNKNOWN, Outcome.SKIPPED)
    )
    batch = Batch(0, 1, (("a",),) * 6)
    result = BatchResult(
        batch,
        Query("q", "select 1 as a"),
        "t",
        (),
        (),
        (0, 0),
        ok=2,
        failures=failures,
        skipped=1,
        changed=7,
        retried=3,
    )
    counts = result.counts
    assert result.rows == 2
    assert (counts.ok, counts.failed, counts.unknown, counts.skipped) == (2, 1, 1, 2)
    assert (counts.changed, counts.retried, counts.unanswered) == (7, 3, 0)
