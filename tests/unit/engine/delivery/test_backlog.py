"""Results that wait: in memory, and beyond a bound in the overflow."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.delivery import backlog, overflow
from bulkq.sinks.row_queue import RowsSink
from tests.support.windows import Bench, lines, to_file

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.delivery.overflow import Overflow


async def test_memory_does_not_grow_with_what_waits(
    tmp_path: Path, store: Overflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind one slow query, 20,000 batches of one leave a bounded number of objects in memory, and all come out."""
    monkeypatch.setattr(overflow, "MEMORY_BYTES", 1_000_000)
    monkeypatch.setattr(backlog, "RUN_BYTES", 100_000)
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    count = 20_000
    for index in range(1, count):
        await bench.deliver(index)
    waiting = bench.window.backlog
    assert waiting.all.batches == count - 1
    assert waiting.weight <= overflow.MEMORY_BYTES
    assert len(waiting._held) <= overflow.MEMORY_BYTES / backlog.RECORD_BYTES
    assert len(waiting._runs) <= count * 2 * backlog.RECORD_BYTES / backlog.RUN_BYTES
    assert not bench.window.full  # no lane is held
    await bench.deliver(0)
    await bench.sink.close(complete=True)
    assert (tmp_path / "out.jsonl").read_bytes() == lines(count)
    assert store._segments[store._last].size == 0  # the disk is given back


@pytest.mark.usefixtures("tight")
async def test_values_that_cannot_be_pickled_hold_the_lanes(store: Overflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python values that cannot leave memory are kept there, in order, and bound how far the lanes go ahead."""
    monkeypatch.setattr("bulkq.engine.delivery.base.MEMORY_BYTES", 20_000)
    sink = RowsSink(ahead=100)
    bench = Bench(sink, store)
    for index in range(1, 40):
        await bench.deliver(index, threading.Lock())
    assert bench.window.full
    await bench.deliver(0)
    assert not bench.window.full
    assert bench.recorded == list(range(40))


async def test_long_values_of_the_python_api_count(store: Overflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results for a reader in Python weigh what their values weigh, so long texts leave memory as well, and come back."""
    monkeypatch.setattr(overflow, "MEMORY_BYTES", 1_000_000)
    monkeypatch.setattr(backlog, "RUN_BYTES", 100_000)
    sink = RowsSink(ahead=100)
    bench = Bench(sink, store)
    for index in range(1, 50):
        await bench.deliver(index, str(index) * 50_000)
    assert bench.window.backlog.weight <= 1_000_000
    await bench.deliver(0, "0" * 50_000)
    results = [sink._queue.get_nowait() for _ in range(50)]
    assert [result.values[0][0] for result in results if result] == [str(n) * 50_000 for n in range(50)]
