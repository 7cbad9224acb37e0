"""A source whose first sets can be read before the run, and are read again by the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.sources import texts_of
from bulkq.sources.slice_batches import BatchQueue, join_batches

if TYPE_CHECKING:
    from bulkq.model import Batch
    from bulkq.protocols import ParameterSource


class PeekableSource:
    """Gives the sets that were looked at first, then the rest; a `ParameterSource` over another one."""

    def __init__(self, source: ParameterSource) -> None:
        self.typed = source.typed
        self.replayable = source.replayable
        self.texts = texts_of(source)
        self._source = source
        self._held = BatchQueue()
        self._head: Batch | None = None  # until the first `take`

    @property
    def total(self) -> int | None:
        """As `ParameterSource.total`; some sources know it only at their end."""
        return self._source.total

    async def peek(self, size: int) -> Batch | None:
        """The first 1 to `size` sets, which `take` will give again; the same sets each time, before the first `take`."""
        if self._head is not None:
            return self._head
        head = await self._source.take(size, 0)
        if head is None:
            return None
        more = None
        if len(head.sets) < size and self.replayable:
            # Shorter than requested: a file ends here. To know it saves lanes that would find nothing to do.
            more = await self._source.take(size - len(head.sets), 0)
        if more is not None and more.first == head.first + len(head.sets):
            head, more = join_batches(head, more), None
        self._held.add(head)
        if more is not None:  # sets between them are left out
            self._held.add(more)
        self._head = head
        return head

    async def take(self, size: int, index: int) -> Batch | None:
        """As `ParameterSource.take`."""
        self._head = None
        return self._held.take(size, index) or await self._source.take(size, index)

    def fraction(self) -> float | None:
        """As `ParameterSource.fraction`."""
        return self._source.fraction()

    async def close(self) -> None:
        """As `ParameterSource.close`."""
        await self._source.close()
