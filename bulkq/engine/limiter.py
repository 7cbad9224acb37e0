"""The slots of `-j`: a lane holds one while a batch is at the database, and none while it waits."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator


class LimiterSlot:
    """A lane's slot. Not held while the lane connects, pauses or waits for its turn to write.

    Args:
        semaphores: taken in this order, which is the same for all lanes.
    """

    __slots__ = ("_semaphores", "held")

    def __init__(self, *semaphores: asyncio.Semaphore) -> None:
        self._semaphores = semaphores
        self.held = False

    async def __aenter__(self) -> None:
        """Wait for the slot, in the order of asking, so that targets take turns."""
        taken: list[asyncio.Semaphore] = []
        try:
            for semaphore in self._semaphores:
                await semaphore.acquire()
                taken.append(semaphore)
        except BaseException:
            for semaphore in taken:
                semaphore.release()
            raise
        self.held = True

    async def __aexit__(self, *_: object) -> None:
        """Give the slot back if it is still held."""
        self.give_back()

    def give_back(self) -> None:
        """Let another lane have the slot. Harmless when repeated."""
        if self.held:
            self.held = False
            for semaphore in self._semaphores:
                semaphore.release()

    def keep(self) -> None:
        """Keep the slot: the statement is still running on the server."""
        self.held = False

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[None, None]:
        """Release the slot inside this block."""
        if not self.held:
            yield
            return
        self.give_back()
        yield  # an error ends the lane's work on this batch, and it needs no slot for that
        await self.__aenter__()
