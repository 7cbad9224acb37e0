"""Files and streams: locks, links, pipes, readers that leave, disks that are full."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, BinaryIO

import pytest

from bulkq.errors import OutputClosed, StoppedError, UsageError
from bulkq.model import Batch, BatchResult, Column, Query
from bulkq.protocols import ByteSink
from bulkq.sinks import file_output, open_partial, open_sink, silence_stdout, stream_output
from bulkq.sinks.file_output import FileOutput, is_special
from bulkq.sinks.stream_output import StreamOutput, open_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bulkq.sinks.open import OpenedSink

QUERY = Query("q", "select 1 as a")


class Pipe:
    """Both ends of a pipe."""

    def __init__(self) -> None:
        """Open it."""
        self.reader, writer = os.pipe()
        self.stdout: BinaryIO = os.fdopen(writer, "wb")

    def read(self) -> bytes:
        """All that is there until the writer closes."""
        self.stdout.close()
        with os.fdopen(self.reader, "rb") as stream:
            return stream.read()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe in place of stdout."""
    made = Pipe()
    yield made
    made.stdout.close()


def sink_to(stdout: BinaryIO) -> OpenedSink:
    """JSON Lines to `stdout`."""
    return open_sink(
        path=None, format="jsonl", include=(), run="r", queries=[QUERY], target="t", stdout=stdout, terminal=False
    )


def sink_at(path: str) -> OpenedSink:
    """JSON Lines in the file at `path`."""
    return open_sink(
        path=path, format=None, include=(), run="r", queries=[QUERY], target="t", stdout=io.BytesIO(), terminal=False
    )


async def put(sink: OpenedSink, value: object) -> None:
    """One row with one value."""
    result = BatchResult(Batch(0, 1, [()]), QUERY, "t", (Column("a"),), [[value]], [0], ok=1)
    payload, _ = sink.encode(result)
    await sink.write(payload)


async def test_a_pipe_gets_the_rows(pipe: Pipe) -> None:
    """What is taken back was never sent; the rest is complete."""
    sink = sink_to(pipe.stdout)
    await put(sink, 1)
    mark = sink.mark()
    await put(sink, "half")
    sink.back_to(mark)
    await put(sink, 2)
    sink.mark()
    await put(sink, 3)
    await sink.close(complete=True)
    assert pipe.read() == b'{"a":1}\n{"a":2}\n{"a":3}\n'


async def test_a_slow_reader_does_not_stop_the_loop(pipe: Pipe) -> None:
    """While the pipe is full other tasks go on; a cancelled writer leaves the loop alone."""
    sink = sink_to(pipe.stdout)
    task = asyncio.create_task(put(sink, "x" * 1_000_000))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    reading = asyncio.create_task(asyncio.to_thread(os.read, pipe.reader, 100))
    assert (await reading).startswith(b'{"a":"xxx')
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    rest = 0
    while rest < 1_000_000 - 200:
        rest += len(await asyncio.to_thread(os.read, pipe.reader, 1 << 20))
    sink.discard()


async def test_the_end_waits_for_what_nobody_waited_for(pipe: Pipe) -> None:
    """Bytes that were appended without waiting are with the reader when the output is finished: the process may end then."""
    output = StreamOutput(pipe.stdout, "stdout")
    output.append(b"x" * 300_000)
    reading = asyncio.create_task(asyncio.to_thread(_slowly, pipe.reader, 300_000))
    await output.finish(complete=True)
    pipe.stdout.close()
    assert await reading == 300_000


def _slowly(descriptor: int, size: int) -> int:
    read = 0
    while read < size:
        read += len(os.read(descriptor, 50_000))
    return read


async def test_a_reader_that_left(pipe: Pipe) -> None:
    """Writing raises `OutputClosed`, now and later; closing is quiet, and so is the end of the process."""
    sink = sink_to(pipe.stdout)
    os.close(pipe.reader)
    for _ in range(2):
        with pytest.raises(OutputClosed, match="stdout was closed by its reader"):
            await put(sink, 1)
    await sink.close(complete=False)
    pipe.stdout.write(b"left in the buffer of Python")
    silence_stdout(pipe.stdout)
    pipe.stdout.flush()


async def test_a_reader_that_left_before_the_end(pipe: Pipe) -> None:
    """What was held cannot be delivered either."""
    sink = sink_to(pipe.stdout)
    sink.mark()
    await put(sink, 1)
    os.close(pipe.reader)
    with pytest.raises(OutputClosed):
        await sink.close(complete=True)


def test_nothing_is_printed_at_exit() -> None:
    """A process whose reader has left ends without a word after `silence_stdout`."""
    program = (
        "import sys; from bulkq.sinks import silence_stdout\n"
        "sys.stdin.read(); sys.stdout.write('x'); silence_stdout(sys.stdout.buffer)"
    )
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_silence_without_a_descriptor() -> None:
    """A stream in memory needs no silence."""
    silence_stdout(io.BytesIO())


async def test_more_than_can_be_held_is_sent(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long answer goes out; then it cannot be taken back, and the message says what to do."""
    monkeypatch.setattr(stream_output, "HELD_BYTES", 10)
    sink = sink_to(pipe.stdout)
    mark = sink.mark()
    await put(sink, 1)
    await put(sink, 2)
    await put(sink, 3)
    with pytest.raises(StoppedError, match="use -o FILE"):
        sink.back_to(mark)
    await sink.close(complete=False)
    assert pipe.read() == b'{"a":1}\n{"a":2}\n{"a":3}\n'


async def test_a_writer_that_does_not_await_is_bounded(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """COPY may hand over bytes faster than they are read; what waits in between is limited."""
    monkeypatch.setattr(stream_output, "AHEAD_BYTES", 100_000)
    sink = open_sink(
        path=None, format="csv", include=(), run="r", queries=[QUERY], target="t", stdout=pipe.stdout, terminal=False
    )
    assert isinstance(sink, ByteSink)
    got = asyncio.create_task(asyncio.to_thread(_count, pipe.reader, 2_000_000))
    await asyncio.sleep(0)
    for _ in range(20):
        sink.write_bytes(b"x" * 100_000)
    await sink.close(complete=True)
    assert await got == 2_000_000


def _count(fd: int, wanted: int) -> int:
    got = 0
    while got < wanted:
        got += len(os.read(fd, 1 << 16))
    return got


async def test_a_non_blocking_pipe(pipe: Pipe) -> None:
    """A descriptor that somebody made non-blocking is waited for."""
    os.set_blocking(pipe.stdout.fileno(), False)
    sink = sink_to(pipe.stdout)
    task = asyncio.create_task(put(sink, "x" * 300_000))
    got = 0
    while got < 300_009:
        got += len(await asyncio.to_thread(os.read, pipe.reader, 1 << 20))
    await task
    await sink.close(complete=True)


async def test_special_files(tmp_path: Path) -> None:
    """/dev/null and a FIFO are written directly, without a partial."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert is_special("/dev/null")
    assert is_special(str(fifo))
    assert not is_special(str(tmp_path / "none"))
    assert not is_special(str(tmp_path))
    reader = asyncio.create_task(asyncio.to_thread(fifo.read_bytes))
    await asyncio.sleep(0)
    for path in ("/dev/null", str(fifo)):
        sink = sink_at(path)
        await put(sink, 1)
        await sink.close(complete=True)
    assert await reader == b'{"a":1}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["fifo"]


async def test_a_full_disk_stops_the_run() -> None:
    """One line with the name and the reason, for files and streams."""
    sink = sink_at("/dev/full")
    with pytest.raises(StoppedError, match='cannot write "/dev/full": no space left on device'):
        await put(sink, 1)
    sink.discard()


async def test_a_file_that_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first error stops the run; closing says nothing more and leaves the partial."""

    def full(fd: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    output = FileOutput(str(tmp_path / "x"))
    output.append(b"1\n")
    with monkeypatch.context() as patch:
        patch.setattr(file_output.os, "write", full)
        with pytest.raises(StoppedError, match="no space left"):
            output.flush()
    with pytest.raises(StoppedError, match="earlier write failed"):
        output.append(b"2\n")
    await output.finish(complete=True)
    output.close(complete=True)
    output.discard()
    assert [p.name for p in tmp_path.iterdir()] == ["x.partial"]


def test_a_rename_that_fails(tmp_path: Path) -> None:
    """The partial stays and the message names the file."""
    output = FileOutput(str(tmp_path / "x"))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y").touch()
    with pytest.raises(StoppedError, match="cannot write"):
        output.close(complete=True)
    assert (tmp_path / "x.partial").exists()


def test_a_cut_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An I/O error while going back stops the run."""

    def broken(fd: int, size: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    output = FileOutput(str(tmp_path / "x"))
    with monkeypatch.context() as patch:
        patch.setattr(file_output.os, "ftruncate", broken)
        with pytest.raises(StoppedError, match="input/output error"):
            output.back_to(0)
    output.discard()


def test_big_output_does_not_wait_for_the_end(tmp_path: Path) -> None:
    """The buffer goes to the file when it is full, and when it is old."""
    output = FileOutput(str(tmp_path / "x"))
    output.append(b"x" * file_output.BUFFER_BYTES)
    assert (tmp_path / "x.partial").stat().st_size == file_output.BUFFER_BYTES
    output.append(b"y")
    assert (tmp_path / "x.partial").stat().st_size == file_output.BUFFER_BYTES
    output.close(complete=True)
    assert (tmp_path / "x").stat().st_size == file_output.BUFFER_BYTES + 1


def test_a_link_keeps_pointing(tmp_path: Path) -> None:
    """A symbolic link is followed: its file is replaced, the link is not."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    output = FileOutput(str(tmp_path / "link"))
    output.append(b"new")
    output.close(complete=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_loop_of_links(tmp_path: Path) -> None:
    """Links that lead nowhere are a usage error."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UsageError, match="cannot write"):
        FileOutput(str(tmp_path / "a"))


def test_no_permission(tmp_path: Path) -> None:
    """A file that cannot be opened is a usage error, for a partial and for a special file."""
    (tmp_path / "x.partial").mkdir()
    with pytest.raises(UsageError, match=r'cannot write ".*x": is a directory'):
        FileOutput(str(tmp_path / "x"))
    with pytest.raises(UsageError, match="is a directory"):
        open_stream(str(tmp_path))


def test_a_partial_that_is_renamed_under_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between open and lock its run may finish: then the finished file is left alone and a new partial is made."""
    path = tmp_path / "x"
    partial = tmp_path / "x.partial"
    partial.write_text("of the other run")
    real, calls = fcntl.flock, []

    def finish_first(fd: int, how: int) -> None:
        calls.append(fd)
        if len(calls) == 1:
            partial.replace(path)
        real(fd, how)

    monkeypatch.setattr(open_partial.fcntl, "flock", finish_first)
    output = FileOutput(str(path))
    assert len(calls) == 2
    assert path.read_text() == "of the other run"
    assert output.notices == []
    output.discard()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be locked the file is written all the same."""

    def unsupported(fd: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(open_partial.fcntl, "flock", unsupported)
    output = FileOutput(str(tmp_path / "x"))
    output.close(complete=True)
    assert (tmp_path / "x").exists()


def test_a_stream_that_fails() -> None:
    """Any error of a stream without a descriptor is one line too."""

    class Broken(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    output = StreamOutput(Broken(), "stdout")
    with pytest.raises(StoppedError, match='cannot write "stdout": input/output error'):
        output.append(b"x")
    output.discard()
