"""A subset of a source with its original numbers: the rest of a run, or the failed sets.

Batches hold consecutive numbers. Where the number that comes next is known, the source is asked for sets up to the next
border only, so a batch ends where the source stands, and its `end` is a position to go on at.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

from bulkq.policy.merged_number_ranges import numbers_in
from bulkq.sources.skip_sets import SKIPPED
from bulkq.sources.slice_batches import BatchQueue, slice_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Batch
    from bulkq.protocols import ParameterSource

Ranges = list[tuple[int, int]]

ENDLESS = 1 << 200
"""A number that no source reaches: the end of the last gap."""


class _SubsetSource:
    """A `ParameterSource`: the sets of `source` whose numbers are in `ranges` (ascending, inclusive, apart)."""

    def __init__(self, source: ParameterSource, ranges: Ranges) -> None:
        self.typed = source.typed
        self.replayable = source.replayable
        self._source = source
        self._ranges = ranges
        self._at = 0  # index of the first range that is not behind us
        self._next = 1  # number that the source gives next, as far as we know
        self._held = BatchQueue()
        self._given = 0
        self._ended = False

    async def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets, of consecutive numbers, as batch `index`; None at the end.

        Raises:
            ParameterError: the source cannot be read on.
        """
        while (batch := self._held.take(size, index)) is None:
            if self._ended or not await self._read(size):
                self._ended = True
                return None
        self._given += len(batch.sets)
        return batch

    async def close(self) -> None:
        """Close the source; there are no more sets then."""
        self._ended = True
        self._held = BatchQueue()
        await self._source.close()

    async def _read(self, size: int) -> bool:
        """Take one batch from the source and keep what is wanted of it; False at the end."""
        if self._at == len(self._ranges):
            return False
        first, last = self._ranges[self._at]
        if first <= self._next:
            batch = await self._source.take(min(size, last + 1 - self._next), 0)
        else:
            await asyncio.sleep(0)  # files never make us wait, so without this no signal would be heard
            batch = await self._source.take(min(SKIPPED, first - self._next), 0)
        if batch is None:
            return False
        self._next = batch.first + len(batch.sets)
        self._keep(batch)
        return True

    def _keep(self, batch: Batch) -> None:
        """Hold the parts of `batch` that are wanted; step over the ranges that it ends."""
        while self._at < len(self._ranges):
            first, last = self._ranges[self._at]
            begin, end = max(first, batch.first), min(last + 1, self._next)
            if begin < end:
                self._held.add(slice_batch(batch, begin - batch.first, end - batch.first, 0))
            if last >= self._next:
                return
            self._at += 1


class RemainingSets(_SubsetSource):
    """The sets of `source` without the sets `done`.

    Args:
        source: from its beginning, or from a position whose sets are all in `done`.
        done: numbers, first and last of each range, merged and ascending.
    """

    def __init__(self, source: ParameterSource, done: Sequence[tuple[int, int]]) -> None:
        super().__init__(source, _gaps(done))
        self._done = done

    @property
    def total(self) -> int | None:
        """Number of sets that are left, where the total of the source is known."""
        total = self._source.total
        if total is None:
            return None
        return total - sum(max(0, min(last, total) - first + 1) for first, last in self._done)

    def fraction(self) -> float | None:
        """Of the whole source."""
        return self._source.fraction()


class SelectedSets(_SubsetSource):
    """Certain sets of `source`, in its order; it is read no further than the last of them.

    Args:
        source: from its beginning, or from a position behind which all of the sets lie.
        wanted: their numbers, first and last of each range, ascending and apart.
    """

    def __init__(self, source: ParameterSource, wanted: Sequence[tuple[int, int]]) -> None:
        super().__init__(source, list(wanted))
        self._count = numbers_in(wanted)

    @property
    def total(self) -> int:
        """Number of sets: of those wanted, of which a source that ends early may turn out to have fewer."""
        return self._given if self._ended else self._count

    def fraction(self) -> float:
        """By count."""
        return self._given / self.total if self.total else 1.0


def _gaps(done: Sequence[tuple[int, int]]) -> Ranges:
    """The numbers from 1 on that are in none of `done`."""
    borders = [(0, 0), *done, (ENDLESS, ENDLESS)]
    return [(a[1] + 1, b[0] - 1) for a, b in pairwise(borders) if a[1] + 1 < b[0]]
