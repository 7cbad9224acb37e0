"""Requests and answers over a Unix socket, between a run and the workers that it has started on this machine.

A message of Dask goes through three layers and TLS, which together take as long as a few hundred lookups. On Linux, the socket has a
name outside of the file system: it needs no folder, and none is left if the run is killed. The kernel says which user is at the
other end. On other systems, the socket is in a folder that only this user can open.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import struct
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.engine.executors.worker_session import WorkerSession

ABSTRACT = sys.platform == "linux"
"""Whether the system has names of sockets outside of the file system."""

CREDENTIALS = struct.Struct("3i")
"""Process, user and group at the other end, see unix(7)."""

HEAD = struct.Struct(">QQ")
"""Number of a frame, and the length of its data."""

LONGEST_PATH = 100
"""Bytes of the path of a socket; systems allow 104 to 108."""

CONNECT_S = 2.0
"""Seconds that a worker gets to connect."""


class FrameProtocol(asyncio.Protocol):
    """Cuts what arrives into frames.

    Args:
        take: is given each frame: its number and its data.
        end: is called when the connection has ended.
    """

    def __init__(self, take: Callable[[int, bytes], None], end: Callable[[], None]) -> None:
        self._take = take
        self._end = end
        self._waiting = bytearray()
        self._wanted = HEAD.size  # bytes until the next frame may be whole
        self._transport: asyncio.Transport | None = None

    def send(self, number: int, data: bytes) -> None:
        """Send a frame; drop it if the connection has ended."""
        if self._transport is not None:
            self._transport.write(HEAD.pack(number, len(data)) + data)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`, as the other methods. A process of another user is not listened to."""
        self._transport = cast("asyncio.Transport", transport)
        if ABSTRACT and peer_user(transport) != os.geteuid():
            self._take = _ignore
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Give all frames that are whole."""
        if not self._waiting and len(data) >= HEAD.size:  # mostly, just one frame has arrived
            number, length = HEAD.unpack_from(data)
            if len(data) == HEAD.size + length:
                self._take(number, data[HEAD.size :])
                return
        self._waiting += data
        while len(self._waiting) >= self._wanted:
            number, length = HEAD.unpack_from(self._waiting)
            end = HEAD.size + length
            if len(self._waiting) < end:
                self._wanted = end
                return
            frame = bytes(memoryview(self._waiting)[HEAD.size : end])
            del self._waiting[:end]
            self._wanted = HEAD.size
            self._take(number, frame)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the other process has ended in any case
        """Note the end."""
        self._transport = None
        self._end()


class RequestStream:
    """The run's end of a connection: sends requests, and gives each its answer."""

    def __init__(self, protocol: FrameProtocol) -> None:
        self._protocol = protocol
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._ended = False

    def send(self, data: bytes) -> asyncio.Future[bytes]:
        """Send a request. The future gets its answer, or an OSError if the connection ends."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if self._ended:
            answer.set_exception(ConnectionResetError("the worker has ended"))
            return answer
        number = next(self._numbers)
        self._waiting[number] = answer
        self._protocol.send(number, data)
        return answer

    def take(self, number: int, data: bytes) -> None:
        """Take an answer. Its request may have been given up."""
        answer = self._waiting.pop(number)
        if not answer.done():
            answer.set_result(data)

    def end(self) -> None:
        """Note that the connection has ended."""
        self._ended = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("the worker has ended"))
        self._waiting.clear()

    def close(self) -> None:
        """End the connection."""
        self._protocol.close()


class StreamServer:
    """Accepts the connections of workers on this machine, each of which begins with the id of its session."""

    def __init__(self) -> None:
        self.path = ""
        """Name of the socket, which begins with NUL outside of the file system; "" if there is none: the system has no such sockets,
        or no temporary folder with a short name.
        """

        self._folder = ""
        self._server: asyncio.Server | None = None
        self._streams: dict[str, RequestStream] = {}
        self._expected: dict[str, asyncio.Future[RequestStream]] = {}

    async def open(self) -> None:
        """Listen, if the system lets this process."""
        if not hasattr(socket, "AF_UNIX"):
            return
        with contextlib.suppress(OSError):
            path = f"\0bulkq-{secrets.token_hex(16)}" if ABSTRACT else self._make_folder()
            if len(path.encode()) <= LONGEST_PATH:
                self._server = await asyncio.get_running_loop().create_unix_server(self._accept, path)
                self.path = path

    def expect(self, session: str) -> asyncio.Future[RequestStream]:
        """Return the future connection of a session."""
        return self._expected.setdefault(session, asyncio.get_running_loop().create_future())

    def close(self) -> None:
        """Stop listening, and end all connections."""
        if self._server is not None:
            self._server.close()
        for stream in self._streams.values():
            stream.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _make_folder(self) -> str:
        self._folder = tempfile.mkdtemp(prefix="bulkq-")  # mode 700
        return str(Path(self._folder, "s"))

    def _accept(self) -> FrameProtocol:
        stream: RequestStream | None = None

        def take(number: int, data: bytes) -> None:
            nonlocal stream
            if stream is not None:
                stream.take(number, data)
                return
            expected = self._expected.pop(data.decode(), None)
            if expected is None or expected.done():
                protocol.close()
                return
            stream = self._streams[data.decode()] = RequestStream(protocol)
            expected.set_result(stream)

        def end() -> None:
            if stream is not None:
                stream.end()

        protocol = FrameProtocol(take, end)
        return protocol


async def connect_session(session: WorkerSession, path: str) -> None:
    """Answer the requests to a session that come through the socket at `path`. If the connection ends, the session ends.

    Raises:
        OSError: there is no such socket here.
    """
    loop = asyncio.get_running_loop()
    protocol: FrameProtocol

    def take(number: int, data: bytes) -> None:
        session.begin(data, lambda answer: protocol.send(number, answer))

    def end() -> None:
        session.end_soon()

    async with asyncio.timeout(CONNECT_S):
        _, protocol = await loop.create_unix_connection(lambda: FrameProtocol(take, end), path)
    protocol.send(0, session.settings.session.encode())


def peer_user(transport: asyncio.BaseTransport) -> int:
    """Return the id of the user whose process is at the other end of a Unix socket. Linux only."""
    packed = transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return int(CREDENTIALS.unpack(packed)[1])


def _ignore(number: int, data: bytes) -> None:
    """Drop a frame."""
