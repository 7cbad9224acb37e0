"""When a window holds the lanes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.engine.delivery.base import AHEAD_ANSWERS
from bulkq.sinks.row_queue import RowsSink
from tests.support.windows import Bench, to_file

if TYPE_CHECKING:
    from pathlib import Path

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
    while not sink._queue.full() or not bench.window._taken:
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
