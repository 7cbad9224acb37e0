"""Streamed answers: into the sink, or aside until it is their turn."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.delivery.backlog import WaitingResult
from bulkq.engine.delivery.streaming import Turn
from bulkq.engine.slots import LimiterSlot
from bulkq.errors import RefusedError
from bulkq.model import Batch, Limits
from bulkq.policy.progress import Progress
from tests.support.deliveries import BATCH, RESULT, SPEC, chosen, new_slot, part
from tests.support.windows import QUERY, Bench, lines, to_file

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.delivery.overflow import Overflow
    from bulkq.engine.run_context import RunContext


@pytest.mark.parametrize("most", [1 << 30, 1])
async def test_a_large_answer_goes_aside(
    tmp_path: Path, store: Overflow, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """A streamed answer whose turn has not come is kept aside, or waits without its slot where it is too large for that."""
    monkeypatch.setattr("bulkq.engine.delivery.streaming.MOST_ASIDE", most)
    monkeypatch.setattr("bulkq.engine.delivery.stream_backlog.CHUNK_BYTES", 10)
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    slots = asyncio.Semaphore(1)
    slot = LimiterSlot(slots)
    turn = Turn(bench.window, Progress(), bench.outlet, QUERY, Batch(1, 2, [()]), slot)
    free = asyncio.Event()

    async def stream() -> None:
        async with slot:
            await turn.begin()
            for value in range(1, 50):
                await turn.write(bench.result(1, value))
        free.set()
        held = WaitingResult(bench.result(1), bench.outlet, turn.aside(), 0)
        await bench.window.deliver(held, has_turn=turn.has)

    streaming = asyncio.create_task(stream())
    async with slots if most == 1 else asyncio.timeout(None):  # type: ignore[attr-defined]
        if most > 1:
            await free.wait()
        assert not turn.has
    await bench.deliver(0)
    await streaming
    await bench.sink.close(complete=True)
    assert (tmp_path / "out.jsonl").read_bytes() == lines(50)
    assert bench.recorded == [0, 1]


async def test_a_turn_that_comes_ends_the_keeping(tmp_path: Path, store: Overflow) -> None:
    """An answer that was begun aside goes on in the output itself when its turn comes, and a failed attempt is taken back."""
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    turn = Turn(bench.window, Progress(), bench.outlet, QUERY, Batch(1, 2, [()]), LimiterSlot(asyncio.Semaphore(1)))
    await turn.begin()
    await turn.write(bench.result(1, 1))
    await bench.deliver(0)
    await turn.write(bench.result(1, 2))
    assert turn.has
    assert turn.aside() is None
    assert bench.window.streaming is not None
    assert bench.window.streaming.begins_at(bench.sink) == len(lines(1))
    await turn.begin()
    await turn.write(bench.result(1, 1))
    await bench.window.deliver(WaitingResult(bench.result(1), bench.outlet, None, 0), has_turn=True)
    await bench.sink.close(complete=True)
    assert (tmp_path / "out.jsonl").read_bytes() == lines(2)


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
