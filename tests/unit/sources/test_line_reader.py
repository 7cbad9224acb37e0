"""Pipes: what has arrived is given at once, nothing blocks the loop, and nothing is lost at any border."""

from __future__ import annotations

import asyncio
import io
import os
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import ParameterError
from bulkq.sources import Request, open_source
from bulkq.sources.line_reader import LineReader, PipeReader, begin_text, open_file
from tests.support.sources import query, sets

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

AB = query("a", "b")


class Trickle(io.RawIOBase):
    """A stream without a descriptor that gives a few bytes at a time."""

    def __init__(self, content: bytes, piece: int) -> None:
        self._content = io.BytesIO(content)
        self._piece = piece

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(self._piece)


def trickle(content: bytes, piece: int) -> BinaryIO:
    return Trickle(content, piece)  # type: ignore[return-value]


CONTENTS = {
    "csv": '\ufeffa,b\n1,"x\n\ny"\n\n3,é\n',
    "tsv": '\ufeffa\tb\r\n1\t"x\n\ny"\r\n3\té',
    "json": '\ufeff[{"a":1,"b":"x\\n\\ny"},\n {"a":3,"b":"é"}]',
    "jsonl": '\ufeff{"a":1,"b":"x\\n\\ny"}\n\n{"a":3,"b":"é"}\n',
}


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("fmt", CONTENTS)
async def test_pieces_of_any_size(fmt: str, piece: int) -> None:
    """Wherever a read ends, the sets are the same."""
    stdin = trickle(CONTENTS[fmt].encode(), piece)
    source = await open_source(Request(specs=("-",), format=fmt, stdin=stdin), AB, text=True)
    assert await sets(source) == [("1", "x\n\ny"), ("3", "é")]
    await source.close()
    assert not stdin.closed


@pytest.mark.parametrize(
    ("fmt", "first", "second"),
    [
        ("csv", b"a,b\n1,2\n3", b",4\n"),
        ("jsonl", b'{"a":1,"b":2}\n{"a":3', b',"b":4}\n'),
        ("json", b'[{"a":1,"b":2},', b'{"a":3,"b":4}]'),
        ("json", b'[{"a":1,"b":2}\n', b',{"a":3,"b":4}]'),
    ],
)
async def test_a_slow_writer(fmt: str, first: bytes, second: bytes) -> None:
    """The sets that are there are given without waiting for the batch to fill; the loop runs on while we wait."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdin, os.fdopen(writing, "wb", buffering=0) as writer:
        writer.write(first)
        source = await open_source(Request(specs=("-",), format=fmt, stdin=stdin), AB, text=True)
        batch = await source.take(1000, 0)
        assert batch is not None
        assert batch.sets == [("1", "2")]
        waiting = asyncio.ensure_future(source.take(1000, 1))
        await asyncio.sleep(0)
        assert not waiting.done()
        writer.write(second)
        writer.close()
        batch = await waiting
        assert batch is not None
        assert (batch.first, batch.sets) == (2, [("3", "4")])
        assert await source.take(1000, 2) is None
        await source.close()


async def test_waiting_can_be_cancelled() -> None:
    """A pipe that stays silent does not keep the program."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stdin, os.fdopen(writing, "wb"):
        opening = asyncio.ensure_future(open_source(Request(specs=("-",), format="csv", stdin=stdin), AB, text=True))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening


async def test_named_pipe(tmp_path: Path) -> None:
    """Opening a named pipe waits for its writer in the loop; JSON needs no --params-format."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    opening = asyncio.ensure_future(open_source(Request(specs=(str(path),)), AB, text=True))
    await asyncio.sleep(0)
    with path.open("wb") as writer:
        writer.write(b'{"a":1,"b":2}\n')
    source = await opening
    assert not source.replayable
    assert await sets(source) == [("1", "2")]


async def test_a_line_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that never ends a line does not fill the memory."""
    monkeypatch.setattr("bulkq.sources.line_reader.MOST_RECORD", 1 << 20)
    stdin = io.BytesIO(b"a,b\n" + b"x" * 3_000_000)
    with pytest.raises(ParameterError, match=r"^stdin:2: the line is longer than 1 MB$"):
        await sets(await open_source(Request(specs=("-",), format="csv", stdin=stdin), AB, text=True))


class Broken(io.RawIOBase):
    """A disk that fails after its first lines."""

    def __init__(self) -> None:
        self.reads = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self.reads += 1
        if self.reads > 1:
            raise OSError(5, "Input/output error")
        buffer[:8] = b"a,b\n1,2\n"
        return 8


async def test_a_disk_that_fails() -> None:
    """What the operating system says is passed on with the line, however the bytes are asked for."""
    reader = LineReader(io.BufferedReader(Broken()), "rows", size=None, replayable=True)
    with pytest.raises(ParameterError, match=r"^rows:1: reading failed: input/output error$"):
        reader.lines(10)
    with pytest.raises(ParameterError, match="input/output error"):
        await reader.chunk(100)
    with pytest.raises(ParameterError, match="input/output error"):
        await reader.head()
    pipe = PipeReader(io.BufferedReader(Broken()), "pipe", owned=True)
    await pipe.ready()
    assert pipe.lines(10) == [b"a,b\n", b"1,2\n"]
    with pytest.raises(ParameterError, match=r"^pipe:3: reading failed: input/output error$"):
        await pipe.ready()
    pipe.close()


async def test_offset_and_position(tmp_path: Path) -> None:
    """The offset is exact after reading, giving back and the mark, and `go_on` continues where a position is."""
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbfone\ntwo\nthree")
    reader = open_file(str(tmp_path / "f"))
    assert (await begin_text(reader)).startswith(b"one")
    assert (reader.offset, reader.size) == (3, 16)
    lines = reader.lines(2)
    assert (reader.offset, reader.line) == (11, 2)
    reader.push_back(lines[1:])
    assert (reader.offset, reader.line) == (7, 1)
    reader.consumed(lines[0])
    position = reader.position(1, reader.line)
    assert position is not None
    assert (position.n, position.offset, position.line) == (1, 7, 1)
    assert not reader.go_on(position)
    await reader.prove(position)
    assert reader.lines(1) == [b"\xef\xbb\xbfone\n"]
    assert reader.go_on(position)
    assert reader.position(1, 1) == position
    assert reader.lines(9) == [b"two\n", b"three"]
    assert (reader.offset, reader.line, reader.fraction()) == (16, 3, 1.0)
    assert reader.lines(9) == []
    reader.close()
    reader.close()


def test_a_pipe_does_not_go_back() -> None:
    """It has no position that a resumed run could go to."""
    reader = PipeReader(io.BytesIO(b""), "pipe", owned=False)
    reader.consumed(b"x")
    assert reader.position(1, 1) is None


def test_an_empty_file_is_consumed(tmp_path: Path) -> None:
    """There is nothing left of nothing."""
    (tmp_path / "f").touch()
    reader = open_file(str(tmp_path / "f"))
    assert reader.fraction() == 1.0
    reader.close()
