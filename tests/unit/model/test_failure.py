"""Counts of failures."""

from __future__ import annotations

from bulkq.model import Failure, Outcome
from bulkq.model.failure import failure_counts


def failure(outcome: Outcome) -> Failure:
    """A failure with this outcome."""
    return Failure(1, "", "t", "q", {}, outcome, None, "message", 1)


def test_unknown_and_skipped_sets_are_not_failed_ones() -> None:
    """Each failure counts once, by its outcome."""
    outcomes = (Outcome.ROLLED_BACK, Outcome.NOT_STARTED, Outcome.UNKNOWN, Outcome.SKIPPED)
    counts = failure_counts([failure(outcome) for outcome in outcomes])
    assert (counts.failed, counts.unknown, counts.skipped) == (2, 1, 1)
