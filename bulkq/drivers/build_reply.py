"""Turn the results of a batch into a `Reply`: columns of values, or the number of changed rows of each set."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING

from bulkq.model import Column, Reply
from bulkq.model.counts import UNCOUNTED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.model import SetError

    Rows = Sequence[tuple[object, ...]]

PIECE = 5_000
ROWCOUNT = Column("rowcount", "integer")


def list_counts(answers: Sequence[Rows | int]) -> Reply:
    """One row per set: how many rows it changed; NULL where the library does not say."""
    counts = [answer for answer in answers if isinstance(answer, int)]
    if UNCOUNTED in counts:
        known = [None if count == UNCOUNTED else count for count in counts]
        return Reply((ROWCOUNT,), (known,), range(len(counts)), changed=UNCOUNTED)
    return Reply((ROWCOUNT,), (counts,), range(len(counts)), changed=sum(counts))


@contextmanager
def pause_collection() -> Iterator[None]:
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


def transpose_answers(
    columns: tuple[Column, ...], answers: Sequence[Rows], *, changed: int = 0, errors: tuple[SetError, ...] = ()
) -> Reply:
    """The answers of the sets, turned. All of it happens in C: it is done for every row of every run.

    A long result is turned in pieces, because a call in C holds the interpreter's lock from all other threads.
    """
    if sum(map(len, answers)) > PIECE:
        with pause_collection():
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
