"""Outputs of an earlier process: what is gone on with, what is refused, what reaches the disk."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import threading
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import RefusedError, StoppedError, UsageError
from bulkq.model import Batch, BatchResult, Column, Failure, Outcome, Query, SinkPosition
from bulkq.sinks import FailureFile, RowsSink, file_output, open_partial, open_sink, open_sinks
from bulkq.sinks.file_output import FileOutput
from bulkq.sinks.open_partial import EarlierOutput
from bulkq.sinks.text_sink import EncodedSink

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bulkq.sinks.open import OpenedSink

ONE = Query("one", "select 1 as a")
TWO = Query("two", "select 1 as a")
A = (Column("a"),)


def opened(path: object, continue_at: Mapping[str, int] | None = None, **more: object) -> OpenedSink:
    """One sink at `path`."""
    arguments: dict[str, object] = {
        "path": str(path),
        "format": None,
        "include": (),
        "run": "r",
        "queries": [ONE],
        "target": "t",
        "stdout": io.BytesIO(),
        "terminal": False,
        "continue_at": continue_at,
    }
    several = "queries" in more
    every = {**arguments, **more}
    if not several:
        return open_sink(**every)
    every["targets"] = [every.pop("target")]
    return open_sinks(**every)["t", "one"]


async def put(sink: OpenedSink, value: object, query: Query = ONE) -> None:
    """One row with one value."""
    payload, _ = sink.encode(BatchResult(Batch(0, 1, [()]), query, "t", A, [[value]], [0], ok=1))
    await sink.write(payload)


class Syncs:
    """Stands before `os.fsync`: counts, fails, waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take its place."""
        self.count = 0
        self.error: OSError | None = None
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()
        self._real: Callable[[int], None] = os.fsync
        monkeypatch.setattr(file_output.os, "fsync", self)

    def __call__(self, fd: int) -> None:
        """Called in place of `os.fsync`."""
        self.count += 1
        self.begun.set()
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        self._real(fd)


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Syncs:
    """What is done to `os.fsync`."""
    return Syncs(monkeypatch)


# --- fsync ---------------------------------------------------------------------------------------------------------


async def test_fsync_is_free_when_nothing_came(tmp_path: Path, syncs: Syncs) -> None:
    """Nothing new, nothing to do; the first time the folder is made durable too."""
    output = FileOutput(str(tmp_path / "x"))
    await output.fsync()
    assert syncs.count == 0
    output.append(b"1\n")
    for _ in range(3):
        await output.fsync()
    assert syncs.count == 2
    output.append(b"2\n")
    await output.fsync()
    assert syncs.count == 3
    output.discard()
    await output.fsync()
    assert syncs.count == 3


async def test_appends_go_on_during_fsync(tmp_path: Path, syncs: Syncs) -> None:
    """The loop does not wait for the disk; what came meanwhile is for the next time."""
    output = FileOutput(str(tmp_path / "x"))
    output.append(b"1\n")
    await output.fsync()
    syncs.begun.clear()
    syncs.go_on.clear()
    output.append(b"2\n")
    task = asyncio.create_task(output.fsync())
    await asyncio.to_thread(syncs.begun.wait)
    output.append(b"3\n")
    output.flush()
    assert not task.done()
    syncs.go_on.set()
    await task
    before = syncs.count
    await output.fsync()
    assert syncs.count == before + 1
    output.close(complete=True)
    assert (tmp_path / "x").read_bytes() == b"1\n2\n3\n"


async def test_a_cut_during_fsync_is_not_taken_for_durable(tmp_path: Path, syncs: Syncs) -> None:
    """Other bytes of the same length are synced again."""
    output = FileOutput(str(tmp_path / "x"))
    output.append(b"half\n")
    syncs.go_on.clear()
    task = asyncio.create_task(output.fsync())
    await asyncio.to_thread(syncs.begun.wait)
    output.back_to(0)
    output.append(b"good\n")
    syncs.go_on.set()
    await task
    before = syncs.count
    await output.fsync()
    assert syncs.count > before
    output.discard()


async def test_closed_during_fsync(tmp_path: Path, syncs: Syncs) -> None:
    """The descriptor is not closed under the thread that syncs it."""
    output = FileOutput(str(tmp_path / "x"))
    output.append(b"1\n")
    syncs.go_on.clear()
    task = asyncio.create_task(output.fsync())
    await asyncio.to_thread(syncs.begun.wait)
    closing = asyncio.create_task(asyncio.to_thread(output.close, complete=False))
    await asyncio.sleep(0)
    assert not closing.done()
    syncs.go_on.set()
    await asyncio.gather(task, closing)
    assert (tmp_path / "x.partial").read_bytes() == b"1\n"


@pytest.mark.parametrize("complete", [True, False])
async def test_fsync_after_the_end(tmp_path: Path, syncs: Syncs, complete: bool) -> None:
    """A complete file is durable already; a partial that was closed is synced by its name."""
    output = FileOutput(str(tmp_path / "x"))
    output.append(b"1\n")
    output.close(complete=complete)
    before = syncs.count
    await output.fsync()
    assert (syncs.count == before) == complete


async def test_closed_before_the_thread_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that got its name meanwhile is durable: the thread finds nothing to do."""
    output = FileOutput(str(tmp_path / "x"))
    output.append(b"1\n")

    async def late(call: Callable[[], None]) -> None:
        output.close(complete=True)
        call()

    monkeypatch.setattr(file_output.asyncio, "to_thread", late)
    await output.fsync()
    assert (tmp_path / "x").read_bytes() == b"1\n"


async def test_a_disk_that_fails_at_fsync(tmp_path: Path, syncs: Syncs) -> None:
    """One error, and nothing is believed after it: the kernel tells of a lost page only once."""
    output = FileOutput(str(tmp_path / "x"))
    output.append(b"1\n")
    syncs.error = OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(StoppedError, match='cannot write ".*x": input/output error'):
        await output.fsync()
    syncs.error = None
    with pytest.raises(StoppedError, match="earlier write failed"):
        await output.fsync()
    with pytest.raises(StoppedError, match="earlier write failed"):
        output.append(b"2\n")
    output.close(complete=True)
    assert [p.name for p in tmp_path.iterdir()] == ["x.partial"]


async def test_a_disk_that_fails_at_the_end(tmp_path: Path, syncs: Syncs) -> None:
    """A file that could not be made durable gets no name and no position."""
    output = FileOutput(str(tmp_path / "x"))
    output.append(b"1\n")
    syncs.error = OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(StoppedError, match="input/output error"):
        output.close(complete=True)
    syncs.error = None
    with pytest.raises(StoppedError, match="earlier write failed"):
        await output.fsync()


async def test_what_has_no_position(tmp_path: Path) -> None:
    """Streams, tables, nothing and rows: nothing to continue, nothing to sync."""
    sinks = [
        opened("-", format="jsonl"),
        opened("-", format="table"),
        opened("/dev/null"),
        opened("-", format="none"),
        opened(tmp_path / "x", format="table"),
        RowsSink(),
    ]
    for sink in sinks:
        assert sink.positions() == ()
        await sink.fsync()
        sink.discard()
    assert not any(sink.finished for sink in sinks[:-1])
    assert list(tmp_path.iterdir()) == []


# --- going on ------------------------------------------------------------------------------------------------------


def test_a_partial_shorter_than_known(tmp_path: Path) -> None:
    """Somebody changed it: refused, and left as it is."""
    (tmp_path / "x.jsonl.partial").write_bytes(b"{}\n")
    with pytest.raises(
        RefusedError, match=r'"x.jsonl.partial" is shorter than the ledger has recorded \(3 of 1,000 by'
    ):
        opened(tmp_path / "x.jsonl", {str(tmp_path / "x.jsonl"): 1000})
    assert (tmp_path / "x.jsonl.partial").read_bytes() == b"{}\n"


@pytest.mark.parametrize(("suffix", "text"), [("jsonl", b'{"a":1}'), ("json", b'[\n{"a":1},\n{"a"')])
def test_a_partial_that_does_not_end_with_a_row(tmp_path: Path, suffix: str, text: bytes) -> None:
    """An offset in the middle of a row cannot be ours: refused, and not cut."""
    partial = tmp_path / f"x.{suffix}.partial"
    partial.write_bytes(text + b" and more")
    with pytest.raises(RefusedError, match="no row end"):
        opened(tmp_path / f"x.{suffix}", {str(tmp_path / f"x.{suffix}"): len(text)})
    assert partial.read_bytes() == text + b" and more"


@pytest.mark.parametrize("there", [None, b"yesterday's", b"[\n"])
def test_a_partial_that_is_missing(tmp_path: Path, there: bytes | None) -> None:
    """Without the partial only a file that is what it would have become will do."""
    if there is not None:
        (tmp_path / "x.json").write_bytes(there)
    with pytest.raises(
        RefusedError, match=r'"x.json.partial" is missing, though the ledger has recorded 8 bytes of it, and "x.j'
    ):
        opened(tmp_path / "x.json", {str(tmp_path / "x.json"): 8})


async def test_a_finished_file_goes_on(tmp_path: Path) -> None:
    """It was complete without a target that was away: its rows come behind the others, before the end; nobody sees half of it."""
    path = tmp_path / "x.json"
    path.write_bytes(b'[\n{"a":1}\n]\n')
    sink = opened(path, {str(path): 9})
    assert sink.finished
    sink.describe(ONE, A)
    await put(sink, 2)
    await sink.fsync()
    assert not path.exists()
    await sink.close(complete=True)
    assert path.read_bytes() == b'[\n{"a":1},\n{"a":2}\n]\n'
    again = opened(path, {str(path): 18})
    (tmp_path / "x.json.partial").touch()
    again.describe(ONE, A)
    with pytest.raises(RefusedError, match="is being written by another run"):
        await put(again, 3)


async def test_a_finished_file_stays_where_its_rows_end(tmp_path: Path) -> None:
    """A process that found it finished may be killed as well: what it records of the file is found again by the next."""
    path = tmp_path / "x.json"
    path.write_bytes(b'[\n{"a":1}\n]\n')
    for _ in range(2):
        sink = opened(path, {str(path): 9})
        assert sink.finished
        assert sink.positions() == (SinkPosition(str(path), 9),)
        await sink.close(complete=True)


def test_a_partial_of_a_live_run(tmp_path: Path) -> None:
    """Two processes never go on with one file."""
    sink = opened(tmp_path / "x")
    with pytest.raises(RefusedError, match="another run"):
        opened(tmp_path / "x", {str(tmp_path / "x"): 5})
    sink.discard()


def test_a_run_that_finishes_under_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between open and lock the other process gives the file its name: then it is finished."""
    partial = tmp_path / "x.partial"
    partial.write_bytes(b"{}\n")
    real = open_partial.fcntl.flock

    def finish_first(fd: int, how: int) -> None:
        partial.replace(tmp_path / "x")
        real(fd, how)

    monkeypatch.setattr(open_partial.fcntl, "flock", finish_first)
    sink = opened(tmp_path / "x", {str(tmp_path / "x"): 3})
    assert sink.finished
    sink.discard()
    assert (tmp_path / "x").read_bytes() == b"{}\n"


def test_a_partial_that_cannot_be_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the operating system is one line, and the file is free again."""
    (tmp_path / "x.partial").write_bytes(b"{}\n")

    def broken(fd: int, size: int) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    with monkeypatch.context() as patch:
        patch.setattr(open_partial.os, "ftruncate", broken)
        with pytest.raises(UsageError, match="operation not permitted"):
            opened(tmp_path / "x", {str(tmp_path / "x"): 3})
    opened(tmp_path / "x", {str(tmp_path / "x"): 3}).discard()


async def test_a_refused_resume_can_be_tried_again(tmp_path: Path) -> None:
    """`discard` leaves what an earlier process wrote; what begins anew has no word about a dead run."""
    (tmp_path / "x.partial").write_bytes(b"{}\nlost")
    (tmp_path / "new.partial").write_bytes(b"lost")
    opened(tmp_path / "x", {str(tmp_path / "x"): 3}).discard()
    new = opened(tmp_path / "new", {})
    assert new.notices == []
    new.discard()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"x.partial": b"{}\n", "new.partial": b"lost"}


async def test_links_and_relative_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A position names the file itself, from wherever the run is resumed and however it is called."""
    (tmp_path / "real.jsonl").touch()
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")
    monkeypatch.chdir(tmp_path)
    sink = opened("link.jsonl")
    await put(sink, 1)
    assert sink.positions() == (SinkPosition(str(tmp_path / "real.jsonl"), 8),)
    await sink.close(complete=False)
    again = opened("link.jsonl", {"./link.jsonl": 8})
    await put(again, 2)
    await again.close(complete=True)
    assert (tmp_path / "real.jsonl").read_bytes() == b'{"a":1}\n{"a":2}\n'


@pytest.mark.parametrize("late", [False, True])
async def test_another_header_is_refused(tmp_path: Path, late: bool) -> None:
    """Rows below a header that is not theirs would be read wrongly; known before the run, or with the first rows."""
    path = tmp_path / "x.csv"
    (tmp_path / "x.csv.partial").write_bytes(b"a,b\n1,2\n")
    sink = opened(path, {str(path): 8})
    with pytest.raises(
        RefusedError, match=r'x.csv" starts with "a,b", but this process would write "a": the query or its'
    ):
        if late:
            await put(sink, 1)
        else:
            sink.describe(ONE, A)
    await sink.close(complete=False)
    assert (tmp_path / "x.csv.partial").read_bytes() == b"a,b\n1,2\n"


async def test_copy_sends_no_second_header(tmp_path: Path) -> None:
    """COPY writes its header itself, so it does not go on where one stands."""
    path = tmp_path / "x.csv"
    sink = opened(path, {})
    assert isinstance(sink, EncodedSink)
    assert sink.copy_delimiter() == ","
    sink.write_bytes(b"a\n1\n")
    await sink.close(complete=False)
    again = opened(path, {str(path): 4})
    assert isinstance(again, EncodedSink)
    assert again.copy_delimiter() is None
    await put(again, 2)
    await again.close(complete=True)
    assert path.read_bytes() == b"a\n1\n2\n"


def test_a_table_in_a_file_is_not_continued(tmp_path: Path) -> None:
    """Its rows were in the memory of the process that died."""
    with pytest.raises(RefusedError, match="because a table is written at the end of the run"):
        opened(tmp_path / "x.txt", {}, format="table")
    opened("-", {}, format="table").discard()
    assert list(tmp_path.iterdir()) == []


async def test_a_file_per_query_goes_on(tmp_path: Path) -> None:
    """Each from its own place: one finished, one in the middle."""
    path = f"{tmp_path}/{{query}}.json"
    (tmp_path / "one.json").write_bytes(b'[\n{"a":1}\n]\n')
    (tmp_path / "two.json.partial").write_bytes(b'[\n{"a":1},\n{"a":')
    at = {str(tmp_path / "one.json"): 9, str(tmp_path / "two.json"): 9}
    sinks = open_sinks(
        path=path,
        format=None,
        include=(),
        run="r",
        queries=[ONE, TWO],
        targets=["t"],
        stdout=io.BytesIO(),
        terminal=False,
        continue_at=at,
    )
    assert [sink.finished for sink in sinks.values()] == [True, False]
    assert {p.path: p.offset for sink in sinks.values() for p in sink.positions()} == at
    await put(sinks["t", "two"], 2, TWO)
    for sink in sinks.values():
        await sink.close(complete=True)
    assert (tmp_path / "one.json").read_bytes() == b'[\n{"a":1}\n]\n'
    assert (tmp_path / "two.json").read_bytes() == b'[\n{"a":1},\n{"a":2}\n]\n'


def test_rows_elsewhere_are_not_forgotten(tmp_path: Path) -> None:
    """An output that the ledger knows and no sink would write is refused; what was opened is given back."""
    (tmp_path / "x.jsonl.partial").write_bytes(b"{}\n")
    at = {str(tmp_path / "x.jsonl"): 3, str(tmp_path / "old.jsonl"): 7}
    with pytest.raises(
        RefusedError, match=r'7 bytes of this run are in ".*old.jsonl", but its output now leads elsewhere'
    ):
        opened(tmp_path / "x.jsonl", at, queries=[ONE, TWO])
    at[str(tmp_path / "old.jsonl")] = 0
    opened(tmp_path / "x.jsonl", at, queries=[ONE, TWO]).discard()
    assert (tmp_path / "x.jsonl.partial").read_bytes() == b"{}\n"


# --- --failures ----------------------------------------------------------------------------------------------------


def failed(n: int) -> BatchResult:
    """A batch in which set `n` failed."""
    failure = Failure(n, "", "t", "one", {"id": n}, Outcome.ROLLED_BACK, "22P02", "no", 1)
    return BatchResult(Batch(0, n, [()]), ONE, "t", (), [], [], ok=0, failures=(failure,))


async def test_failures_go_on(tmp_path: Path) -> None:
    """Lines behind the durable position are cut and come again with their sets."""
    path = tmp_path / "f.jsonl"
    first = FailureFile(str(path))
    first.batch_done(failed(1))
    await first.fsync()
    (position,) = first.positions()
    first.batch_done(failed(2))
    first.close(complete=False)
    again = FailureFile(str(path), position.offset)
    assert again.notices == []
    again.batch_done(failed(2))
    again.batch_done(failed(3))
    again.close(complete=True)
    whole = FailureFile(str(tmp_path / "whole"))
    for n in (1, 2, 3):
        whole.batch_done(failed(n))
    whole.close(complete=True)
    assert path.read_bytes() == (tmp_path / "whole").read_bytes()


async def test_failures_that_are_missing_finished_or_special(tmp_path: Path) -> None:
    """As for rows: refused, gone on with, begun anew, or without a position."""
    path = str(tmp_path / "f")
    with pytest.raises(RefusedError, match="is missing"):
        FailureFile(path, continue_at=3)
    FailureFile(path, continue_at=0).close(complete=True)
    (tmp_path / "f").write_bytes(b"{}\n")
    finished = FailureFile(path, continue_at=3)
    finished.batch_done(BatchResult(Batch(0, 1, [()]), ONE, "t", (), [], [], ok=1))
    assert (tmp_path / "f").read_bytes() == b"{}\n"
    finished.batch_done(failed(1))
    finished.close(complete=True)
    assert (tmp_path / "f").read_bytes().count(b"\n") == 2
    null = FailureFile("/dev/null", continue_at=3)
    assert null.positions() == ()
    await null.fsync()
    null.discard()


def test_known_is_a_line_by_default(tmp_path: Path) -> None:
    """What is gone on with ends with a line, unless the format says otherwise."""
    (tmp_path / "x.partial").write_bytes(b"ab")
    with pytest.raises(RefusedError, match="no row end"):
        FileOutput(str(tmp_path / "x"), EarlierOutput(2))
