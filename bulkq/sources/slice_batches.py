"""Batches of a source that are handed out in smaller pieces."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from bulkq.model import Batch

if TYPE_CHECKING:
    from bulkq.model import SourcePosition


class BatchQueue:
    """A queue of batches that is taken from in any sizes; none given reaches over the border of one that was added."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._batches: deque[Batch] = deque()
        self._given = 0  # sets of the first

    def add(self, batch: Batch) -> None:
        """Append `batch`."""
        self._batches.append(batch)

    def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets as batch `index`; None where there is nothing."""
        if not self._batches:
            return None
        batch = self._batches[0]
        first, last = self._given, min(self._given + size, len(batch.sets))
        self._given = last
        if last == len(batch.sets):
            self._batches.popleft()
            self._given = 0
        return slice_batch(batch, first, last, index)


def join_batches(batch: Batch, more: Batch) -> Batch:
    """`batch` and then `more`, whose numbers follow."""
    lines = [*batch.lines, *more.lines] if batch.lines else ()
    return Batch(batch.index, batch.first, [*batch.sets, *more.sets], lines, batch.source, more.end, shard=batch.shard)


def slice_batch(batch: Batch, first: int, last: int, index: int) -> Batch:
    """The sets at `first` up to, without, `last` of `batch`.

    Where the source stands is known at the end of `batch`, not in the middle of it.
    """
    end: SourcePosition | None = batch.end if last == len(batch.sets) else None
    sets, lines = batch.sets[first:last], batch.lines[first:last]
    return Batch(index, batch.first + first, sets, lines, batch.source, end, shard=batch.shard)
