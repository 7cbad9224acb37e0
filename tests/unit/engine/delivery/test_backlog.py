"""Results that wait: in memory, and beyond a bound in the overflow."""

from __future__ import annotations

import random
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
    """Behind one slow query, 3,000 batches of one leave a bounded number of objects in memory, and all come out."""
    monkeypatch.setattr(overflow, "MEMORY_BYTES", 300_000)
    monkeypatch.setattr(backlog, "RUN_BYTES", 30_000)
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    count = 3_000
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
    results = [sink._queue.popleft() for _ in range(50)]
    assert [result.values[0][0] for result in results if result] == [str(n) * 50_000 for n in range(50)]


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("take", ["ascending", "pop_any"])
def test_what_waits_comes_back_once(store: Overflow, take: str) -> None:
    """From memory and from the overflow, in the order of the batches where it is asked for; nothing is left."""
    bench = Bench(RowsSink(), store)
    waiting = bench.window.backlog
    for index in random.Random(7).sample(range(200), 200):
        waiting.put(bench.held(index, f"value {index}"))
        store.relieve()
    assert waiting.all.batches == waiting.all.sets == 200
    found = list(waiting.ascending() if take == "ascending" else iter(waiting.pop_any, None))
    assert sorted(held.index for held in found) == list(range(200))
    assert take == "pop_any" or [held.index for held in found] == list(range(200))
    assert (waiting.weight, waiting.all) == (0, backlog.Amount())


def test_a_result_that_waits_has_no_parameter_sets(store: Overflow) -> None:
    """Their number stays, and so does the number of each set; a second call changes nothing."""
    held = Bench(RowsSink(), store).held(4)
    before = held.weight
    held.slim()
    held.slim()
    batch = held.result.batch
    assert (held.index, len(batch.sets), batch.first, batch.sets) == (4, 1, 5, range(1))
    assert held.weight == before + backlog.RECORD_BYTES


def test_a_result_that_is_not_here_is_none(store: Overflow) -> None:
    """Neither in memory nor in the overflow."""
    waiting = Bench(RowsSink(), store).window.backlog
    assert waiting.pop(3) is None
    assert waiting.pop_any() is None
