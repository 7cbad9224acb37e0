"""When a window holds the lanes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.delivery.base import AHEAD_ANSWERS
from bulkq.errors import StoppedError
from bulkq.sinks.row_queue import RowsSink
from tests.support.windows import Bench, to_file

if TYPE_CHECKING:
    from bulkq.engine.delivery.overflow import Overflow


async def test_answers_of_writes_are_bounded(tmp_path: Path, store: Overflow) -> None:
    """Answers that a kill would lose hold the lanes at a bound; those of reads do not."""
    reads, writes = (Bench(to_file(tmp_path / name), store) for name in ("reads.jsonl", "writes.jsonl"))
    for index in range(1, AHEAD_ANSWERS + 1):
        assert not writes.window.full
        await writes.deliver(index, answer=True)
        await reads.deliver(index)
    assert writes.window.full
    assert not reads.window.full
    await writes.deliver(0, answer=True)
    assert not writes.window.full


async def test_a_slow_reader_holds_the_lanes(store: Overflow) -> None:
    """While the reader of the output takes nothing, lanes go ahead by a few batches only."""
    sink = RowsSink(ahead=1)
    bench = Bench(sink, store, lanes=2)
    writing = asyncio.create_task(bench.deliver(0))
    behind = asyncio.create_task(bench.deliver(1))
    await asyncio.wait([writing])
    while not sink.full or not bench.window._taken:
        await asyncio.sleep(0)
    index = 2
    while not bench.window.full:
        await bench.deliver(index)
        index += 1
    assert index <= 2 + 4 * 2 + 1
    admitted = asyncio.create_task(bench.window.admit())
    got = sink.__aiter__()
    for n in range(index):
        assert (await anext(got)).batch.first == n + 1
    await asyncio.wait([admitted, behind])


async def test_a_batch_that_never_comes_ends_the_waiting(store: Overflow) -> None:
    """Lanes that wait for their turn are stopped; what waited behind the batch is given back in order."""
    bench = Bench(RowsSink(), store)
    assert bench.window.take(0)
    for index in (2, 1):
        await bench.deliver(index)
    waiting = asyncio.create_task(bench.window.turn(3))
    await asyncio.sleep(0)
    bench.window.give_up(has_turn=True)
    with pytest.raises(StoppedError, match="given up"):
        await waiting
    assert bench.recorded == []
    assert [result.batch.index for result in bench.window.unwritten()] == [1, 2]
    assert list(bench.window.unwritten()) == []


async def test_what_is_complete_is_written_at_the_end(store: Overflow) -> None:
    """`flush` writes also what waited behind a batch that never came."""
    bench = Bench(RowsSink(ahead=10), store)
    for index in (4, 2):
        await bench.deliver(index)
    await bench.window.flush()
    assert bench.recorded == [2, 4]


async def test_a_result_that_cannot_be_written_waits_on(tmp_path: Path, store: Overflow) -> None:
    """The lane gets the error; the result is not recorded, and it is given back at the end."""
    bench = Bench(to_file(Path("/dev/full")), store)
    with pytest.raises(StoppedError, match="no space left"):
        await bench.deliver(0)
    assert bench.recorded == []
    assert [result.batch.index for result in bench.window.unwritten()] == [0]
    assert bench.window.take(0)  # the sink was let go
    bench.sink.discard()


async def test_targets_with_one_sink_write_in_turns(store: Overflow) -> None:
    """Two windows share a sink and its lock: a result waits until the other one has written its own."""
    sink = RowsSink(ahead=10)
    one, two = (Bench(sink, store) for _ in range(2))
    lock = one.outlet.door = two.outlet.door = asyncio.Lock()
    async with lock:
        writing = [asyncio.create_task(bench.deliver(0)) for bench in (one, two)]
        await asyncio.sleep(0)
        assert one.recorded == two.recorded == []
    await asyncio.gather(*writing)
    assert one.recorded == two.recorded == [0]
    assert not lock.locked()


async def test_with_more_lanes_more_batches_may_wait(tmp_path: Path, store: Overflow) -> None:
    """The bound of answers follows the number of lanes."""
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    for index in range(1, AHEAD_ANSWERS + 1):
        await bench.deliver(index, answer=True)
    assert bench.window.full
    bench.window.resize(AHEAD_ANSWERS)
    assert not bench.window.full
