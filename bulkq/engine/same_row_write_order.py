"""Keys in flight: sets of a write that may change the same row take effect in the order of the input.

Batches are cut before a set whose row an unfinished batch may change. What was read beyond the cut waits here, so numbers
stay consecutive. A lane that waits for a key holds neither a slot nor a transaction.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.dialects.parameter_equality import ANY
from bulkq.sources.slice_batches import slice_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.model import Batch
    from bulkq.protocols import ParameterSource
    from bulkq.query.row_keys_of_parameter_sets import RowKey

COUNTED = 1 << 16
"""Different keys up to which repeated ones are counted exactly: a few megabytes. Behind that, those within a batch are."""

WORTH = 4
"""If less than a quarter of a batch is free, waiting for the rest is faster than a batch that small."""


class Order:
    """The sets of one part, given in batches that change no row in common with an unfinished one.

    Args:
        source: the sets.
        groups: the parameters that name their rows; a row may be named in several ways.
        exact: the source has all sets of the run, so that repeated ones can be counted.
    """

    def __init__(self, source: ParameterSource, groups: Sequence[RowKey], *, exact: bool = True) -> None:
        self.groups = groups
        self.repeated = 0
        """Sets whose row an earlier set has named, as far as that was counted."""

        self.exact = exact
        """Whether `repeated` is all of them."""

        self._source = source
        self._held: Batch | None = None  # read from the source, and not given yet
        self._keys: list[Sequence[object]] = []  # of its sets, by group
        self._at = 0  # sets of it that were given
        self._busy: list[set[object]] = [set() for _ in groups]
        self._flying: dict[int, list[set[object]]] = {}  # by index of the batch
        self._awaited: list[tuple[int, object]] = []  # the key that the next set waits for, with its group
        self._freed = asyncio.Event()
        self._seen: set[object] = set()

    @property
    def held(self) -> int:
        """Sets that were read and not given yet."""
        return 0 if self._held is None else len(self._held.sets) - self._at

    @property
    def blocked(self) -> bool:
        """Whether the next set waits for an unfinished batch."""
        if not self._flying:
            return False
        return any(key is ANY or key in self._busy[group] or ANY in self._busy[group] for group, key in self._awaited)

    async def admit(self, going: Callable[[], bool]) -> None:
        """Wait until the next set is free, or `going` says that no further batch is wanted."""
        while self.blocked and going():
            self._freed.clear()
            await self._freed.wait()

    def wake(self) -> None:
        """Let every waiter look again."""
        self._freed.set()

    async def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets whose rows are free, as batch `index`; None at the end, and where it is `blocked`.

        Raises:
            ParameterError: the source cannot be read on.
        """
        if self._held is None:
            batch = await self._source.take(size, index)
            if batch is None:
                return None
            self._held, self._at = batch, 0
            self._keys = [group.of(batch.sets) for group in self.groups]
        found = self._free(min(self._at + size, len(self._held.sets)))
        return None if found is None else self._give(self._held, *found, index)

    def done(self, index: int) -> None:
        """Batch `index` has ended, whatever came of it: nothing of it will change a row any more."""
        for busy, keys in zip(self._busy, self._flying.pop(index), strict=True):
            busy.difference_update(keys)
        self._freed.set()

    def _free(self, end: int) -> tuple[int, list[set[object]]] | None:
        """Where the next batch ends, at most at `end`, and its keys; None if it has to wait."""
        wanted = end - self._at
        self._awaited = []
        while True:
            keys = [set(column[self._at : end]) for column in self._keys]
            cut = min((self._cut(group, keys[group], end) for group in range(len(keys))), default=end)
            if cut == end:
                return end, keys
            self._awaited = [(group, column[cut]) for group, column in enumerate(self._keys)]
            if (cut - self._at) * WORTH < wanted:
                return None
            end = cut

    def _cut(self, group: int, keys: set[object], end: int) -> int:
        """The place of the first set, at most `end`, whose key of `group` is not free."""
        busy = self._busy[group]
        if not self._flying or (ANY not in keys and ANY not in busy and busy.isdisjoint(keys)):
            return end
        column = self._keys[group]
        return next(i for i in range(self._at, end) if column[i] is ANY or column[i] in busy or ANY in busy)

    def _give(self, held: Batch, end: int, keys: list[set[object]], index: int) -> Batch:
        count = end - self._at
        again = any(len(found) < count or ANY in found for found in keys)
        self._count(count, keys[0])
        for busy, found in zip(self._busy, keys, strict=True):
            busy.update(found)
        self._flying[index] = keys
        whole = not self._at and end == len(held.sets) and held.index == index
        batch = held if whole else slice_batch(held, self._at, end, index)
        self._at = end
        if end == len(held.sets):
            self._held = None
        return replace(batch, repeats=True) if again else batch

    def _count(self, count: int, keys: set[object]) -> None:
        """Count the sets whose key was named before; a key that may equal any other is not counted."""
        self.exact = self.exact and ANY not in keys
        new = len(keys)
        if len(self._seen) < COUNTED:
            before = len(self._seen)
            self._seen |= keys
            new = len(self._seen) - before
        else:
            self.exact = False
        self.repeated += count - new if ANY not in keys else 0
