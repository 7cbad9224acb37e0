"""Listen for requests to a run on its socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from typing import TYPE_CHECKING

from bulkq.control import client, socket_folder
from bulkq.control.client import LONGEST_REQUEST
from bulkq.control.person import local_person
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

TOO_LONG = json.dumps(
    {
        "ok": False,
        "error": f"the request is longer than {LONGEST_REQUEST} bytes: send less",
        "exit": UsageError.exit_code,
    }
)

ACCEPTED = 4
"""Turns of the loop after which a connection that was accepted is a talk."""

CLOSE_S = 1.0
"""Seconds that the answers in progress may take at the end."""


class ControlServer:
    """The socket of one run, for the user of this process alone.

    Args:
        run: its id.
        answer: is given a request and `user@host` of its sender, and returns the answer; both are lines.
    """

    def __init__(self, run: str, answer: Callable[[bytes, str], Awaitable[str]]) -> None:
        self._run = run
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._folder: Path | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def open(self, state: Path | None) -> Path:
        """Listen, and return the path of the socket. A socket that a dead process of the run has left is replaced.

        Args:
            state: the state folder of bulkq; None if this account has none.

        Raises:
            OSError: there can be no socket; or another process listens for the same run.
        """
        await asyncio.to_thread(client.live_runs, state)  # removes what dead processes have left
        folder = socket_folder.make_folder(self._run, state)
        path = folder / socket_folder.SOCKET
        if path.exists():
            raise FileExistsError(f'another process listens at "{path}"')
        self._folder = folder
        try:
            # A socket with its final name listens: readers take one that refuses them for that of a dead process.
            made = folder / "new"
            made.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._talk, str(made), limit=LONGEST_REQUEST)
            made.chmod(0o600)
            made.rename(path)
        except BaseException:
            await self.close()
            raise
        return path

    async def close(self) -> None:
        """Stop listening, and remove socket and folder. A second call does nothing."""
        server, self._server = self._server, None
        folder, self._folder = self._folder, None
        if server is not None:
            server.close()
        if folder is not None:
            socket_folder.remove_folder(folder)
        for _ in range(ACCEPTED):
            await asyncio.sleep(0)
        for talk in self._talks:
            talk.cancel()
        if self._talks:
            await asyncio.wait(self._talks, timeout=CLOSE_S)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one sender, one line each."""
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        by = _peer(writer.get_extra_info("socket"))
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                while (line := await _line(reader)) is not None:
                    text = await self._answer(line, by) if line else TOO_LONG
                    writer.write(text.encode(errors="backslashreplace") + b"\n")
                    await writer.drain()
                    if not line:
                        break
        finally:
            self._talks.discard(task)
            writer.close()


async def _line(reader: asyncio.StreamReader) -> bytes | None:
    """The next request; None at the end. One that is too long is empty, and the last."""
    try:
        return await reader.readline() or None
    except ValueError:
        return b""


def _peer(connection: socket.socket) -> str:
    """`user@host` of the process at the other end; that of this process where the system cannot tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return local_person()
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return local_person(struct.unpack("3i", found)[1])
