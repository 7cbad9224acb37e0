"""What the result and the error of a step of an attempt mean. Drivers execute steps; they decide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError, RefusedError, RowsChanged
from bulkq.model import Phase, StatementClass
from bulkq.model.counts import UNCOUNTED
from bulkq.model.own_error_states import ROWS_CHANGED, STEP_UNEXPECTED
from bulkq.policy.rows_changed_between_reads import rows_of, same_rows

if TYPE_CHECKING:
    from bulkq.model import AttemptStep, Reply


def check_step(step: AttemptStep, reply: Reply) -> None:
    """Compare the rows that a step has changed, or has given if it reads, with those that it has to: their number, or the rows.

    Args:
        step: of a transaction that has not been committed.
        reply: to its one parameter set.

    Raises:
        RowsChanged: it gave other rows than `step.same`.
        DatabaseError: it is another number.
        RefusedError: the library does not say how many there are.
    """
    if step.same is not None and not same_rows(step.same, given := rows_of(reply)):
        raise RowsChanged(given, sqlstate=ROWS_CHANGED, phase=Phase.SENT)
    if step.rows is None:
        return
    writes = step.query.statement is StatementClass.WRITE
    found = reply.changed if writes else len(reply.positions)
    if found == UNCOUNTED:
        raise RefusedError(
            f"{step.query.name}: the database library does not say how many rows were changed, {step.rows} expected: rolled back"
        )
    if found != step.rows:
        verb, noun = "changed" if writes else "gave", "row" if found == 1 else "rows"
        raise DatabaseError(f"{verb} {found} {noun}, {step.rows} expected", sqlstate=STEP_UNEXPECTED, phase=Phase.SENT)


def blame_step(error: DatabaseError, step: AttemptStep) -> DatabaseError:
    """Make `error` one of the transaction, which is rolled back: no parameter set is its culprit, and no place of the user's text."""
    error.args = (f"{step.query.name}: {error}",)
    error.position = error.offset = None
    if error.phase is Phase.ENCODING:
        error.phase = Phase.SENT  # the transaction was open
    return error
