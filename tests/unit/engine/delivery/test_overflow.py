"""The private files of results that wait."""

from __future__ import annotations

import io
import os
import tempfile
import threading
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.delivery import overflow
from bulkq.engine.delivery.backlog import Outlet
from bulkq.errors import StoppedError
from bulkq.sinks.row_queue import RowsSink
from tests.support.windows import COLUMNS, QUERY, Bench, to_file

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.delivery.overflow import Overflow


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


def test_bytes_come_back_from_several_files(store: Overflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is closed when all of it was freed and another one is in use; the last is emptied."""
    monkeypatch.setattr(overflow, "SEGMENT_BYTES", 8)
    places = [store.append(data) for data in (b"first", b"second", b"third")]
    assert [(place.segment, place.offset, place.size) for place in places] == [(1, 0, 5), (1, 5, 6), (2, 0, 5)]
    assert [store.read(place) for place in places] == [b"first", b"second", b"third"]
    store.free(places[0])
    assert store.read(places[1]) == b"second"
    store.free(places[1])
    store.free(places[2])
    assert store.append(b"fourth") == (2, 0, 6)


def test_a_file_that_became_shorter_stops_the_run(store: Overflow) -> None:
    """Missing bytes are never taken for a result."""
    place = store.append(b"result")
    with pytest.raises(StoppedError, match="shorter than what was written"):
        store.read(place._replace(size=7))


def test_queries_columns_and_outlets_are_not_copied(store: Overflow) -> None:
    """A record refers to them by number, so a loaded value has the same objects; all else is a copy."""
    sink = RowsSink()
    outlet = Outlet(sink, print)
    value = (QUERY, COLUMNS, outlet, ["text"])
    file = io.BytesIO(b"before")
    file.seek(6)
    store.dump(value, file)
    loaded = store.load(file.getvalue()[6:])
    assert isinstance(loaded, tuple)
    assert all(one is other for one, other in zip(loaded[:3], value[:3], strict=True))
    assert loaded[3] == ["text"]
    assert loaded[3] is not value[3]


def test_a_dump_that_fails_leaves_the_file_as_it_was(store: Overflow) -> None:
    """Half a record is never in it."""
    file = io.BytesIO()
    store.dump("whole", file)
    whole = file.getvalue()
    with pytest.raises(TypeError):
        store.dump(["x" * 100_000, threading.Lock()], file)
    assert file.getvalue() == whole


def test_the_fullest_window_gives_way(store: Overflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound, results leave the memory of the window that has most of it."""
    monkeypatch.setattr(overflow, "MEMORY_BYTES", 100)
    spilled: list[int] = []

    class Heap:
        def __init__(self, weight: int) -> None:
            self.weight = weight

        def spill(self) -> None:
            spilled.append(self.weight)

    store.heaps += [Heap(40), Heap(60)]
    store.grow(100)
    store.relieve()
    assert spilled == []
    store.grow(1)
    store.relieve()
    assert spilled == [60]
