"""`--expect-rows`: whether every parameter set changed as many rows as the user said."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Phase
from bulkq.model.states import ROWS_UNEXPECTED

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
        DatabaseError: with the position of the first set that differs, in phase SENT: the caller rolls back.
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


def uncounted(option: str) -> RefusedError:
    """The error for an `option` that needs a count which the library does not give; the caller rolls back."""
    return RefusedError(
        f"the database library does not say how many rows were changed: leave {option} out: rolled back"
    )
