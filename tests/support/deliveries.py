"""Deliveries of one part, without a database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from bulkq.engine.delivery.choose import choose_delivery
from bulkq.engine.part_state import PartState
from bulkq.engine.slots import LimiterSlot
from bulkq.model import Batch, BatchResult, Column, Decoding, Limits, PartSpec, SetError
from bulkq.query import inline
from bulkq.sinks.row_queue import RowsSink
from bulkq.sources.iterable import MappingSource

if TYPE_CHECKING:
    from bulkq.engine.delivery.streaming import SinkDelivery
    from bulkq.engine.run_context import RunContext
    from bulkq.errors import RefusedError
    from bulkq.protocols import Sink


QUERY = inline("select :a as a")
SPEC = PartSpec(query=QUERY, target="t", decoding=Decoding.PYTHON, typed=True, limits=Limits(), retries=0)
BATCH = Batch(0, 1, [(1,), (2,)])
RESULT = BatchResult(BATCH, QUERY, "t", (Column("a"),), [[1, 2]], [0, 1], ok=2)


class Doubled:
    """A mapper that doubles numbers, and fails for 13."""

    async def __call__(self, result: BatchResult) -> tuple[BatchResult, tuple[SetError, ...]]:
        values = cast("list[list[int]]", result.values)
        wrong = tuple(SetError(i, "MAP", "unlucky") for i, value in enumerate(values[0]) if value == 13)
        return replace(result, values=[[2 * value for value in values[0]]]), wrong


class Verdict:
    """A judge that lets everything fail."""

    def __init__(self) -> None:
        self.sinks: list[RowsSink] = []

    def begin(self, batch: Batch) -> Sink:
        self.sinks.append(RowsSink())
        return self.sinks[-1]

    def refused(self, batch: Batch, error: RefusedError) -> BatchResult:
        return BatchResult(batch, QUERY, "t", (), (), (), ok=0)

    async def decide(self, result: BatchResult) -> BatchResult:
        return replace(result, ok=0, values=(), positions=())


def part(**more: object) -> PartState:
    """A part that writes into a queue of rows."""
    return PartState(SPEC, MappingSource(QUERY, [], dynamic=False), RowsSink(), None, **more)  # type: ignore[arg-type]


def chosen(context: RunContext, one: PartState, *, ordered: bool = True) -> tuple[SinkDelivery, list[BatchResult]]:
    """The delivery of a part, and what it records."""
    written: list[BatchResult] = []
    return choose_delivery([one], context, lanes=2, ordered=ordered, written=written.append), written


def new_slot() -> LimiterSlot:
    """Of a lane."""
    return LimiterSlot(asyncio.Semaphore(1))
