"""`--map`: send results through the user's function on their way to the output."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.delivery.streaming import SinkDelivery, Turn
from bulkq.engine.failure_records import failure
from bulkq.model import BatchResult, Outcome, SetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.engine.delivery.backlog import Outlet
    from bulkq.engine.delivery.base import Window
    from bulkq.model import Batch, PartSpec
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Mapper, Slot


class MapFailure(Exception):
    """The function of `--map` failed in the middle of a streamed answer."""

    def __init__(self, error: SetError) -> None:
        super().__init__(error.message)
        self.error = error


class MappedTurn(Turn):
    """Sends each piece through the function on its way."""

    def __init__(
        self,
        window: Window,
        progress: Progress,
        outlet: Outlet,
        spec: PartSpec,
        batch: Batch,
        slot: Slot,
        mapper: Mapper,
    ) -> None:
        super().__init__(window, progress, outlet, spec.query, batch, slot)
        self.copy_delimiter = None
        self._mapper = mapper
        self._spec = spec
        self._batch = batch

    async def write(self, result: BatchResult) -> None:
        """Append what the function makes of a piece.

        Raises:
            MapFailure: the function failed.
        """
        result, errors = await self._map(result)
        if errors:
            raise MapFailure(errors[0])
        if result.rows:
            await super().write(result)

    def recover(self, error: Exception) -> BatchResult | None:
        """Return the failure of the only set of a streamed batch, if the function failed."""
        if not isinstance(error, MapFailure):
            return None
        spec = self._spec
        lost = failure(spec, self._batch, 0, error.error, Outcome.ROLLED_BACK, 1)
        return BatchResult(self._batch, spec.query, spec.target, (), (), (), 0, (lost,), part=spec.number)

    async def complete(self, result: BatchResult) -> BatchResult:
        """Return `result` as the function gives it. A set that the function failed for is a failure."""
        self._slot.give_back()  # the database has answered; other lanes may use it
        result, errors = await self._map(result)
        if errors:
            batch, attempts = result.batch, result.attempts
            lost = [failure(self._spec, batch, e.position, e, Outcome.ROLLED_BACK, attempts) for e in errors]
            failures = tuple(sorted((*result.failures, *lost), key=lambda one: one.n))
            result = replace(result, ok=result.ok - len(lost), failures=failures)
        return await super().complete(result)

    async def _map(self, result: BatchResult) -> tuple[BatchResult, tuple[SetError, ...]]:
        """Return the rows that the function gives; on another machine, it was called already."""
        ready = result.encoded
        return await self._mapper(result) if ready is None else (result, ready.errors)


class MappedDelivery(SinkDelivery):
    """Delivers what a function makes of the results.

    Args:
        window: the order in which results are written.
        outlets: where the results of each part go, by number of the part.
        progress: counts the rows of streamed answers.
        mappers: the function of each part, by number of the part.
    """

    def __init__(
        self, window: Window, outlets: Mapping[int, Outlet], progress: Progress, mappers: Mapping[int, Mapper]
    ) -> None:
        super().__init__(window, outlets, progress)
        self._mappers = mappers

    def open(self, spec: PartSpec, batch: Batch, slot: Slot) -> MappedTurn:
        """Return the way of the answer to `batch`, through the function."""
        outlet, mapper = self._outlets[spec.number], self._mappers[spec.number]
        return MappedTurn(self.window, self._progress, outlet, spec, batch, slot, mapper)
