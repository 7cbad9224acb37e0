"""What the result and the error of a step mean."""

from __future__ import annotations

import pytest

from bulkq.errors import DatabaseError, RefusedError, RowsChanged
from bulkq.model import AttemptStep, Outcome, Phase, Reply
from bulkq.model.counts import UNCOUNTED
from bulkq.model.own_error_states import STEP_UNEXPECTED
from bulkq.policy import retry
from bulkq.policy.check_attempt_step_rows import blame_step, check_step
from bulkq.query import inline

WRITE = inline("-- name: capture\ninsert into images select 1")
READ = inline("-- name: verify\nselect 1")


def reply(changed: int, rows: int = 0) -> Reply:
    return Reply((), (), range(rows), changed)


def test_any_number_of_rows_is_right_if_none_is_said() -> None:
    """Also one that is not known."""
    check_step(AttemptStep(WRITE), reply(UNCOUNTED))
    check_step(AttemptStep(READ), reply(0, 5))


def test_a_write_is_checked_by_what_it_changed() -> None:
    """Not by the rows that it returns."""
    check_step(AttemptStep(WRITE, rows=3), reply(3, 1))
    with pytest.raises(DatabaseError, match="^changed 1 row, 3 expected$") as caught:
        check_step(AttemptStep(WRITE, rows=3), reply(1, 3))
    assert (caught.value.sqlstate, caught.value.phase) == (STEP_UNEXPECTED, Phase.SENT)
    assert retry.outcome(caught.value, transaction=True) is Outcome.ROLLED_BACK


def test_a_read_is_checked_by_what_it_gave() -> None:
    """A condition that must match nothing is a step with no rows."""
    check_step(AttemptStep(READ, rows=0), reply(0))
    with pytest.raises(DatabaseError, match="^gave 2 rows, 0 expected$"):
        check_step(AttemptStep(READ, rows=0), reply(0, 2))


def test_a_count_that_the_library_does_not_give_is_refused() -> None:
    """Nothing is taken for right that was not seen."""
    with pytest.raises(RefusedError, match="capture: the database library does not say"):
        check_step(AttemptStep(WRITE, rows=3), reply(UNCOUNTED))


def test_no_set_is_to_blame() -> None:
    """The step is named. What could not be encoded failed in a transaction that was open."""
    error = DatabaseError("bad", sqlstate="22000", phase=Phase.ENCODING, position=0, offset=4)
    found = blame_step(error, AttemptStep(WRITE))
    assert (str(found), found.position, found.offset, found.phase) == ("capture: bad", None, None, Phase.SENT)
    lost = DatabaseError("gone", sqlstate=None, phase=Phase.COMMITTING)
    assert blame_step(lost, AttemptStep(READ)).phase is Phase.COMMITTING


def test_rows_that_have_to_be_the_same_are_compared() -> None:
    """The error has the rows that are there now; nothing of the transaction lasts."""
    found = Reply((), [[1, 2]], [0, 0])
    check_step(AttemptStep(READ, same=[(2,), (1,)]), found)
    with pytest.raises(RowsChanged) as caught:
        check_step(AttemptStep(READ, same=[(1,)]), found)
    assert caught.value.rows == [(1,), (2,)]
    assert retry.outcome(caught.value, transaction=True) is Outcome.ROLLED_BACK
