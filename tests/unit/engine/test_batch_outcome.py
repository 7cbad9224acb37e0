"""What is known of a batch while its segments are attempted, and its result."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bulkq.engine.batch_outcome import BatchOutcome
from bulkq.engine.batch_segments import Segment
from bulkq.model import Batch, Column, Outcome, Reply, SetError
from tests.support.parts import SETS, WRITE

if TYPE_CHECKING:
    from bulkq.engine.part_state import PartState

COLUMNS = (Column("a"),)


@pytest.fixture
def outcome() -> BatchOutcome:
    """Of three sets, the first of which is the eleventh of the run."""
    return BatchOutcome(part=cast("PartState", SimpleNamespace(objects=None)), spec=WRITE, batch=Batch(2, 11, SETS))


def test_replies_are_put_together_in_the_order_of_the_sets(outcome: BatchOutcome) -> None:
    """Segments may end in any order; what they changed is added."""
    outcome.add(Segment([1, 2]), Reply(COLUMNS, [["b", "c"]], [0, 1], changed=2))
    outcome.add(Segment([0]), Reply(COLUMNS, [["a"]], [0], changed=1))
    result = outcome.result(0.25)
    assert (result.columns, result.values, result.positions) == (COLUMNS, [("a", "b", "c")], [0, 1, 2])
    assert (result.ok, result.changed, result.elapsed_s, result.part) == (3, 3, 0.25, 3)


def test_failures_are_in_the_order_of_the_sets(outcome: BatchOutcome) -> None:
    """Each has its number in the run, its outcome and its attempts."""
    outcome.fail(2, SetError(2, "23514", "third"), Outcome.ROLLED_BACK, 1, None)
    outcome.fail(0, SetError(0, None, "first"), Outcome.UNKNOWN, 4, None)
    failures = outcome.result(0).failures
    assert [(one.n, one.message, one.outcome, one.attempts) for one in failures] == [
        (11, "first", Outcome.UNKNOWN, 4),
        (13, "third", Outcome.ROLLED_BACK, 1),
    ]


def test_errors_within_a_reply_are_not_counted_as_done(outcome: BatchOutcome) -> None:
    """A reply names the sets that failed while the others were applied."""
    outcome.add(Segment(range(3)), Reply((), (), (), errors=(SetError(1, "23505", "twice"),)))
    assert outcome.ok == 2


def test_sets_whose_rows_are_lost_were_applied(outcome: BatchOutcome) -> None:
    """They are told apart from failures."""
    outcome.add(Segment([1, 2], attempts=2), Reply((), (), ()))
    outcome.lose(Segment([1, 2], attempts=2), "no output can hold them")
    result = outcome.result(0)
    assert (result.ok, result.failures) == (2, ())
    assert [(one.n, one.outcome, one.attempts) for one in result.unanswered] == [
        (12, Outcome.OK, 2),
        (13, Outcome.OK, 2),
    ]
