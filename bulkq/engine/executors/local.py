"""Execute batches on this loop, over the connection of one lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.engine.lane import Lane
    from bulkq.engine.part_state import PartState
    from bulkq.model import Batch, BatchResult, PartSpec
    from bulkq.protocols import StreamTarget


class LocalExecutor:
    """Implements `bulkq.protocols.Executor` with a lane.

    Args:
        lane: holds the connection.
        parts: of the target.
    """

    def __init__(self, lane: Lane, parts: Iterable[PartState]) -> None:
        self._lane = lane
        self._parts = {part.spec.number: part for part in parts}

    @property
    def stranded(self) -> bool:
        """Whether the lane holds a statement that cannot be stopped."""
        return self._lane.stranded

    async def ready(self, *, patient: bool = True) -> None:
        """Connect, unless that was done; see `Lane.ready`."""
        await self._lane.ready(patient=patient)

    async def execute(self, spec: PartSpec, batch: Batch, out: StreamTarget) -> BatchResult:
        """Execute `batch`. The rows of a single set stream into `out` unless they are known to be few."""
        part = self._parts[spec.number]
        if spec.limits.read_only and len(batch.sets) == 1 and part.big is not False:
            return await self._lane.stream(part, batch, out)
        return await self._lane.execute(part, batch)

    async def close(self) -> None:
        """Give the connection back for another lane or run."""
        await self._lane.close()

    async def discard(self) -> None:
        """Close the connection: its state is in doubt."""
        await self._lane.discard()
