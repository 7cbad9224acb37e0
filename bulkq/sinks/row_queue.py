"""The sink of the Python API: a queue of rows that the caller iterates."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from sys import getsizeof
from typing import TYPE_CHECKING

from bulkq.errors import OutputClosed, StoppedError
from bulkq.model import BatchResult, Decoding

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.model import Column, Query, SinkPosition

HELD_ROWS = 10_000
"""How much of an answer waits for its end. More than this goes to the reader, and cannot be taken back."""


class RowsSink:
    """A bounded queue of `BatchResult`s: `write` waits while the reader is behind by `ahead` results."""

    def __init__(self, ahead: int = 2, decoding: Decoding = Decoding.PYTHON) -> None:
        """Let at most `ahead` results wait for the reader."""
        self.decoding = decoding
        self.columns: tuple[Column, ...] = ()
        """Of the query, if the database has described it."""

        self.notices: list[str] = []
        self._ahead = ahead
        self._queue: deque[BatchResult] = deque()
        self._changed = asyncio.Event()
        self._held: deque[BatchResult] | None = None
        self._held_rows = 0
        self._ready: deque[BatchResult] = deque()
        self._accepted = 0
        self._left = False
        self._closed = False
        self._over = False

    def describe(self, query: Query, columns: tuple[Column, ...]) -> None:  # noqa: ARG002
        """Any columns will do."""
        self.columns = columns

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """The result itself; its weight is that of the values, without what lists and objects hold."""
        return result, sum(sum(map(getsizeof, column)) for column in result.values)

    async def write(self, payload: object) -> None:
        """Hand a result to the reader; wait while it is behind.

        Raises:
            OutputClosed: the reader has left.
        """
        assert isinstance(payload, BatchResult)
        self._accepted += 1
        if self._held is None:
            self._ready.append(payload)
        else:
            self._held.append(payload)
            self._held_rows += payload.rows
            if self._held_rows > HELD_ROWS:
                self._release()
        await self._send()

    def mark(self) -> int:
        """The number of results taken so far; what follows is held until the next mark or the end."""
        self._release()
        self._held = deque()
        return self._accepted

    def back_to(self, mark: int) -> None:
        """Forget the results after `mark`.

        Raises:
            StoppedError: the reader has some of them already.
        """
        cut = self._accepted - mark
        if cut > len(self._held or ()):
            raise StoppedError("part of the failed result was already read and cannot be taken back")
        for _ in range(cut):
            assert self._held is not None
            self._held_rows -= self._held.pop().rows
        self._accepted = mark

    def positions(self) -> tuple[SinkPosition, ...]:
        """None: the caller has the rows."""
        return ()

    async def fsync(self) -> None:
        """Nothing to put on disk."""

    async def close(self, *, complete: bool) -> None:
        """Let the reader have what is held, then its iteration ends."""
        del complete
        if self._closed or self._left:
            return
        self._closed = True
        self._release()
        with contextlib.suppress(OutputClosed):
            await self._send()
        self.end()

    def discard(self) -> None:
        """The same as `leave`: there is no reader any more."""
        self.leave()

    def leave(self) -> None:
        """End the reading; a waiting `write` raises `OutputClosed`."""
        self._left = True
        self._ready.clear()
        self._queue.clear()
        self._changed.set()

    def end(self) -> None:
        """There will be no further result: the run has ended, with `close` or by an error before it."""
        self._over = True
        self._changed.set()

    @property
    def full(self) -> bool:
        """Whether `write` waits for the reader."""
        return len(self._queue) >= self._ahead

    async def take(self) -> BatchResult | None:
        """The next result in output order; None after the last. If the caller is cancelled, the result stays for the next call."""
        while not self._queue:
            if self._left or self._over:
                return None
            await self._change()
        self._changed.set()
        return self._queue.popleft()

    async def __aiter__(self) -> AsyncIterator[BatchResult]:
        """The results in output order; ends after `close`."""
        while (result := await self.take()) is not None:
            yield result

    async def _change(self) -> None:
        """Wait until the reader or the run has done something. Several may wait: each looks for itself what it was."""
        self._changed.clear()
        await self._changed.wait()

    def _release(self) -> None:
        if self._held:
            self._ready.extend(self._held)
        self._held, self._held_rows = None, 0

    async def _send(self) -> None:
        while self._ready and not self._left:
            if self.full:
                await self._change()
            else:
                self._queue.append(self._ready.popleft())
                self._changed.set()
        if self._left:
            raise OutputClosed("the reader of the rows has stopped")
