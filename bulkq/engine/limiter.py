"""The one semaphore of a run, as a lane holds it: while it only waits, others are at work."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator


class Permit:
    """One lane's right to be at work on a database. Not held while it connects, pauses or waits for its turn to write.

    Args:
        semaphores: taken in this order, which is the same for all lanes.
    """

    __slots__ = ("_semaphores", "held")

    def __init__(self, *semaphores: asyncio.Semaphore) -> None:
        self._semaphores = semaphores
        self.held = False

    async def __aenter__(self) -> None:
        """Wait for it; who came first is served first, so that targets take turns."""
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
        """Give it back, unless that was done."""
        self.give_back()

    def give_back(self) -> None:
        """Let another lane have it; harmless when repeated."""
        if self.held:
            self.held = False
            for semaphore in self._semaphores:
                semaphore.release()

    def keep(self) -> None:
        """Never give it back: what it was for goes on without us."""
        self.held = False

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[None, None]:
        """Others have it inside this block."""
        if not self.held:
            yield
            return
        self.give_back()
        yield  # an error ends the lane's work on this batch, and it needs no permit for that
        await self.__aenter__()
