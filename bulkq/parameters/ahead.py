"""A source that comes but once, read to its end as early as it can be: on disk ahead of the run. Called by `bulkq.tasks`.

What a pipe has not given when its reader is killed is lost. So it is not read at the pace of the run: it is spooled as fast as it
comes, up to `AHEAD_BYTES` before the run, and the run reads the spool behind. Memory holds one piece of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.parameters.spool import Spooled, follow_spool

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import Batch, Query
    from bulkq.parameters.spool import Spool
    from bulkq.protocols import ParameterSource

AHEAD_BYTES = 256 * 1024 * 1024
"""Of the spool. A pipe may be endless, and a disk is not: behind this the writer of the pipe has to wait."""

PIECE = 5_000
"""Sets that are written and synced together at most; pipes give what has arrived."""


class Ahead:
    """A `ParameterSource` that keeps what `source` gives in a spool, and gives what is there. The first error is final."""

    def __init__(self, source: ParameterSource, path: Path, query: Query, *, patience_s: float = 0.0) -> None:
        """Create the spool `path` for `query`.

        Args:
            source: what is read ahead.
            path: of the new spool.
            query: whose parameters the sets are.
            patience_s: how long the first `take` waits for the end; a bad line that was found by then is its error.

        Raises:
            LedgerError: it cannot be created.
        """
        self.typed = source.typed
        self.replayable = source.replayable
        self._source = source
        self._path = path
        self._query = query
        self._patience_s = patience_s
        self._writer = Spooled(source, path)
        self._written = 0  # bytes
        self._given = 0
        self._spool: Spool | None = None
        self._reading: asyncio.Task[int] | None = None
        self._came = asyncio.Event()  # there is something to give, or the end
        self._room = asyncio.Event()
        self._closed = False

    @property
    def total(self) -> int | None:
        """As `ParameterSource.total`; known when the end has been read, before the run is there."""
        reading = self._reading
        if reading is not None and reading.done() and not reading.cancelled() and reading.exception() is None:
            return reading.result()
        return self._source.total

    async def take(self, size: int, index: int) -> Batch | None:
        """As `ParameterSource.take`; what is given is on disk, and `end` is a position in the spool.

        Raises:
            ParameterError: the source cannot be read on.
            LedgerError: the spool cannot be written: nothing may be sent that could not be found again.
        """
        if self._closed:
            return None
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            if self._patience_s:
                await asyncio.wait([self._reading], timeout=self._patience_s)
        if not self._given and self._patience_s and self._reading.done() and not self._closed:
            self._reading.result()  # before anything is given
        while (batch := self._next(size, index)) is None:
            if self._reading.done():
                if not self._closed:
                    self._reading.result()
                return None
            self._came.clear()
            await self._came.wait()
        self._given += len(batch.sets)
        self._room.set()
        return batch

    def fraction(self) -> float | None:
        """Of the sets, once the end has been read."""
        total = self.total
        return self._source.fraction() if total is None else self._given / total if total else 1.0

    async def close(self) -> None:
        """Read no more, and close the source and the spool, which stays."""
        self._closed = True
        self._came.set()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._writer.close()
        if self._spool is not None:
            await self._spool.close()

    def _next(self, size: int, index: int) -> Batch | None:
        if self._spool is None or self._closed:
            return None
        return self._spool.cut(size, index)

    async def _read(self) -> int:
        """Spool the source; the number of its sets."""
        count = 0
        try:
            while (batch := await self._writer.take(PIECE, 0)) is not None:
                count += len(batch.sets)
                assert batch.end is not None
                self._written = batch.end.offset
                if self._spool is None:
                    self._spool = await follow_spool(self._path, self._query)
                self._spool.readable += 1
                self._came.set()
                await self._make_room(self._spool)
        finally:
            self._came.set()
        return count

    async def _make_room(self, spool: Spool) -> None:
        while self._written - spool.offset > AHEAD_BYTES:
            self._room.clear()
            await self._room.wait()
