"""Deliveries: which one a target has, and what mapped and judged answers become. Windows are in `test_ordered`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bulkq.engine.delivery.choose import choose_delivery
from bulkq.engine.delivery.evaluated import EvaluatedDelivery
from bulkq.engine.delivery.mapped import MapFailure, MappedDelivery
from bulkq.engine.delivery.overflow import Overflow
from bulkq.engine.limiter import LimiterSlot
from bulkq.engine.part_state import PartState
from bulkq.errors import RefusedError
from bulkq.model import Batch, BatchResult, Column, Decoding, Limits, Outcome, PartSpec, SetError
from bulkq.policy.progress import Progress
from bulkq.query import inline
from bulkq.sinks.row_queue import RowsSink
from bulkq.sources.iterable import MappingSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.engine.context import RunContext
    from bulkq.engine.delivery.streaming import SinkDelivery
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


@pytest.fixture
def context() -> Iterator[RunContext]:
    """What a delivery needs of the run."""
    made = SimpleNamespace(overflow=Overflow(), progress=Progress(), locks={})
    yield cast("RunContext", made)
    made.overflow.close()


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


@pytest.mark.parametrize(
    ("more", "ordered", "kind", "window"),
    [
        ({}, True, "SinkDelivery", "OrderedWindow"),
        ({}, False, "SinkDelivery", "UnorderedWindow"),
        ({"mapper": Doubled()}, True, "MappedDelivery", "OrderedWindow"),
        ({"judge": Verdict()}, True, "EvaluatedDelivery", "SeparateWindow"),
    ],
)
async def test_the_parts_decide(
    context: RunContext, more: dict[str, object], ordered: bool, kind: str, window: str
) -> None:
    """One function chooses, by what the parts have."""
    delivery, _ = chosen(context, part(**more), ordered=ordered)
    assert (type(delivery).__name__, type(delivery.window).__name__) == (kind, window)
    await delivery.admit()


async def test_an_answer_is_written_and_recorded_without_its_rows(context: RunContext) -> None:
    """The rows go into the sink; what is recorded has only counts."""
    delivery, written = chosen(context, part())
    out = delivery.open(SPEC, BATCH, new_slot())
    assert out.recover(RefusedError("no")) is None
    out.hold(await out.complete(RESULT))
    await out.deliver()
    assert [(result.ok, result.values) for result in written] == [(2, ())]


async def test_a_write_without_rows_overtakes_the_order(context: RunContext) -> None:
    """Nothing of it is written, so it is recorded though an earlier batch is missing. A read without rows waits."""
    late = replace(BATCH, index=3)
    delivery, written = chosen(context, part())
    out = delivery.open(SPEC, late, new_slot())
    out.hold(await out.complete(replace(RESULT, batch=late, positions=(), values=[[]])))
    await out.deliver()
    assert written == []
    writing = part()
    writing.spec = replace(SPEC, limits=Limits(read_only=False))
    delivery, written = chosen(context, writing)
    out = delivery.open(writing.spec, late, new_slot())
    out.hold(await out.complete(replace(RESULT, batch=late, columns=(), positions=(), values=())))
    await out.deliver()
    assert [result.batch.index for result in written] == [3]


async def test_a_mapped_answer_gives_its_slot_back_and_names_the_sets_that_failed(context: RunContext) -> None:
    """The function runs beside the other lanes; a set that it fails for is a failure with its number."""
    delivery, _ = chosen(context, part(mapper=Doubled()))
    assert isinstance(delivery, MappedDelivery)
    slot = new_slot()
    async with slot:
        out = delivery.open(SPEC, BATCH, slot)
        assert out.copy_delimiter is None
        result = await out.complete(replace(RESULT, values=[[13, 4]]))
        assert not slot.held
    assert result.ok == 1
    assert [(one.n, one.message, one.outcome) for one in result.failures] == [(1, "unlucky", Outcome.ROLLED_BACK)]
    assert result.values == [[26, 8]]


async def test_a_function_that_fails_in_the_middle_of_an_answer(context: RunContext) -> None:
    """The error leaves the lane as it is and becomes the failure of the only set."""
    delivery, _ = chosen(context, part(mapper=Doubled()))
    batch = Batch(0, 7, [(1,)])
    out = delivery.open(SPEC, batch, new_slot())
    await out.begin()
    await out.write(replace(RESULT, batch=batch, values=[[1, 2]]))
    with pytest.raises(MapFailure, match="unlucky") as raised:
        await out.write(replace(RESULT, batch=batch, values=[[13, 1]]))
    result = out.recover(raised.value)
    assert result is not None
    assert [(one.n, one.sqlstate) for one in result.failures] == [(7, "MAP")]
    assert out.recover(ValueError()) is None
    out.give_up()


async def test_a_judged_answer_has_a_sink_of_its_own(context: RunContext) -> None:
    """The judge counts it; what the read-only guard refused is a result, any other error is the run's."""
    judge = Verdict()
    delivery, written = chosen(context, part(judge=judge))
    assert isinstance(delivery, EvaluatedDelivery)
    first, second = (delivery.open(SPEC, replace(BATCH, index=i), new_slot()) for i in (0, 1))
    assert len(judge.sinks) == 2
    second.hold(await second.complete(replace(RESULT, batch=replace(BATCH, index=1))))
    await second.deliver()
    assert [(result.batch.index, result.ok) for result in written] == [(1, 0)]
    assert first.recover(RefusedError("no")) is not None
    assert first.recover(ValueError()) is None
    first.give_up()
