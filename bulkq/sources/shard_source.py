"""The parameter sets of one shard of an input."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.model import Batch
from bulkq.sources import texts_of

if TYPE_CHECKING:
    from bulkq.model.shard import Shard
    from bulkq.protocols import ParameterSource

MOST_READ = 50_000
"""Sets that are read at once, of which every `Shard.count`-th is kept: a short stop of the event loop."""


class ShardSource:
    """A `ParameterSource`: every `shard.count`-th set of `source`, read from its beginning.

    `Batch.first` counts the sets of the shard alone; `Batch.number` gives the numbers of the whole input. The batches have no
    `end`: a run that goes on reads the input from its beginning.
    """

    def __init__(self, source: ParameterSource, shard: Shard) -> None:
        self.typed = source.typed
        self.replayable = source.replayable
        self.texts = texts_of(source)
        self._source = source
        self._shard = shard

    @property
    def total(self) -> int | None:
        """Number of sets of the shard, if that of the whole source is known."""
        whole = self._source.total
        return None if whole is None else self._shard.share(whole)

    async def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets of the shard as batch `index`; None at the end."""
        shard = self._shard
        wanted = max(1, min(size * shard.count, MOST_READ))
        while (batch := await self._source.take(wanted, 0)) is not None:
            before = shard.skipped(batch.first)
            if before < len(batch.sets):
                sets, lines = batch.sets[before :: shard.count], batch.lines[before :: shard.count]
                return Batch(index, shard.place(batch.first + before), sets, lines, batch.source, shard=shard)
            await asyncio.sleep(0)  # files never make us wait, so without this no signal would be heard
        return None

    def fraction(self) -> float | None:
        """Of the whole source."""
        return self._source.fraction()

    async def close(self) -> None:
        """Close the source."""
        await self._source.close()
