"""The private file for results that wait for their turn, and the bound on the memory that they take before they go there.

The file has no name (`tempfile.TemporaryFile`), so it ends with the process, also when that is killed.
"""

from __future__ import annotations

import io
import os
import pickle
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, cast

from bulkq.errors import StoppedError
from bulkq.model import Column, Query

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY_BYTES = 32 * 1024 * 1024
"""Weight of the results that wait in memory, over all targets of a run."""

SEGMENT_BYTES = 256 * 1024 * 1024
"""Size at which another file is begun. A file whose results were all written is closed, which frees the disk."""

MOST_SHARED = 4_096
"""Objects that records share by number. Further ones are written into each record."""


class Extent(NamedTuple):
    """Where bytes are in the overflow."""

    segment: int
    offset: int
    size: int


class Heap(Protocol):
    """What moves results from memory into the overflow."""

    weight: int
    """Bytes of results in memory."""

    def spill(self) -> None:
        """Move a part of them into the overflow."""
        ...


class SharedObject:
    """An object that pickled records refer to instead of holding a copy: a class derives from it."""

    __slots__ = ()


class Overflow:
    """Bytes of results that wait, in files without names; and how much of them is in memory.

    One object serves all windows of a run. Reads and writes go to the page cache and do not wait.
    """

    def __init__(self) -> None:
        self.heaps: list[Heap] = []
        self._weight = 0
        self._segments: dict[int, _OverflowFile] = {}
        self._last = 0
        self._numbers: dict[int, int] = {}  # id of a shared object -> its place in `_objects`, which keeps it alive
        self._objects: list[object] = []

    def grow(self, weight: int) -> None:
        """Count `weight` bytes of results that wait in memory, negative when they leave it."""
        self._weight += weight

    def relieve(self) -> None:
        """Move results of the fullest window into a file, if more than `MEMORY_BYTES` are in memory.

        Raises:
            StoppedError: the file cannot be written.
        """
        if self._weight > MEMORY_BYTES:
            max(self.heaps, key=lambda heap: heap.weight).spill()

    def append(self, data: bytes) -> Extent:
        """Keep `data`.

        Raises:
            StoppedError: the disk is full, or there is no directory of temporary files.
        """
        try:
            segment = self._segments.get(self._last)
            if segment is None or segment.size >= SEGMENT_BYTES:
                segment = self._begin()
            return Extent(self._last, segment.append(data), len(data))
        except OSError as error:
            raise _cannot_keep(error) from error

    def read(self, place: Extent) -> bytes:
        """Return the bytes at `place`.

        Raises:
            StoppedError: the disk does not give them back.
        """
        try:
            return self._segments[place.segment].read(place)
        except OSError as error:
            raise _cannot_keep(error) from error

    def free(self, place: Extent) -> None:
        """Forget the bytes at `place`. A file in which nothing is left is closed, or emptied if it is the last."""
        segment = self._segments[place.segment]
        segment.free(place)
        if not segment.live and place.segment != self._last:
            self._segments.pop(place.segment).close()

    def close(self) -> None:
        """Close all files, which removes them."""
        while self._segments:
            self._segments.popitem()[1].close()

    def dump(self, value: object, file: io.BytesIO) -> None:
        """Pickle `value` into `file`. Queries, columns and `SharedObject` objects become numbers.

        Raises:
            Exception: whatever the pickling of a value of the user's raises; `file` is as it was.
        """
        start = file.tell()
        try:
            _Packer(file, self._number).dump(value)
        except BaseException:
            file.seek(start)
            file.truncate()
            raise

    def load(self, data: bytes) -> object:
        """Return the value that `dump` pickled."""
        return _Unpacker(io.BytesIO(data), self._objects).load()

    def _begin(self) -> _OverflowFile:
        segment = _OverflowFile()
        before = self._segments.get(self._last)
        if before is not None and not before.live:
            self._segments.pop(self._last).close()
        self._last += 1
        self._segments[self._last] = segment
        return segment

    def _number(self, value: object) -> int | None:
        """Return the number of a shared object; None for any other, which is pickled."""
        kind = type(value)
        if kind is tuple:
            if not value or type(cast("tuple[object, ...]", value)[0]) is not Column:
                return None
        elif kind is not Query and not issubclass(kind, SharedObject):
            return None
        number = self._numbers.get(id(value))
        if number is None and len(self._objects) < MOST_SHARED:
            number = self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return number


class _OverflowFile:
    """One file without a name."""

    def __init__(self) -> None:
        import tempfile  # takes two milliseconds, and few runs need it

        self._file = cast("BinaryIO", tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - closed when it was read
        self.size = 0
        self.live = 0

    def append(self, data: bytes) -> int:
        """Write `data` at the end of the file; return its offset in bytes.

        Raises:
            OSError: the file cannot be written.
        """
        at = self.size
        with memoryview(data) as view:
            done = 0
            while done < len(view):
                done += os.pwrite(self._file.fileno(), view[done:], at + done)
        self.size += len(data)
        self.live += len(data)
        return at

    def read(self, place: Extent) -> bytes:
        """Return the bytes at `place`.

        Raises:
            OSError: the file cannot be read, or ends before `place` does.
        """
        found = bytearray()
        while len(found) < place.size:
            piece = os.pread(self._file.fileno(), place.size - len(found), place.offset + len(found))
            if not piece:
                raise OSError(None, "the file is shorter than what was written")
            found += piece
        return bytes(found)

    def free(self, place: Extent) -> None:
        """Release the bytes at `place`. Truncate the file if no other bytes are in use."""
        self.live -= place.size
        if not self.live:
            os.ftruncate(self._file.fileno(), 0)
            self.size = 0

    def close(self) -> None:
        """Close the file, which also removes it."""
        self._file.close()


class _Packer(pickle.Pickler):
    """A pickler that writes shared objects as numbers.

    Args:
        number: returns the number of a shared object, or None.
    """

    def __init__(self, file: io.BytesIO, number: Callable[[object], int | None]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._number = number

    def persistent_id(self, obj: object) -> int | None:
        """Return the number of a shared object, or None if `obj` is to be pickled (see `pickle.Pickler`)."""
        return self._number(obj)


class _Unpacker(pickle.Unpickler):
    """The reverse of `_Packer`: a number becomes the object at that index of `objects`."""

    def __init__(self, file: io.BytesIO, objects: list[object]) -> None:
        super().__init__(file)
        self._objects = objects

    def persistent_load(self, pid: int) -> object:
        """Return the shared object with number `pid` (see `pickle.Unpickler`)."""
        return self._objects[pid]


def _cannot_keep(error: OSError) -> StoppedError:
    import tempfile

    reason = (error.strerror or str(error)).lower()
    try:
        folder = tempfile.gettempdir()
    except OSError:
        folder = "a temporary file"
    return StoppedError(
        f"cannot keep results that wait for an earlier one in {folder}: {reason}: "
        "let TMPDIR name a directory with more room, or add --unordered"
    )
