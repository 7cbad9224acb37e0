"""A part: its definition can be sent to another process, and its state counts what is left."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

import pytest

from bulkq.engine.part_state import PartState
from bulkq.engine.plan_attempt import plan_attempt
from bulkq.engine.segments import Segment
from bulkq.model import AttemptPlan, Batch, Claim, Claims, Decoding, Limits, MarkerTables, PartSpec
from bulkq.query import inline
from bulkq.sinks.null import NoSink
from bulkq.sources.iterable import MappingSource

TABLES = MarkerTables("runs", "markers")
READ = PartSpec(
    query=inline("-- @param t ident\nselect * from :{t} where id = :id"),
    target="shop",
    decoding=Decoding.TEXT,
    typed=False,
    limits=Limits(),
    retries=5,
)
WRITE = replace(READ, number=3, limits=Limits(read_only=False, ordered=False), claims=Claims("r1", "me", TABLES))
SETS = [("a", 1), ("a", 2), ("a", 3)]


def test_a_spec_can_be_sent_to_another_process() -> None:
    """It is equal to its copy, and holds nothing that can be called."""
    again = pickle.loads(pickle.dumps(WRITE))
    assert again == WRITE
    assert not any(callable(getattr(WRITE, field.name)) for field in fields(WRITE))


def test_identifiers_are_found_by_their_place() -> None:
    """The parameters that stand for names are those of `:{name}`."""
    assert READ.identifiers == (0,)
    assert replace(READ, query=inline("select :a")).identifiers == ()


def test_the_state_counts_what_is_left() -> None:
    """What is left is known where the total is."""
    source = MappingSource(READ.query, iter(()), dynamic=False)
    state = PartState(WRITE, source, NoSink(), None)  # type: ignore[arg-type]
    assert state.spec.number == 3
    assert state.remaining is None
    source.total = 5
    state.taken = 3
    assert state.remaining == 2
    state.taken = 7
    assert state.remaining == 0


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
