"""The bytes of a COPY on their way from a worker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

PIECE_BYTES = 1024 * 1024
"""Bytes that are sent together."""

MOST_BYTES = 8 * PIECE_BYTES
"""Bytes that may wait; then the server is not read."""


class CopiedBytes:
    """Keeps bytes between the coroutine that copies and the requests that fetch them."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._moved = asyncio.Event()
        self._task: asyncio.Task[int] | None = None

    def start(self, copying: Coroutine[object, object, int]) -> None:
        """Run `copying`, which gives its bytes to `write` and returns the number of rows."""
        self._task = asyncio.ensure_future(copying)
        self._task.add_done_callback(lambda _: self._moved.set())

    def write(self, data: bytes) -> object:
        """Keep bytes; return an awaitable if too many wait."""
        self._waiting += data
        self._moved.set()
        return self._drained() if len(self._waiting) > MOST_BYTES else None

    async def take(self) -> tuple[bytes, int | None]:
        """Return bytes as soon as there are some, and the number of rows with the last of them.

        Raises:
            DatabaseError: the copy failed.
        """
        assert self._task is not None
        while len(self._waiting) < PIECE_BYTES and not self._task.done():
            self._moved.clear()
            await self._moved.wait()
        data = bytes(self._waiting[:PIECE_BYTES])
        del self._waiting[:PIECE_BYTES]
        self._moved.set()
        if self._waiting or not self._task.done():
            return data, None
        return data, self._task.result()

    def close(self) -> None:
        """Stop the copy."""
        if self._task is not None:
            self._task.cancel()

    async def _drained(self) -> None:
        while len(self._waiting) > MOST_BYTES:
            self._moved.clear()
            await self._moved.wait()
