"""`--map`: send results through the user's function on their way to the output."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.failures import failure
from bulkq.model import BatchResult, Outcome, SetError

if TYPE_CHECKING:
    from bulkq.engine.delivery.streaming import Turn
    from bulkq.engine.lane import Lane
    from bulkq.engine.part import PartState
    from bulkq.model import Batch
    from bulkq.protocols import Mapper


class _Failed(Exception):
    """The function of `--map` failed in the middle of a streamed answer."""

    def __init__(self, error: SetError) -> None:
        super().__init__(error.message)
        self.error = error


class _Mapped:
    """`bulkq.engine.lane.Pieces` that sends each piece through the function on its way."""

    copy_delimiter: str | None = None

    def __init__(self, mapper: Mapper, turn: Turn) -> None:
        self._mapper = mapper
        self._turn = turn

    async def begin(self) -> None:
        await self._turn.begin()

    async def write(self, result: BatchResult) -> None:
        result, errors = await self._mapper(result)
        if errors:
            raise _Failed(errors[0])
        if result.rows:
            await self._turn.write(result)

    def write_bytes(self, data: bytes) -> object:
        return self._turn.write_bytes(data)


async def streamed(lane: Lane, part: PartState, mapper: Mapper, batch: Batch, turn: Turn) -> BatchResult:
    """Stream the answer to `batch` through the function into `turn`."""
    try:
        return await lane.stream(part, batch, _Mapped(mapper, turn))
    except _Failed as failed:
        lost = failure(part.spec, batch, 0, failed.error, Outcome.ROLLED_BACK, 1)
        return BatchResult(batch, part.spec.query, part.spec.target, (), (), (), 0, (lost,), part=part.number)


async def mapped(part: PartState, mapper: Mapper, result: BatchResult) -> BatchResult:
    """`result` as the function gives it; a set that it failed for is a failure."""
    result, errors = await mapper(result)
    if not errors:
        return result
    lost = [failure(part.spec, result.batch, e.position, e, Outcome.ROLLED_BACK, result.attempts) for e in errors]
    failures = tuple(sorted((*result.failures, *lost), key=lambda one: one.n))
    return replace(result, ok=result.ok - len(lost), failures=failures)
