"""A file that gets its final name when it is complete, and the Protocol of outputs for bytes."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING, Protocol

from bulkq.errors import StoppedError
from bulkq.model import SinkPosition
from bulkq.sinks.open_partial import begin_partial, describe_os_error, go_on, partial_of, reopen_partial, sync_folder
from bulkq.sinks.paths import is_special, resolve_links

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from bulkq.sinks.open_partial import EarlierOutput

__all__ = ["FileOutput", "Output", "cannot_write", "describe_os_error", "is_special", "write_all"]

BUFFER_BYTES = 256 * 1024
FLUSH_S = 1.0
"""Rows of slow queries reach the partial at least this often, for people who watch it and for a crash."""


class Output(Protocol):
    """Bytes in order, with a way back."""

    size: int
    notices: list[str]
    finished: bool
    """The file was complete when it was opened, and nothing was appended since."""

    def start(self, size: int) -> bytes:
        """Up to `size` bytes from the beginning of the output of an earlier process of the run; b"" if there is none."""
        ...

    def positions(self) -> tuple[SinkPosition, ...]:
        """See `Sink.positions`."""
        ...

    async def fsync(self) -> None:
        """See `Sink.fsync`."""
        ...

    def append(self, data: bytes) -> Awaitable[None] | None:
        """Take `data`; an awaitable where the reader may be slow, to be awaited before the next `append`."""
        ...

    def hold(self) -> None:
        """From here on it must be possible to go back to the present size."""
        ...

    def back_to(self, mark: int) -> None:
        """Forget what came after `mark` bytes."""
        ...

    async def finish(self, *, complete: bool) -> None:
        """Flush and close."""
        ...

    def discard(self) -> None:
        """Close and leave nothing behind."""
        ...


class FileOutput:
    """`FILE.partial`, locked as long as it is open, renamed to FILE when complete."""

    def __init__(self, path: str, known: EarlierOutput | None = None) -> None:
        """Open `path`'s partial, empty, or with what is `known` of it from an earlier process of the run.

        Raises:
            UsageError: the folder does not exist or is not writable.
            RefusedError: a live run is writing this file; it is not what is known.
        """
        self.notices: list[str] = []
        self.name = path
        self._path = resolve_links(path)
        if known is not None and known.offset:
            opened = go_on(self._path, path, known)
        else:
            opened = begin_partial(self._path, path)
            if opened.replaced and known is None:
                self.notices.append(f'"{self._partial.name}" is left from a run that has ended: it is replaced')
        self.size = opened.size
        self.finished = opened.finished
        self._fd = opened.fd
        self._stale = opened.stale  # holds what a dead run wrote, which a run that does not begin leaves as it is
        self._kept = self._durable = opened.size
        self._rows_end = known.offset if known is not None else 0
        self._cuts = 0
        self._syncing = threading.Lock()
        self._settled = opened.finished
        self._buffer = bytearray()
        self._flushed_s = time.monotonic()
        self._failed = ""  # why nothing more can be written

    @property
    def _partial(self) -> Path:
        return partial_of(self._path)

    def append(self, data: bytes) -> None:
        """Buffer `data`; the page cache takes it without waiting.

        Raises:
            StoppedError: disk full, quota, I/O error, now or before.
            RefusedError: the file was complete when it was opened, and another process is writing it now.
        """
        if self._failed:
            raise self._broken()
        if self.finished:
            self._reopen()
        self._buffer += data
        self.size += len(data)
        if len(self._buffer) >= BUFFER_BYTES or time.monotonic() - self._flushed_s >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Hand the buffer to the operating system.

        Raises:
            StoppedError: disk full, quota, I/O error.
        """
        self._flushed_s = time.monotonic()
        data, self._buffer = self._buffer, bytearray()
        try:
            if data:
                self._empty()
            write_all(self._fd, data)
        except OSError as error:
            self._failed = describe_os_error(error)
            raise cannot_write(self.name, error) from error

    def start(self, size: int) -> bytes:
        """Up to `size` bytes from the beginning of what an earlier process wrote."""
        return os.pread(self._fd, min(size, self._kept), 0)

    def positions(self) -> tuple[SinkPosition, ...]:
        """The file with all links followed, and its size with what is still buffered; of a complete one the end of its rows."""
        return (SinkPosition(str(self._path), self._rows_end if self.finished else self.size),)

    async def fsync(self) -> None:
        """Put on disk what was appended before the call; appends may go on meanwhile.

        Raises:
            StoppedError: it could not be written, now or before.
        """
        if self._failed:
            raise self._broken()
        if self._durable == self.size or self._settled:
            return
        if self._fd >= 0:
            self.flush()
        size, cuts = self.size, self._cuts
        try:
            await asyncio.to_thread(self._sync)
        except OSError as error:
            # The kernel reports a lost page once: a second fsync would succeed and mean nothing.
            self._failed = describe_os_error(error)
            raise cannot_write(self.name, error) from error
        if cuts == self._cuts:
            self._durable = max(self._durable, size)

    def hold(self) -> None:
        """A file can be cut anywhere."""

    def back_to(self, mark: int) -> None:
        """Cut the file at `mark` bytes."""
        self.flush()
        try:
            os.ftruncate(self._fd, mark)
            os.lseek(self._fd, mark, os.SEEK_SET)
        except OSError as error:
            raise cannot_write(self.name, error) from error
        self.size = mark
        self._durable = min(self._durable, mark)
        self._cuts += 1

    async def finish(self, *, complete: bool) -> None:
        """Make it durable and give it its name, or leave the partial."""
        self.close(complete=complete)

    def close(self, *, complete: bool) -> None:
        """What `finish` does, for callers without an event loop; a second call does nothing."""
        if self._fd < 0:
            return
        try:
            if not self._failed and not self.finished:
                self.flush()
                if complete:
                    self._rename()
        finally:
            self._let_go()

    def discard(self) -> None:
        """Remove the partial, unless an earlier process wrote to it: that run, or a refused resume, may go on."""
        if self._fd >= 0:
            if not self._kept and not self._stale:
                self._partial.unlink(missing_ok=True)
            self._settled = True
            self._let_go()

    def _reopen(self) -> None:
        """Complete was complete without the targets that were away; now they have come back."""
        os.close(self._fd)
        self._fd = -1
        self._fd = reopen_partial(self._path, self.name, self._rows_end)
        self.size = self._kept = self._durable = self._rows_end
        self.finished = self._settled = False

    def _let_go(self) -> None:
        with self._syncing:  # a number that was closed under a running fsync may be another file's by then
            os.close(self._fd)
            self._fd = -1

    def _sync(self) -> None:
        """In a thread. A partial that was closed meanwhile is opened once more: its pages are the same."""
        with self._syncing:
            if self._settled:
                return
            fd = self._fd if self._fd >= 0 else os.open(self._partial, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                if fd != self._fd:
                    os.close(fd)
            if not self._durable:
                sync_folder(self._path.parent)

    def _empty(self) -> None:
        """Now it is ours: what a dead run wrote goes."""
        if self._stale:
            os.ftruncate(self._fd, 0)
            self._stale = False

    def _rename(self) -> None:
        try:
            self._empty()
            os.fsync(self._fd)
            self._settled = True
            self._partial.replace(self._path)
        except OSError as error:
            self._failed = "" if self._settled else describe_os_error(error)
            raise cannot_write(self.name, error) from error
        sync_folder(self._path.parent)

    def _broken(self) -> StoppedError:
        return StoppedError(f'cannot write "{self.name}": {self._failed} (an earlier write failed)')


def write_all(fd: int, data: bytes | bytearray) -> None:
    """Write all of `data` to `fd`, whatever it takes at a time."""
    with memoryview(data) as view:
        done = 0
        while done < len(view):
            done += os.write(fd, view[done:])


def cannot_write(name: str, error: OSError) -> StoppedError:
    """The one line for an output that takes no more."""
    return StoppedError(f'cannot write "{name}": {describe_os_error(error)}')
