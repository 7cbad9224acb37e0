"""Stream the result of one batch: into the sink if all earlier batches are written, else aside."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.delivery.backlog import WaitingResult
from bulkq.engine.delivery.base import PartialAnswer
from bulkq.engine.delivery.stream_backlog import Aside
from bulkq.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.engine.delivery.backlog import Outlet
    from bulkq.engine.delivery.base import Window
    from bulkq.model import Batch, BatchResult, PartSpec, Query
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Sink, Slot

MOST_ASIDE = 1024 * 1024 * 1024
"""Bytes of one answer that go aside. A lane whose answer is larger waits for its turn, without its slot."""


class Turn:
    """The answer to one batch on its way into the sink, in pieces or as a whole. Implements `bulkq.protocols.BatchOutput`.

    Into a sink that several targets share, only whole answers are written: a target that stops in the middle of an answer
    must not hold the others.
    """

    def __init__(
        self, window: Window, progress: Progress, outlet: Outlet, query: Query, batch: Batch, slot: Slot
    ) -> None:
        self.has = False
        self.copy_delimiter: str | None = None
        self.outlet = outlet
        self._shared = outlet.door is not None
        self._sink = outlet.sink
        offered = getattr(
            outlet.sink, "copy_delimiter", None
        )  # of a ByteSink; `isinstance` would take as long as a small answer
        if offered is not None and not self._shared and not query.parameters:
            self.copy_delimiter = offered()
        self._window = window
        self._progress = progress
        self._slot = slot
        self._index = batch.index
        self._mark = 0
        self._aside = Aside()
        self._held: WaitingResult | None = None

    async def begin(self) -> None:
        """Begin an attempt: forget what an earlier one has written."""
        if self.has:
            self._sink.back_to(self._mark)
            return
        self.forget()
        self._take()

    async def write(self, result: BatchResult) -> None:
        """Append a piece of the result, or keep it aside."""
        payload, weight = encode(self._sink, result)
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

    def recover(self, error: Exception) -> BatchResult | None:  # noqa: ARG002 - for deliveries that have one
        """Return the result of a batch that ended with `error`; None if the error is not the batch's own."""
        return None

    async def complete(self, result: BatchResult) -> BatchResult:
        """Return `result` as it is counted."""
        if result.failures:
            self.forget()
        return result

    def hold(self, result: BatchResult) -> None:
        """Encode the rows of `result` for the sink."""
        outlet = self.outlet
        told = result.rows and (result.values or result.encoded is not None)
        payload, weight = encode(outlet.sink, result) if told else (None, 0)
        nothing = payload is None and bool(result.rows if outlet.reads else result.rows or not result.columns)
        aside = self.aside()
        if aside is not None:
            payload, weight = aside, aside.weight
        self._held = WaitingResult(
            replace(result, values=(), positions=(), encoded=None),
            outlet,
            payload,
            weight,
            orderless=nothing and aside is None and not (result.failures or result.unanswered),
            answer=not outlet.reads and (payload is not None or outlet.noted),
        )

    async def deliver(self) -> None:
        """Write what `hold` has encoded, or let it wait for its turn.

        Raises:
            BulkqError: the output, the ledger or the overflow cannot be written.
        """
        assert self._held is not None
        if self.copy_delimiter is not None and self.has:
            await self._window.send(self._sink, b"")
        await self._window.deliver(self._held, has_turn=self.has)

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
        self._window.streaming = PartialAnswer(self._sink, self._mark)

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
        async with self._slot.lent():
            await self._window.turn(self._index)
        self._took()
        return False


def encode(sink: Sink, result: BatchResult) -> tuple[object, int]:
    """Return the payload of `result` and its weight: made now, or on another machine."""
    ready = result.encoded
    if ready is not None and ready.complete:
        return ready.payload, ready.weight
    return sink.encode(result)


class SinkDelivery:
    """Delivers the results of one target to the sinks of its parts. Implements `bulkq.protocols.Delivery`.

    Args:
        window: the order in which results are written.
        outlets: where the results of each part go, by number of the part.
        progress: counts the rows of streamed answers.
    """

    def __init__(self, window: Window, outlets: Mapping[int, Outlet], progress: Progress) -> None:
        self.window = window
        self._outlets = outlets
        self._progress = progress

    async def admit(self) -> None:
        """Wait until another batch may be cut."""
        await self.window.admit()

    def open(self, spec: PartSpec, batch: Batch, slot: Slot) -> Turn:
        """Return the way of the answer to `batch`."""
        return Turn(self.window, self._progress, self._outlets[spec.number], spec.query, batch, slot)
