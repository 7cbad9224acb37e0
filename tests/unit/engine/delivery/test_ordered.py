"""The window by itself: order, memory, the private file, slow readers. Sinks are real, databases are not needed."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import threading
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.delivery import backlog, overflow
from bulkq.engine.delivery.backlog import Held, Outlet
from bulkq.engine.delivery.base import AHEAD_ANSWERS
from bulkq.engine.delivery.ordered import OrderedWindow
from bulkq.engine.delivery.overflow import Overflow
from bulkq.engine.delivery.streaming import Turn
from bulkq.engine.delivery.unordered import UnorderedWindow
from bulkq.engine.limiter import LimiterSlot
from bulkq.errors import StoppedError
from bulkq.model import Batch, BatchResult, Column, Failure, Outcome, Query
from bulkq.policy.progress import Progress
from bulkq.sinks import open_sink
from bulkq.sinks.row_queue import RowsSink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bulkq.protocols import Sink

QUERY = Query("q", "select 1 as a")
COLUMNS = (Column("a"),)


@pytest.fixture
def store() -> Iterator[Overflow]:
    """The overflow of a run."""
    made = Overflow()
    yield made
    made.close()


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds so small that most results go into the overflow."""
    monkeypatch.setattr(overflow, "MEMORY_BYTES", 20_000)
    monkeypatch.setattr(overflow, "SEGMENT_BYTES", 30_000)
    monkeypatch.setattr(backlog, "RUN_BYTES", 5_000)


class Bench:
    """A window over a sink, and what was recorded."""

    def __init__(self, sink: Sink, store: Overflow, *, lanes: int = 2, ordered: bool = True) -> None:
        self.sink = sink
        self.window = OrderedWindow(lanes, store) if ordered else UnorderedWindow(lanes, store)
        self.recorded: list[int] = []
        self.outlet = Outlet(sink, lambda result: self.recorded.append(result.batch.index))

    def held(self, index: int, value: object = None, **more: bool) -> Held:
        """What came of batch `index`, one row."""
        result = self.result(index, value)
        payload, weight = self.sink.encode(result)
        return Held(result, self.outlet, None if more.get("orderless") else payload, weight, **more)

    def result(self, index: int, value: object = None) -> BatchResult:
        """Of one set with one row."""
        value = index if value is None else value
        return BatchResult(Batch(index, index + 1, [()]), QUERY, "t", COLUMNS, [[value]], [0], ok=1)

    async def deliver(self, index: int, value: object = None, **more: bool) -> None:
        """As a lane does it."""
        await self.window.deliver(self.held(index, value, **more), has_turn=False)


def to_file(path: Path) -> Sink:
    """JSON Lines."""
    return open_sink(
        path=str(path), format="jsonl", include=(), run="r", queries=[QUERY], target="t", stdout=None, terminal=False
    )


def lines(count: int) -> bytes:
    """The rows of `count` batches in order."""
    return b"".join(b'{"a":%d}\n' % n for n in range(count))


@pytest.mark.usefixtures("tight")
@pytest.mark.parametrize("seed", range(5))
async def test_any_order_comes_out_in_order(tmp_path: Path, store: Overflow, seed: int) -> None:
    """Results that end in any order, through memory and files, are written and recorded in the order of the input."""
    chance = random.Random(seed)
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    order = sorted(range(600), key=lambda n: n + chance.choice([0, 3, 40, 400]))
    for index in order:
        await bench.deliver(index)
    await bench.sink.close(complete=True)
    assert (tmp_path / "out.jsonl").read_bytes() == lines(600)
    assert bench.recorded == list(range(600))
    assert bench.window.backlog.all == backlog.Amount()
    assert bench.window.backlog.weight == 0


@pytest.mark.usefixtures("tight")
async def test_without_order_nothing_is_lost(tmp_path: Path, store: Overflow) -> None:
    """Unordered, what waits while a lane has the sink is written when it lets go, each result once."""
    bench = Bench(to_file(tmp_path / "out.jsonl"), store, ordered=False)
    assert bench.window.take(0)
    for index in range(1, 300):
        await bench.deliver(index)
    assert bench.recorded == []
    await bench.window.deliver(bench.held(0), has_turn=True)
    assert sorted(bench.recorded) == list(range(300))


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
async def test_the_file_is_private_and_has_no_name(
    tmp_path: Path, store: Overflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other users cannot open the overflow, and it is gone with the process."""
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    for index in range(1, 100):
        await bench.deliver(index)
    files = [segment._file.fileno() for segment in store._segments.values()]
    assert files
    assert all(os.fstat(file).st_nlink == 0 and os.fstat(file).st_mode & 0o777 == 0o600 for file in files)
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.usefixtures("tight")
async def test_no_room_for_what_waits(tmp_path: Path, store: Overflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the overflow cannot be written, the lane hears one line, and everything that waits is still there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    with pytest.raises(StoppedError, match=r"^cannot keep results that wait for an earlier one in .*gone: .*TMPDIR"):
        for index in range(1, 100):
            await bench.deliver(index)
    waiting = bench.window.backlog.all.batches
    assert [result.batch.index for result in bench.window.unwritten()] == list(range(1, waiting + 1))


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


async def test_what_needs_no_place_is_recorded_at_once(tmp_path: Path, store: Overflow) -> None:
    """A write without rows is recorded out of order; its failures are told in order, as soon as all before them is done."""
    bench = Bench(to_file(tmp_path / "out.jsonl"), store)
    failed = bench.held(2)
    failed.payload = None
    failed.result = BatchResult(failed.result.batch, QUERY, "t", (), (), (), 0, (_failure(3),))
    for index in (5, 1, 4):
        await bench.deliver(index, orderless=True)
    await bench.window.deliver(failed, has_turn=False)
    assert bench.recorded == [5, 1, 4]
    await bench.deliver(0, orderless=True)
    assert bench.recorded == [5, 1, 4, 0, 2]
    assert bench.window.next == 3
    await bench.deliver(3, orderless=True)
    assert bench.window.next == 6


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


@pytest.mark.parametrize("most", [1 << 30, 1])
async def test_a_large_answer_goes_aside(
    tmp_path: Path, store: Overflow, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """A streamed answer whose turn has not come is kept aside, or waits without its slot where it is too large for that."""
    monkeypatch.setattr("bulkq.engine.delivery.streaming.MOST_ASIDE", most)
    monkeypatch.setattr("bulkq.engine.delivery.aside.CHUNK_BYTES", 10)
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
        held = Held(bench.result(1), bench.outlet, turn.aside(), 0)
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
    await bench.window.deliver(Held(bench.result(1), bench.outlet, None, 0), has_turn=True)
    await bench.sink.close(complete=True)
    assert (tmp_path / "out.jsonl").read_bytes() == lines(2)


def _failure(n: int) -> Failure:
    return Failure(
        n=n,
        source="",
        target="t",
        query="q",
        params={},
        outcome=Outcome.ROLLED_BACK,
        sqlstate=None,
        message="no",
        attempts=1,
    )
