"""Check the rows that each set of a write has changed against `--expect-rows`, before COMMIT."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Phase
from bulkq.model.own_error_states import ROWS_UNEXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model import Reply


def check_rows(reply: Reply, sets: int, expected: int, *, counted: bool) -> None:
    """Compare the rows of each of `sets` sets with `expected`.

    Args:
        reply: of a write that has not been committed.
        sets: how many were given to the attempt.
        expected: rows per set.
        counted: the only column of `reply` is the count per set; else its rows are what was changed.

    Raises:
        DatabaseError: with the position of the first set that differs, in phase SENT: the transaction must be rolled back.
    """
    found: Iterable[tuple[int, int]]
    if counted:
        found = zip(reply.positions, cast("list[int]", reply.values[0]), strict=True)
    else:
        rows = Counter(reply.positions)
        found = ((position, rows[position]) for position in range(sets))
    for position, count in found:
        if count != expected:
            noun = "row" if count == 1 else "rows"
            raise DatabaseError(
                f"changed {count} {noun}, {expected} expected",
                sqlstate=ROWS_UNEXPECTED,
                phase=Phase.SENT,
                position=position,
            )


def explain_uncounted(option: str) -> RefusedError:
    """The error for an `option` that needs a count which the library does not give."""
    return RefusedError(
        f"the database library does not report how many rows were changed, so they were rolled back: remove {option}"
    )
