"""Turn the results of a batch into a `Reply`, check `--expect-rows`, and sort the sets of a write."""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import contextmanager
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, cast

from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Column, Phase, Reply
from bulkq.model.counts import UNCOUNTED
from bulkq.model.states import ROWS_UNEXPECTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulkq.model import SetError

    Row = Sequence[object]
    Rows = Sequence[tuple[object, ...]]

PIECE = 5_000
ROWCOUNT = Column("rowcount", "integer")


def counted(answers: Sequence[Rows | int]) -> Reply:
    """One row per set: how many rows it changed; NULL where the library does not say."""
    counts = [answer for answer in answers if isinstance(answer, int)]
    if UNCOUNTED in counts:
        known = [None if count == UNCOUNTED else count for count in counts]
        return Reply((ROWCOUNT,), (known,), range(len(counts)), changed=UNCOUNTED)
    return Reply((ROWCOUNT,), (counts,), range(len(counts)), changed=sum(counts))


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for garbage while many rows are made: they hold no cycles, and a search through them all stops every thread.

    Measured with 200,000 rows: the event loop was 250 ms late with it, 5 ms without.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def columnar(
    columns: tuple[Column, ...], answers: Sequence[Rows], *, changed: int = 0, errors: tuple[SetError, ...] = ()
) -> Reply:
    """The answers of the sets, turned. All of it happens in C: it is done for every row of every run.

    A long result is turned in pieces, because a call in C holds the interpreter's lock from all other threads.
    """
    if sum(map(len, answers)) > PIECE:
        with uncollected():
            return _turned(columns, answers, changed, errors)
    return _turned(columns, answers, changed, errors)


def _turned(columns: tuple[Column, ...], answers: Sequence[Rows], changed: int, errors: tuple[SetError, ...]) -> Reply:
    rows = list(chain.from_iterable(answers))
    positions = list(chain.from_iterable(map(repeat, range(len(answers)), map(len, answers))))
    values: Sequence[Sequence[object]] = list(zip(*rows[:PIECE], strict=True)) or [()] * len(columns)
    if len(rows) > PIECE:
        values = [list(column) for column in values]
        for start in range(PIECE, len(rows), PIECE):
            for whole, piece in zip(values, zip(*rows[start : start + PIECE], strict=True), strict=True):
                whole.extend(piece)  # type: ignore[attr-defined] # a list, three lines above
    return Reply(columns, values, positions, changed, errors)


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


def uncounted(option: str) -> RefusedError:
    """The error for an `option` that needs a count which the library does not give."""
    return RefusedError(
        f"the database library does not report how many rows were changed, so they were rolled back: remove {option}"
    )


def sorted_rows(rows: list[Row], order: Sequence[int]) -> list[Row]:
    """`rows` by the values at `order`: transactions that lock rows in one order do not deadlock."""
    try:
        return sorted(rows, key=itemgetter(*order))
    except TypeError:  # NULL among values, which Python does not compare
        pass
    try:
        return sorted(rows, key=lambda row: [(row[i] is None, row[i]) for i in order])
    except TypeError:  # values of different types; the order only spares deadlocks
        return rows
