"""`bulkq check`: each result has a sink of its own, and its verdict decides how it is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.engine.delivery.backlog import Outlet
from bulkq.engine.delivery.streaming import SinkDelivery, Turn
from bulkq.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkq.engine.delivery.base import Window
    from bulkq.model import Batch, BatchResult, PartSpec, Query
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Judge, Slot


class EvaluatedTurn(Turn):
    """Sends an answer to the judge of its part."""

    def __init__(
        self,
        window: Window,
        progress: Progress,
        outlet: Outlet,
        query: Query,
        batch: Batch,
        slot: Slot,
        judge: Judge,
    ) -> None:
        super().__init__(window, progress, outlet, query, batch, slot)
        self._judge = judge
        self._batch = batch

    def recover(self, error: Exception) -> BatchResult | None:
        """Return the result of a check that the read-only guard refused."""
        return self._judge.refused(self._batch, error) if isinstance(error, RefusedError) else None

    async def complete(self, result: BatchResult) -> BatchResult:
        """Return `result` counted by its verdict, without rows."""
        return await super().complete(await self._judge.decide(result))


class EvaluatedDelivery(SinkDelivery):
    """Delivers each answer to the judge of its part.

    Args:
        window: without an order.
        progress: counts rows.
        judges: by number of the part.
        written: records a batch.
    """

    def __init__(
        self, window: Window, progress: Progress, judges: Mapping[int, Judge], written: Callable[[BatchResult], None]
    ) -> None:
        super().__init__(window, {}, progress)
        self._judges = judges
        self._written = written

    def open(self, spec: PartSpec, batch: Batch, slot: Slot) -> EvaluatedTurn:
        """Return the way of the answer to `batch`, into a sink of its own."""
        judge = self._judges[spec.number]
        outlet = Outlet(judge.begin(batch), self._written)
        return EvaluatedTurn(self.window, self._progress, outlet, spec.query, batch, slot, judge)
