"""A source that can be read only once, read to its end into a file, ahead of the run.

What a pipe has not given when its reader is killed is lost. So it is not read at the pace of the run: it is spooled as fast as it
comes, up to `AHEAD_BYTES` before the run, and the run reads the spool behind. Memory holds one piece of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.sources.spool import SpoolingSource, follow_spool

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import Batch, Query
    from bulkq.protocols import ParameterSource
    from bulkq.sources.spool import SpoolSource

AHEAD_BYTES = 256 * 1024 * 1024
"""Of the spool. A pipe may be endless, and a disk is not: behind this the writer of the pipe has to wait."""

PIECE = 5_000
"""Sets that are written and synced together at most; pipes give what has arrived."""


class PrefetchedSource:
    """Keeps what `source` gives in a spool as fast as it comes; as a `ParameterSource` it gives what is there. The first error is final."""

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
        self.closed = False
        self._source = source
        self._path = path
        self._query = query
        self._patience_s = patience_s
        self._writer = SpoolingSource(source, path)
        self._written = 0  # bytes
        self._batches = 0
        self._spools: list[SpoolSource] = []  # one for each reader that follows
        self._reading: asyncio.Task[int] | None = None
        self._came = asyncio.Event()  # there is something to give, or the end
        self._room = asyncio.Event()
        self._first = Follower(self)

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
        return await self._first.take(size, index)

    def fraction(self) -> float | None:
        """Of the sets, once the end has been read."""
        return self._first.fraction()

    async def close(self) -> None:
        """Read no more, and close the source and the spool, which stays."""
        self.closed = True
        self._came.set()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._writer.close()
        for spool in self._spools:
            await spool.close()

    def follower(self) -> Follower:
        """One more reader of the same sets, from the first on, at its own pace: several targets get what comes but once."""
        return Follower(self)

    # --- for its followers ---------------------------------------------------------------------------------------

    async def begin(self) -> bool:
        """Start reading, if no task does yet. False: the source ended or failed before its first set.

        Raises:
            BulkqError: that error, where there is patience for it.
        """
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        if self._patience_s and not self._reading.done():
            await asyncio.wait([self._reading], timeout=self._patience_s)
            self._patience_s = 0.0 if not self._reading.done() else self._patience_s
        if self._patience_s and self._reading.done() and not self.closed:
            self._reading.result()  # before anything is given
        return not self.closed

    async def opened(self) -> SpoolSource | None:
        """The spool from its first batch on; None before there is one."""
        if not self._batches:
            return None
        spool = await follow_spool(self._path, self._query)
        spool.readable = self._batches
        self._spools.append(spool)
        return spool

    async def more(self) -> bool:
        """Wait until more may be there; False at the end.

        Raises:
            BulkqError: the source cannot be read on.
        """
        assert self._reading is not None
        if self._reading.done():
            if not self.closed:
                self._reading.result()
            return False
        self._came.clear()
        await self._came.wait()
        return True

    def given(self) -> None:
        """Note that a reader has advanced, so there may be room for more."""
        self._room.set()

    async def _read(self) -> int:
        """Spool the source; the number of its sets."""
        count = 0
        try:
            while (batch := await self._writer.take(PIECE, 0)) is not None:
                count += len(batch.sets)
                assert batch.end is not None
                self._written = batch.end.offset
                self._batches += 1
                for spool in self._spools:
                    spool.readable += 1
                self._came.set()
                await self._make_room()
        finally:
            self._came.set()
        return count

    async def _make_room(self) -> None:
        # By the foremost reader: a slow or ended reader does not hold up the writer.
        while self._written - max((spool.offset for spool in self._spools), default=0) > AHEAD_BYTES:
            self._room.clear()
            await self._room.wait()


class Follower:
    """A `ParameterSource` that reads behind an `PrefetchedSource`."""

    def __init__(self, ahead: PrefetchedSource) -> None:
        self.typed = ahead.typed
        self.replayable = ahead.replayable
        self._ahead = ahead
        self._given = 0
        self._spool: SpoolSource | None = None

    @property
    def total(self) -> int | None:
        """As `ParameterSource.total`."""
        return self._ahead.total

    async def take(self, size: int, index: int) -> Batch | None:
        """As `PrefetchedSource.take`."""
        ahead = self._ahead
        if ahead.closed or (not self._given and not await ahead.begin()):
            return None
        while (batch := await self._next(size, index)) is None:
            if not await ahead.more():
                return None
        self._given += len(batch.sets)
        ahead.given()
        return batch

    def fraction(self) -> float | None:
        """Of the sets, once the end has been read."""
        total = self.total
        return None if total is None else self._given / total if total else 1.0

    async def close(self) -> None:
        """Nothing of its own is open."""

    async def _next(self, size: int, index: int) -> Batch | None:
        if self._ahead.closed:
            return None
        if self._spool is None:
            self._spool = await self._ahead.opened()
        return None if self._spool is None else self._spool.cut(size, index)
