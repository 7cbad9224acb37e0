"""An output that is read while it is written: stdout, a FIFO, a terminal, /dev/null."""

from __future__ import annotations

import asyncio
import os
import queue
import select
import stat
import threading
from typing import TYPE_CHECKING, BinaryIO

from bulkq.errors import BulkqError, OutputClosed, StoppedError, UsageError
from bulkq.sinks.file_output import cannot_write, describe_os_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import SinkPosition

HELD_BYTES = 8 * 1024 * 1024
"""How much of an answer waits for its end. More than this goes to the reader, and cannot be taken back."""


AHEAD_BYTES = 16 * 1024 * 1024
"""Bytes that may wait for a slow reader if the caller does not await; more blocks the event loop."""


class StreamOutput:
    """Bytes for a reader. After `hold` they wait, up to `HELD_BYTES`, so that a retry leaves no half answer."""

    finished = False

    def __init__(self, stream: BinaryIO, name: str, *, run: str = "", close: bool = False) -> None:
        """Write to `stream`, called `name` in messages; `close` it at the end. A thread is called after `run`."""
        self.size = 0
        self.notices: list[str] = []
        self._stream = stream
        self._name = name
        self._close = close
        self._ready = bytearray()
        self._held: bytearray | None = None
        fd = _descriptor(stream)
        slow = fd is not None and _may_block(fd)
        self._pump = _Pump(self._write, f"bulkq {run} {name}") if slow else None
        self._fd = fd
        self._error: BulkqError | None = None

    def append(self, data: bytes) -> asyncio.Future[None] | None:
        """Send `data`, or keep it while something is held."""
        if self._error is not None:
            raise self._error
        self.size += len(data)
        if self._held is None:
            return self._send(data)
        self._held += data
        if len(self._held) > HELD_BYTES:
            self._release()
        return self._send(b"") if self._ready else None

    def hold(self) -> None:
        """Mark the rows so far as final; the next `append` sends them."""
        self._release()
        self._held = bytearray()

    def back_to(self, mark: int) -> None:
        """Forget what is still held after `mark`.

        Raises:
            StoppedError: the reader has it already.
        """
        cut = self.size - mark
        if cut > len(self._held or b""):
            raise StoppedError(
                f"{self._name}: part of the failed result was already written and cannot be taken back: use -o FILE"
            )
        if self._held is not None and cut:
            del self._held[-cut:]
        self.size = mark

    def start(self, size: int) -> bytes:
        """Nothing: what an earlier process sent is its reader's."""
        del size
        return b""

    def positions(self) -> tuple[SinkPosition, ...]:
        """None: what a reader has cannot be cut back."""
        return ()

    async def fsync(self) -> None:
        """Nothing to put on disk."""

    async def finish(self, *, complete: bool) -> None:
        """Send the rest; with `complete` also wait for pending writes, because the thread ends with the process."""
        self._release()
        if (self._ready or complete) and self._error is None:
            sent = self._send(b"")
            if sent is not None:
                await sent
        self.discard()

    def discard(self) -> None:
        """End the thread and close what we opened."""
        if self._pump is not None:
            self._pump.stop()
        if self._close:
            self._stream.close()

    def _release(self) -> None:
        if self._held:
            self._ready += self._held
        self._held = None

    def _send(self, data: bytes) -> asyncio.Future[None] | None:
        if self._ready:
            data = bytes(self._ready) + data
            self._ready.clear()
        if self._pump is not None:
            return self._pump.send(data)
        self._write(data)
        return None

    def _write(self, data: bytes) -> None:
        try:
            if self._fd is None:
                self._stream.write(data)
                self._stream.flush()
            else:
                _write_patiently(self._fd, data)
        except BrokenPipeError as error:
            self._error = OutputClosed(f"{self._name} was closed by its reader")
            raise self._error from error
        except OSError as error:
            self._error = cannot_write(self._name, error)
            raise self._error from error


class _Pump:
    """A thread that does the writes that may wait for a reader.

    A daemon, unlike the threads of `asyncio.to_thread`: when the reader never reads again, it must not
    keep the process from ending. Started with the first bytes.
    """

    def __init__(self, write: Callable[[bytes], None], name: str) -> None:
        self._write = write
        self._queue: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._waiting = 0
        self._moved = threading.Condition()

    def send(self, data: bytes) -> asyncio.Future[None]:
        """Queue `data`, and return a future that is done when the thread has written it.

        Blocks while more than `AHEAD_BYTES` are queued. The future raises the error of the write.
        """
        if self._thread.ident is None:
            self._thread.start()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._moved:
            # COPY's writer is called without await: memory stays bounded even so.
            self._moved.wait_for(lambda: self._waiting <= AHEAD_BYTES)
            self._waiting += len(data)
        self._queue.put((data, future))
        return future

    def stop(self) -> None:
        """End the thread after the writes that are queued. Does not wait for it."""
        self._queue.put(None)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            data, future = item
            error: BulkqError | None = None
            try:
                self._write(data)
            except BulkqError as caught:
                error = caught
            with self._moved:
                self._waiting -= len(data)
                self._moved.notify()
            loop = future.get_loop()
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, future, error)


def _settle(future: asyncio.Future[None], error: BulkqError | None) -> None:
    if future.done():  # the waiting task was cancelled
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
        future.exception()  # retrieved: COPY's writer may drop the future, and the next append raises anyway


def _write_patiently(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:  # the parent process made the descriptor non-blocking
            select.select([], [fd], [])


def _descriptor(stream: BinaryIO) -> int | None:
    try:
        stream.flush()
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _may_block(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(fd)


def open_stream(path: str, *, run: str = "") -> StreamOutput:
    """Open a path that is not a regular file; a FIFO waits here for its reader.

    Raises:
        UsageError: we may not write there.
    """
    try:
        stream: BinaryIO = open(path, "wb", buffering=0)  # noqa: PTH123, SIM115
    except OSError as error:
        raise UsageError(f'cannot write "{path}": {describe_os_error(error)}') from error
    return StreamOutput(stream, path, run=run, close=True)


def silence_stdout(stdout: BinaryIO) -> None:
    """Point `stdout` at /dev/null, so that the flush at exit says nothing about a reader that has left."""
    try:
        fd = stdout.fileno()
    except (OSError, ValueError, AttributeError):
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, fd)
    finally:
        os.close(null)
