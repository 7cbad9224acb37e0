"""The sink of the Python API: waiting, leaving, going back."""

from __future__ import annotations

import asyncio

import pytest

from bulkq.errors import OutputClosed, StoppedError
from bulkq.model import Batch, BatchResult, Column, Query
from bulkq.sinks import RowsSink, row_queue


def result(n: int) -> BatchResult:
    """A batch of one row."""
    return BatchResult(Batch(n, n, [()]), Query("q", "select"), "t", (Column("a"),), [[n]], [0], ok=1)


async def test_the_writer_waits_for_the_reader() -> None:
    """No more than `ahead` results wait."""
    sink = RowsSink(ahead=1)
    payload, weight = sink.encode(result(1))
    assert weight > 0
    await sink.write(payload)
    second = asyncio.create_task(sink.write(result(2)))
    await asyncio.sleep(0)
    assert not second.done()
    reader = aiter(sink)
    assert (await anext(reader)).values == [[1]]
    await second
    assert (await anext(reader)).values == [[2]]
    await sink.close(complete=True)
    await sink.close(complete=True)
    with pytest.raises(StopAsyncIteration):
        await anext(reader)


async def test_a_reader_that_leaves_frees_the_writer() -> None:
    """Whoever waits is told, and so is whoever comes later; closing is quiet."""
    sink = RowsSink(ahead=1)
    await sink.write(result(1))
    waiting = asyncio.create_task(sink.write(result(2)))
    await asyncio.sleep(0)
    sink.leave()
    with pytest.raises(OutputClosed):
        await waiting
    with pytest.raises(OutputClosed):
        await sink.write(result(3))
    await sink.close(complete=False)
    assert [r async for r in sink] == []


async def test_a_reader_that_leaves_while_closing() -> None:
    """The end is not delivered to nobody."""
    sink = RowsSink(ahead=1)
    await sink.write(result(1))
    sink.mark()
    sink._held = None
    sink._ready.append(result(2))
    closing = asyncio.create_task(sink.close(complete=True))
    await asyncio.sleep(0)
    sink.discard()
    await closing


async def test_what_was_read_cannot_be_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long answer goes to the reader before its end."""
    monkeypatch.setattr(row_queue, "HELD_ROWS", 1)
    sink = RowsSink(ahead=5)
    mark = sink.mark()
    await sink.write(result(1))
    await sink.write(result(2))
    with pytest.raises(StoppedError, match="cannot be taken back"):
        sink.back_to(mark)
