"""Copies on disk of sources that can be read only once (pipes, queries), so that a killed run can be resumed.

A spool is JSON Lines. Every line is an array that begins with the CRC-32 of the rest of the line:

    ["crc","bulkq spool",1,false]                   the first: version, `typed`
    ["crc",1,"stdin",2,[["1","x"],["2",null]]]      a batch: first number, source, lines, sets
    ["crc","end",2]                                 the last: the source had so many sets

Lines are a list, or the first of consecutive ones, or null. A batch is on disk before a lane gets it, so a last line
that a kill or a power failure has cut short was never used.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bulkq.errors import BulkqError, LedgerError, RefusedError
from bulkq.model import Batch
from bulkq.sources.line_reader import LineReader
from bulkq.sources.prefix_digest import Prefix
from bulkq.sources.skip_sets import skip_sets
from bulkq.sources.slice_batches import BatchQueue, join_batches
from bulkq.sources.spool_codec import decode_values, encode_values
from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import Query, SourcePosition
    from bulkq.protocols import ParameterSource

KIND, VERSION = "bulkq spool", 1
END = "end"

OWNER_ONLY = 0o600
"""Mode of a spool file: parameter values are readable for their owner alone."""

FOLDER_OF_OWNER = 0o700

TAIL = 256
"""Bytes at the end of a spool among which the closing line is, if there is one; it has less than 100."""

CRC_ENDS = 12
"""Bytes of a line in front of what its checksum is of: `["`, eight digits, `",`."""


class SpoolingSource:
    """A `ParameterSource` that keeps what `source` gives in the new file `path`. The first error is final."""

    def __init__(self, source: ParameterSource, path: str | Path) -> None:
        """Create the file.

        Raises:
            LedgerError: it cannot be created, or is there already.
        """
        self.typed = source.typed
        self.replayable = source.replayable
        self.path = Path(path)
        self._source = source
        self._prefix = Prefix()
        self._given = 0
        self._lines = 0
        self._ended = False
        self._closed = False
        self._error: Exception | None = None
        self._writing: asyncio.Future[None] | None = None
        self._file = _create(self.path)

    @property
    def total(self) -> int | None:
        """As `ParameterSource.total`."""
        return self._source.total

    async def take(self, size: int, index: int) -> Batch | None:
        """As `ParameterSource.take`; what is given is on disk, and `end` is a position in the spool.

        Raises:
            ParameterError: the source cannot be read on.
            LedgerError: the spool cannot be written: nothing may be sent that could not be found again.
        """
        if self._error is not None:
            raise self._error
        if self._ended:
            return None
        batch = await self._source.take(size, index)
        if self._ended:  # closed while waiting for the source
            return None
        try:
            await self._keep(batch)
        except BaseException as error:
            # Also when the wait was cancelled: the sets are on disk, but were not returned; their numbers must not repeat.
            self._error = error if isinstance(error, Exception) else _interrupted(self.path)
            raise
        if batch is None:
            self._ended = True
            return None
        self._given += len(batch.sets)
        end = self._prefix.position(self._given, self._lines)
        return Batch(index, batch.first, batch.sets, batch.lines, batch.source, end)

    def fraction(self) -> float | None:
        """As `ParameterSource.fraction`."""
        return self._source.fraction()

    async def close(self) -> None:
        """Close the source and the file, which stays."""
        self._ended = True
        if not self._closed:
            self._closed = True
            if self._writing is not None:
                await asyncio.wait([self._writing])
            os.close(self._file)
        await self._source.close()

    def remove(self) -> None:
        """Delete the file: the run has reached its end. Harmless when repeated."""
        self.path.unlink(missing_ok=True)

    async def _keep(self, batch: Batch | None) -> None:
        """Bring `batch`, or the end, to the disk."""
        data = _line(encode_values([END, self._given]) if batch is None else _record(batch))
        if not self._lines:
            data = _line(encode_values([KIND, VERSION, self.typed])) + data
        self._writing = asyncio.ensure_future(asyncio.to_thread(_write, self._file, data, self.path))
        await asyncio.shield(self._writing)
        self._lines += data.count(b"\n")
        self._prefix.add(data)


async def open_spool(path: str | Path, query: Query, start: SourcePosition | None = None) -> SpoolSource:
    """Read the spool of a run that was killed.

    Args:
        path: of the spool.
        query: the query that it was made for.
        start: `Batch.end` of a batch that came from the spool or through it, behind which to go on.

    Raises:
        LedgerError: it is missing, cannot be read, or is not a spool.
        RefusedError: what was consumed is not the same now, or was made for other parameters.
    """
    spool = SpoolSource(Path(path), _open(Path(path)), query)
    try:
        await spool.begin(start)
    except BaseException:
        await spool.close()
        raise
    return spool


async def follow_spool(path: Path, query: Query) -> SpoolSource:
    """Read a spool that is still being written: `SpoolSource.readable` says how many batches of it are there.

    Raises:
        LedgerError: it cannot be read.
    """
    spool = SpoolSource(path, _open(path), query)
    spool.readable = 0
    await spool.begin(None)
    return spool


class SpoolSource:
    """A `ParameterSource` over what a killed run kept, or a live one keeps.

    Attributes:
        complete: True: the source had come to its end. False: it was cut off, and whatever it would have given is lost.
        readable: batches that may be read; less than none: all there are.
    """

    replayable = False  # opening the same request again would not give these sets

    def __init__(self, path: Path, reader: LineReader, query: Query) -> None:
        """Read from `reader`; `begin` must follow."""
        self._path = path
        self._reader = reader
        self._query = query
        self._error: BulkqError | None = None
        self._held = BatchQueue()
        self._given = 0
        self._ended = False
        self.total: int | None = None
        self.typed = False
        self.complete = False
        self.readable = -1

    @property
    def offset(self) -> int:
        """Bytes that were read."""
        return self._reader.offset

    async def begin(self, start: SourcePosition | None) -> None:
        """See that the file is a spool, and whether it is complete; go to `start`."""
        if start is not None and start.digest:
            await self._reader.prove(start)
        header = self._record()
        if header is None:
            self._ended = True  # killed before the first set
        else:
            self._check(header)
            count = _closing(self._path)
            self.complete, self.total = count is not None, count
        if start is None:
            return
        if self._reader.go_on(start):
            self._given = start.n
        else:
            await skip_sets(self, escape_unprintable(str(self._path)), start.n)

    async def take(self, size: int, index: int) -> Batch | None:
        """The next 1 to `size` sets as batch `index`; None at the end of what was kept.

        Raises:
            LedgerError: the spool is damaged.
            RefusedError: it was made for other parameters.
        """
        batch = self.cut(size, index)
        if batch is None:
            self.total = self._given
        return batch

    def cut(self, size: int, index: int) -> Batch | None:
        """As `take`; also None where no more is `readable`.

        Raises:
            LedgerError, RefusedError: as `take`.
        """
        if self._error is not None:
            raise self._error
        try:
            batch = self._cut(size, index)
        except BulkqError as error:
            self._error = error
            raise
        self._given += len(batch.sets) if batch is not None else 0
        return batch

    def fraction(self) -> float | None:
        """By bytes."""
        return self._reader.fraction()

    async def close(self) -> None:
        """Close the file, which stays; there are no more sets then."""
        self._ended = True
        self._held = BatchQueue()
        self._reader.close()

    def remove(self) -> None:
        """Delete the file: the run has reached its end. Harmless when repeated."""
        self._path.unlink(missing_ok=True)

    def _cut(self, size: int, index: int) -> Batch | None:
        """A part of one batch of the spool, or as many whole ones as fit: those end where there is a position."""
        batch = self._held.take(size, index)
        while batch is None or len(batch.sets) < size:
            more = self._batch()
            if more is None:
                break
            self._held.add(more)
            if batch is None:
                batch = self._held.take(size, index)
            elif len(batch.sets) + len(more.sets) > size:
                break
            else:
                self._held.take(size, index)
                batch = join_batches(batch, more)
        return batch

    def _record(self) -> list[object] | None:
        """The content of the next line; None at the end, and if a kill has cut the last line off."""
        lines = self._reader.lines(1)
        if not lines:
            return None
        record = _read(lines[0])
        if record is None:
            if not self._reader.lines(1):
                return None
            raise LedgerError(
                f"{escape_unprintable(str(self._path))}:{self._reader.line - 1}: the spool is damaged: start a new run"
            ).for_good()
        self._reader.consumed(lines[0])
        return record

    def _batch(self) -> Batch | None:
        """The next batch of the spool; None at the end."""
        if self.readable == 0:
            return None
        self.readable -= 1
        record = None if self._ended else self._record()
        if record is None or record[0] == END:
            self._ended = True
            return None
        first, source, lines, sets = record
        assert isinstance(first, int)
        assert isinstance(source, str)
        assert isinstance(sets, list)
        if any(len(one) != len(self._query.parameters) for one in sets):
            raise RefusedError(
                f"{self._query.place} has different parameters than when the run began: start a new run"
            ).for_good()
        n = first + len(sets) - 1
        where: Sequence[int] = ()
        if lines is not None:
            where = lines if isinstance(lines, list) else range(int(str(lines)), int(str(lines)) + len(sets))
        end = self._reader.position(n, self._reader.line)
        return Batch(0, first, list(map(tuple, sets)), where, source, end)

    def _check(self, header: list[object]) -> None:
        name = escape_unprintable(str(self._path))
        if header[:1] != [KIND]:
            raise LedgerError(f"{name}: not a spool file of bulkq")
        if header[1] != VERSION:
            raise RefusedError(f"{name}: the spool was written by another version of bulkq: resume with that version")
        self.typed = bool(header[2])


# --- lines ---------------------------------------------------------------------------------------------------------


def _line(rest: str) -> bytes:
    """A line with the array `rest`, which has at least one element."""
    data = rest[1:].encode()
    return b'["%08x",%b\n' % (zlib.crc32(data), data)


def _read(line: bytes) -> list[object] | None:
    """The array of a line without its checksum; None where the line is not whole."""
    data = line[CRC_ENDS:-1]
    if line[-1:] != b"\n" or line[:CRC_ENDS] != b'["%08x",' % zlib.crc32(data):
        return None
    found = decode_values("[" + data.decode())
    assert isinstance(found, list)
    return found


def _record(batch: Batch) -> str:
    lines: object = list(batch.lines) or None
    if isinstance(batch.lines, range) and batch.lines.step == 1 and batch.lines:
        lines = batch.lines.start
    return encode_values([batch.first, batch.source, lines], list(batch.sets))


def _closing(path: Path) -> int | None:
    """The number of sets that the closing line gives; None where there is none."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        last = file.read().splitlines(keepends=True)[-1:]
    record = _read(last[0]) if last else None
    if record is None or record[0] != END:
        return None
    count = record[1]
    assert isinstance(count, int)
    return count


# --- files ---------------------------------------------------------------------------------------------------------


def _create(path: Path) -> int:
    """Create the file and, if the ledger is on a server and this is the first run of the user, its folder."""
    try:
        for folder in (*reversed(path.parents),) if not path.parent.is_dir() else ():
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=FOLDER_OF_OWNER)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, OWNER_ONLY)
    except OSError as error:
        _fail(path, "created", error)


def _write(descriptor: int, data: bytes, path: Path) -> None:
    """Append `data` and wait for the disk; the first time also for the name in its folder."""
    try:
        begin = os.fstat(descriptor).st_size == 0
        left = memoryview(data)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
        if begin:
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        _fail(path, "written", error)


def _open(path: Path) -> LineReader:
    try:
        stream = path.open("rb")
        return LineReader(
            stream, escape_unprintable(str(path)), size=os.fstat(stream.fileno()).st_size, replayable=False
        )
    except OSError as error:
        _fail(path, "read", error)


def _fail(path: Path, done: str, error: Exception) -> NoReturn:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    raise LedgerError(f"{escape_unprintable(str(path))}: cannot be {done}: {reason[:1].lower()}{reason[1:]}") from error


def _interrupted(path: Path) -> LedgerError:
    return LedgerError(f"{escape_unprintable(str(path))}: the previous write was interrupted: resume the run")


def save_constants(path: str | Path, constants: Mapping[str, str]) -> None:
    """Write the values of `--param` to the new file `path`, readable by its owner only, and wait for the disk.

    Raises:
        LedgerError: it cannot be written, or is there already.
    """
    descriptor = _create(Path(path))
    try:
        _write(descriptor, json.dumps(dict(constants)).encode() + b"\n", Path(path))
    finally:
        os.close(descriptor)


def load_constants(path: str | Path) -> dict[str, str]:
    """The values that `save_constants` wrote.

    Raises:
        LedgerError: the file is gone, cannot be read, or is not what was written.
    """
    try:
        found = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        _fail(Path(path), "read", error)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise LedgerError(f"{escape_unprintable(str(path))}: does not hold the constants of a run")
    return found
