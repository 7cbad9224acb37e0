"""What an attempt of a segment claims and orders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkq.engine.batch_segments import Segment
from bulkq.engine.plan_attempt import plan_attempt
from bulkq.model import AttemptPlan, Batch, Claim
from tests.support.parts import READ, SETS, TABLES, WRITE


def test_a_read_claims_nothing() -> None:
    """Its plan is the user's statement alone, with the limits of the part."""
    plan = plan_attempt(READ, Batch(0, 1, SETS), Segment(range(3)), SETS)
    assert plan == AttemptPlan(SETS, READ.limits)
    assert plan.limits is READ.limits
    assert plan.steps is None


def test_a_write_claims_the_numbers_of_its_segment() -> None:
    """The claim is a range of set numbers, not of positions in the batch."""
    plan = plan_attempt(WRITE, Batch(7, 41, SETS), Segment([1, 2]), SETS[1:])
    assert plan.claim == Claim("r1", "me", 3, 42, 43, TABLES)
    assert not plan.limits.ordered
    assert plan.steps is None


def test_sets_of_one_row_are_executed_in_their_order() -> None:
    """A batch that names a row twice is not sorted by the driver."""
    plan = plan_attempt(replace(WRITE, claims=None), Batch(0, 1, SETS, repeats=True), Segment(range(3)), SETS)
    assert plan.limits.ordered
    assert plan.claim is None


def test_a_claim_has_no_gap() -> None:
    """A write is cut in runs of consecutive sets, because a range says which they are."""
    with pytest.raises(AssertionError, match="consecutive"):
        plan_attempt(WRITE, Batch(0, 1, SETS), Segment([0, 2]), [SETS[0], SETS[2]])
