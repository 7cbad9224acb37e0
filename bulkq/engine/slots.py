"""The slots of `-j`: a lane holds one while a batch is at the database, and none while it waits. And the slots for open connections."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from bulkq.engine.pool import ConnectionPool


class SlotSemaphore(asyncio.Semaphore):
    """A semaphore whose number of slots can change."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots)
        self._slots = slots
        self._surplus = 0  # slots that are not free again when they are released

    def resize(self, slots: int) -> None:
        """Have `slots` slots. Slots that are held beyond this number end with their release."""
        more, self._slots = slots - self._slots, slots
        self._surplus -= more
        while self._surplus < 0:
            self._surplus += 1
            super().release()

    def release(self) -> None:
        """Free a slot, unless there are too many."""
        if self._surplus:
            self._surplus -= 1
        else:
            super().release()


class Limiter:
    """The slots of `-j`, which the targets of a run share.

    Args:
        concurrency: slots in all.
        several: whether the run has more than one target.

    Attributes:
        busy: connections of the targets whose lanes are running.
        concurrency: slots in all, now.
    """

    def __init__(self, concurrency: int, *, several: bool) -> None:
        self.busy: set[ConnectionPool] = set()
        self.concurrency = concurrency
        self._several = several
        self._semaphore = SlotSemaphore(concurrency)
        self._inside = asyncio.Semaphore(os.cpu_count() or 1)

    def resize(self, concurrency: int) -> None:
        """Have `concurrency` slots from now on. Lanes beyond this number end after their batch."""
        if concurrency != self.concurrency:
            self.concurrency = concurrency
            self._semaphore.resize(concurrency)

    def slot(self, sessions: ConnectionPool) -> LimiterSlot:
        """Return a slot for a new lane.

        In-process databases also share one slot per processor: more threads would only wait for each other.
        """
        if self._several and sessions.driver.capabilities.in_process:
            return LimiterSlot(self._inside, self._semaphore)
        return LimiterSlot(self._semaphore)

    def share(self) -> int:
        """Return the number of lanes that a target may have now: `-j` divided by the working targets, at least one."""
        if not self._several:
            return self.concurrency
        busy = sum(1 for sessions in self.busy if not (sessions.lost or sessions.held))
        return -(-self.concurrency // max(1, busy))


class ConnectionSlots:
    """The connections that a run over several targets may have open. Each lane takes one slot.

    Args:
        most: slots at first.
        targets: of the run. A slot is kept for each until it begins, before any target gets a second one.
    """

    def __init__(self, most: int, targets: int) -> None:
        self._free = most
        self._targets = targets
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def first(self) -> None:
        """Take the slot of a target that begins, as soon as one is free."""
        while not self._free:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake(0 if turn.cancelled() else 1)
                raise
        self._free -= 1
        self._targets -= 1

    def another(self) -> bool:
        """Take a slot for a further lane of a target; False if none is left over."""
        if self._free <= self._targets:
            return False
        self._free -= 1
        return True

    def give_back(self, count: int) -> None:
        """Free the slots of a target whose connections are closed."""
        self._free += count
        self._wake(count)

    def _wake(self, count: int) -> None:
        """Wake as many targets as slots were freed: thousands may wait."""
        while count and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                count -= 1


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
        """Wait for the slot. Slots are granted in the order of the requests, so that targets take turns."""
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
        """Release the slot if it is held."""
        self.give_back()

    def give_back(self) -> None:
        """Release the slot. Further calls have no effect."""
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
