"""Where a lane sends a result that it streams: into the sink when it is its turn, aside while it is not."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bulkq.engine.delivery.aside import Aside
from bulkq.engine.delivery.ordered import Begun
from bulkq.errors import StoppedError
from bulkq.protocols import ByteSink

if TYPE_CHECKING:
    from bulkq.engine.delivery.backlog import Outlet
    from bulkq.engine.delivery.ordered import Window
    from bulkq.engine.limiter import Permit
    from bulkq.model import Batch, BatchResult, Query
    from bulkq.policy.progress import Progress

MOST_ASIDE = 1024 * 1024 * 1024
"""Bytes of one answer that go aside. A lane whose answer is larger waits for its turn, without its permit."""


class Turn:
    """A lane's access to its sink while a result streams in; `bulkq.engine.lane.Pieces` over a part's outlet.

    Into a sink that several targets share, only whole answers are written: a target that stops in the middle of an answer
    must not hold the others.
    """

    def __init__(
        self, window: Window, progress: Progress, outlet: Outlet, query: Query, batch: Batch, permit: Permit
    ) -> None:
        self.has = False
        self.copy_delimiter: str | None = None
        self.outlet = outlet
        self._shared = outlet.door is not None
        self._sink = outlet.sink
        if not self._shared and not query.parameters and isinstance(self._sink, ByteSink):
            self.copy_delimiter = self._sink.copy_delimiter()
        self._window = window
        self._progress = progress
        self._permit = permit
        self._index = batch.index
        self._mark = 0
        self._aside = Aside()

    async def begin(self) -> None:
        """Begin an attempt: forget what an earlier one has written."""
        if self.has:
            self._sink.back_to(self._mark)
            return
        self.forget()
        self._take()

    async def write(self, result: BatchResult) -> None:
        """Append a piece of the result, or keep it aside."""
        payload, weight = self._sink.encode(result)
        self._progress.rows += result.rows
        await self._append(payload, weight)

    def write_bytes(self, data: bytes) -> object:
        """Append bytes that the server formatted; an awaitable where that may take time."""
        return self._append(bytes(data), len(data))

    def forget(self) -> None:
        """Take back what was written: the set has failed."""
        if self.has:
            self._sink.back_to(self._mark)
        self._aside.forget(self._window.overflow)

    def give_up(self) -> None:
        """End without a result."""
        with contextlib.suppress(StoppedError):  # a reader has a part of it already
            self.forget()
        self._window.give_up(has_turn=self.has)

    def aside(self) -> Aside | None:
        """Return what was kept aside and is to be written in its turn."""
        return self._aside if self._aside.places or self._aside.rest else None

    async def _append(self, payload: object, weight: int) -> None:
        if not self.has and not self._take() and await self._keep(payload, weight):
            return
        if self.aside() is not None:
            await self._window.pour(self._sink, self._aside)
        await self._window.send(self._sink, payload)

    def _take(self) -> bool:
        """Take the sink if it is this batch's turn."""
        if self._shared or not self._window.take(self._index):
            return False
        self._took()
        return True

    def _took(self) -> None:
        self.has = True
        self._mark = self._sink.mark()
        self._window.streaming = Begun(self._sink, self._mark)

    async def _keep(self, payload: object, weight: int) -> bool:
        """Keep a piece aside. False: there is no room for it, and the lane has waited for its turn instead."""
        if self._shared or self._aside.size < MOST_ASIDE:
            try:
                self._aside.add(payload, weight, self._window.overflow)
            except Exception:  # the disk is full, or a value of the user's cannot be pickled
                if self._shared:
                    raise
            else:
                return True
        async with self._permit.lent():
            await self._window.turn(self._index)
        self._took()
        return False
