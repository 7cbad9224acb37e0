"""Parameter files and pipes as lines of bytes, with the exact offset of what was consumed.

`LineReader` reads what never makes the program wait (files); `PipeReader` what may (standard input, named pipes),
without a thread, so that an interrupt is never stuck behind a silent pipe.
"""

from __future__ import annotations

import asyncio
import codecs
import io
import os
import stat
import zlib
from collections import deque
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bulkq.errors import ParameterError
from bulkq.sources.prefix_digest import Prefix, prove_prefix
from bulkq.text.characters import escape_unprintable
from bulkq.text.message_parts import quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import SourcePosition

MOST_RECORD = 64 * 1024 * 1024
"""Bytes that one line or one quoted record may take; more is a mistake that would fill the memory."""

CHUNK = 64 * 1024


class LineReader:
    """Whole lines of a binary stream.

    Attributes:
        name: how messages call it.
        offset: bytes given so far, counted in the (unpacked) stream.
        line: lines consumed so far; the next line is `line + 1`.
        size: bytes in all, None if unknown.
        waits: True where reading may have to wait for a writer.
        replayable: True where opening it again gives the same bytes.
    """

    waits = False

    def __init__(self, stream: BinaryIO, name: str, *, size: int | None, replayable: bool) -> None:
        """Read `stream` from where it stands; the reader owns and closes it."""
        self._stream = stream
        self._back: list[bytes] = []
        self.name = name
        self.size = size
        self.replayable = replayable
        self.offset = 0
        self.line = 0
        self._prefix = Prefix()
        self._proven: Prefix | None = None

    async def ready(self) -> None:
        """Wait until `lines` can answer without blocking: there is a line, or the end."""

    def lines(self, most: int) -> list[bytes]:
        """The next 1 to `most` lines with their ends; [] at the end of the stream.

        Raises:
            ParameterError: the operating system or the decompression gives up.
        """
        return self.block(most)[0]

    def block(self, most: int) -> tuple[list[bytes], bytes]:
        """What `lines` gives, and the same in one piece, which costs less than counting the bytes of every line."""
        got = self._back[:most]
        if got:
            del self._back[:most]
        if len(got) < most:
            got += self._read_lines(most - len(got))
        data = b"".join(got)
        self.offset += len(data)
        self.line += len(got)
        return got, data

    def push_back(self, lines: Sequence[bytes]) -> None:
        """Return the last `lines` that were taken: the next call of `lines` gives them again."""
        self._back[:0] = lines
        self.offset -= sum(map(len, lines))
        self.line -= len(lines)

    async def head(self) -> bytes:
        """Some first bytes of what comes next, without consuming them; b"" at the end of the stream."""
        try:
            return self._stream.peek(1)  # type: ignore[attr-defined,no-any-return]
        except (OSError, EOFError, zlib.error) as error:
            raise self._broken(error) from error

    def skip(self, count: int) -> None:
        """Consume `count` bytes that `head` has shown."""
        data = self._stream.read(count)
        self.offset += len(data)
        self.consumed(data)

    async def chunk(self, most: int) -> bytes:
        """The next 1 to `most` bytes, wherever lines end; b"" at the end. Do not mix with `lines`."""
        try:
            got = self._stream.read(most)
        except (OSError, EOFError, zlib.error) as error:
            raise self._broken(error) from error
        self.offset += len(got)
        return got

    def consumed(self, data: bytes) -> None:
        """Note the bytes that were consumed for good, in their order: `position` stands behind them.

        The formats have them in one piece anyway, which makes the digest cheap.
        """
        self._prefix.add(data)

    def position(self, n: int, line: int) -> SourcePosition | None:
        """The position behind what was `consumed`, `n` parameter sets in `line` lines; None if the source cannot go back."""
        return self._prefix.position(n, line)

    async def prove(self, start: SourcePosition) -> None:
        """See that the bytes in front of `start` are still the same and begin again; `go_on` may follow.

        Raises:
            RefusedError: they are not, or there are fewer.
            ParameterError: the operating system gives up.
        """
        try:
            self._stream.seek(0)
            self._proven = await prove_prefix(self._stream, self.name, start)
            self._stream.seek(0)
        except OSError as error:
            raise self._broken(error) from error
        self._back.clear()
        self._prefix = Prefix()
        self.offset = self.line = 0

    def go_on(self, start: SourcePosition) -> bool:
        """Go on behind `start`, wherever the stream stands; False where `prove` has not been there."""
        if self._proven is None:
            return False
        self._stream.seek(start.offset)
        self._back.clear()
        self._prefix = self._proven
        self.offset, self.line = start.offset, start.line
        return True

    def fraction(self) -> float | None:
        """Bytes consumed of all, 0.0 to 1.0; None where the size is not known."""
        if self.size is None:
            return None
        return min(1.0, self.offset / self.size) if self.size else 1.0

    def close(self) -> None:
        """Close the stream; harmless when repeated."""
        self._stream.close()

    def _read_lines(self, most: int) -> list[bytes]:
        try:
            return list(islice(self._stream, most))
        except (OSError, EOFError, zlib.error) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> ParameterError:
        if not self.offset and str(error).startswith("Not a gzipped file"):
            return ParameterError(f"{self.name}:1: not compressed with gzip: remove .gz from the name")
        return ParameterError(f"{self.name}:{self.line + 1}: reading failed: {_reason(error)}")


class PipeReader(LineReader):
    """Lines of something that may keep us waiting; what has arrived is given at once, in smaller helpings."""

    waits = True

    def __init__(self, stream: BinaryIO, name: str, *, owned: bool) -> None:
        """Read `stream`; `owned` says that closing the reader closes it."""
        super().__init__(stream, name, size=None, replayable=False)
        self._owned = owned
        self._arrived: deque[bytes] = deque()
        self._tail: list[bytes] = []
        self._waiting = 0  # bytes in `_tail`
        self._ended = False

    async def ready(self) -> None:
        """Wait for a whole line or the end."""
        while not (self._back or self._arrived or self._ended):
            await self._fill()

    async def head(self) -> bytes:
        """What has arrived, at least three bytes unless the pipe ends before: enough to see a mark of encoding."""
        while not self._ended and sum(map(len, self._arrived)) + self._waiting < len(codecs.BOM_UTF8):
            await self._fill()
        return b"".join([*self._arrived, *self._tail])

    def skip(self, count: int) -> None:
        """Consume `count` bytes that `head` has shown, all of them in the first line."""
        pieces = self._arrived or self._tail
        whole = pieces.popleft() if isinstance(pieces, deque) else b"".join(pieces)
        self.offset += count
        if isinstance(pieces, deque):
            pieces.appendleft(whole[count:])
        else:
            self._tail = [whole[count:]]
            self._waiting = len(whole) - count

    async def chunk(self, most: int) -> bytes:
        """Whatever has arrived; `most` does not bound it, the pipe does."""
        del most
        while not (self._arrived or self._waiting or self._ended):
            await self._fill()
        got = b"".join([*self._arrived, *self._tail])
        self._arrived.clear()
        self._tail.clear()
        self._waiting = 0
        self.offset += len(got)
        return got

    def consumed(self, data: bytes) -> None:
        """Nothing to note: a pipe does not go back."""

    def position(self, n: int, line: int) -> None:
        """There is none."""

    def close(self) -> None:
        """Close the stream if it is ours; standard input is not."""
        self._ended = True
        if self._owned:
            super().close()

    def _read_lines(self, most: int) -> list[bytes]:
        return [self._arrived.popleft() for _ in range(min(most, len(self._arrived)))]

    async def _fill(self) -> None:
        await _readable(self._stream)
        try:
            got = _some(self._stream)
        except (OSError, ValueError) as error:
            raise self._broken(error) from error
        if not got:
            self._ended = True
            if self._waiting:
                self._arrived.append(b"".join(self._tail))
        *whole, rest = got.split(b"\n")
        if whole:
            whole[0] = b"".join(self._tail) + whole[0]
            self._arrived.extend(line + b"\n" for line in whole)
        if whole or not got:
            self._tail.clear()
            self._waiting = 0
        self._tail.append(rest)
        self._waiting += len(rest)
        if self._waiting > MOST_RECORD:
            raise ParameterError(f"{self.name}:{self.line + 1}: the line is longer than {MOST_RECORD >> 20} MB")


async def _readable(stream: BinaryIO) -> None:
    """Wait until a read of `stream` does not block; at once where the system cannot say (files, memory)."""
    loop = asyncio.get_running_loop()
    arrived = asyncio.Event()
    try:
        descriptor = stream.fileno()
        loop.add_reader(descriptor, arrived.set)
    except (OSError, ValueError, NotImplementedError):
        return
    try:
        await arrived.wait()
    finally:
        loop.remove_reader(descriptor)


def _some(stream: BinaryIO) -> bytes:
    """One read: what is there, not more than a chunk."""
    if isinstance(stream, io.BufferedReader | io.BytesIO):
        return stream.read1(CHUNK)
    return stream.read(CHUNK)


def open_stdin(stream: BinaryIO) -> LineReader:
    """Read standard input, or whatever stands in for it."""
    return PipeReader(stream, "stdin", owned=False)


def open_file(name: str) -> LineReader:
    """Open the file, compressed file or named pipe `name`.

    Raises:
        ParameterError: one line that says what is there instead, or what is near.
    """
    try:
        stream = open(name, "rb", opener=_opener)  # noqa: SIM115 - the reader closes it; pathlib takes no opener
    except (OSError, ValueError) as error:
        raise refused_file(name, error) from error
    status = os.fstat(stream.fileno())
    name = escape_unprintable(name)
    if not stat.S_ISREG(status.st_mode):
        return PipeReader(stream, name, owned=True)
    if name.lower().endswith(".gz"):
        return LineReader(_unpacked(stream), name, size=None, replayable=True)
    return LineReader(stream, name, size=status.st_size, replayable=True)


def _opener(path: str, flags: int) -> int:
    """Open without waiting for the writer of a named pipe, which an interrupt could not end; `_readable` waits."""
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(descriptor, True)
    return descriptor


def _unpacked(stream: BinaryIO) -> BinaryIO:
    import gzip  # few files are compressed

    packed = gzip.GzipFile(fileobj=stream, mode="rb")
    packed.myfileobj = stream  # type: ignore[assignment]  # closing the one closes the other
    return packed  # type: ignore[return-value]


def refused_file(name: str, error: Exception) -> ParameterError:
    """The error for the file `name`, which cannot be opened because of `error`."""
    return ParameterError(_why_not(name, error))


def _why_not(name: str, error: Exception) -> str:
    there = escape_unprintable(name)
    if isinstance(error, IsADirectoryError):
        return f"{there}: is a directory: give the path of a file"
    if not isinstance(error, FileNotFoundError):
        return f"{there}: cannot be opened: {_reason(error)}"
    if not name:
        return "-p: the file name is empty"
    try:
        near = suggestion(Path(name).name, sorted(p.name for p in Path(name).parent.iterdir() if p.is_file()))
    except OSError:
        near = ""
    if not near and "=" in name:
        near = f" (for one value write --param {quoted(name)})"
    return f"{there}: no such file{near}"


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:1].lower() + text[1:]


async def begin_text(reader: LineReader) -> bytes:
    """Step over a UTF-8 mark at the start and refuse a file that is not text; returns some first bytes, b"" if empty."""
    head = await reader.head()
    if head.startswith(codecs.BOM_UTF8):
        reader.skip(len(codecs.BOM_UTF8))
        head = await reader.head()
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ParameterError(f"{reader.name}:1: encoded as UTF-16: save the file as UTF-8")
    if head.startswith(b"\x1f\x8b"):
        raise ParameterError(f"{reader.name}:1: compressed with gzip: add .gz to the name")
    if b"\0" in head:
        raise nul_found(reader.name, 1 + head.count(b"\n", 0, head.index(b"\0")))
    return head


def decode_lines(name: str, data: bytes, first: int) -> str:
    """`data`, which begins on line `first` of `name`, as text.

    Raises:
        ParameterError: not UTF-8, or NUL characters, which no database takes in text.
    """
    if b"\0" in data:
        raise nul_found(name, first + data.count(b"\n", 0, data.index(b"\0")))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(name, first + data.count(b"\n", 0, error.start), data[error.start]) from error


def not_utf8(name: str, line: int, byte: int) -> ParameterError:
    """The error for `byte`, which is not valid UTF-8 at its position."""
    return ParameterError(
        f"{name}:{line}: byte 0x{byte:02x} is not UTF-8: convert the file, for example with iconv -f latin1 -t utf-8"
    )


def nul_found(name: str, line: int) -> ParameterError:
    """The error for a NUL character."""
    return ParameterError(f"{name}:{line}: a NUL character, which no database accepts in text: remove it")
