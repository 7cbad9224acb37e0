"""The socket of a run, from both ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from bulkq.control import client, socket_folder
from bulkq.control.client import LONGEST_REQUEST
from bulkq.control.person import local_person
from bulkq.control.server import ControlServer
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder with a short path."""
    with TemporaryDirectory(prefix="bq-") as folder:
        yield Path(folder)


async def echo(request: bytes, by: str) -> str:
    """Repeat the request, with its sender."""
    return json.dumps({"request": request.decode(), "by": by})


async def ask(path: Path, request: str) -> dict[str, object]:
    """Ask from a thread, because the server is on this loop."""
    return await asyncio.to_thread(client.ask, path, request, 5.0)


async def test_a_request_has_one_answer(state: Path) -> None:
    """The socket is private, several requests go over one connection, and nothing is left at the end."""
    server = ControlServer("01kb", echo)
    path = await server.open(state)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert await ask(path, "hello") == {"request": "hello\n", "by": local_person()}
    assert (await asyncio.to_thread(client.live_runs, state))["01kb"] == path
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"one\ntwo\n")
    assert [json.loads(await reader.readline())["request"] for _ in range(2)] == ["one\n", "two\n"]
    await server.close()
    await server.close()
    assert await reader.read() == b""
    writer.close()
    assert not path.parent.exists()
    assert "01kb" not in await asyncio.to_thread(client.live_runs, state)
    with pytest.raises(client.RunGone):
        await ask(path, "hello")


async def test_a_request_without_an_end_is_cut_off(state: Path) -> None:
    """It is told so, the connection ends, and the next one is served."""
    server = ControlServer("01kb", echo)
    path = await server.open(state)
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"x" * (3 * LONGEST_REQUEST))
    with contextlib.suppress(ConnectionResetError):  # whether the rest of the request was read is a matter of time
        assert "longer than 65536 bytes" in json.loads(await reader.read())["error"]
    writer.close()
    with pytest.raises(UsageError, match="longer than 65536 bytes: send less"):
        await ask(path, "x" * LONGEST_REQUEST)
    assert (await ask(path, "hello"))["request"] == "hello\n"
    await server.close()


async def test_the_socket_of_a_dead_process_is_replaced(state: Path) -> None:
    """It refuses connections; a reader removes it, and so does the next run."""
    for run in ("01kb", "01kc"):
        folder = socket_folder.make_folder(run, state)
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(folder / socket_folder.SOCKET))
    with pytest.raises(client.RunGone):
        await ask(state / "live" / "01kc" / socket_folder.SOCKET, "hello")
    assert not (state / "live" / "01kc").exists()
    server = ControlServer("01kb", echo)
    path = await server.open(state)
    assert (await ask(path, "hello"))["request"] == "hello\n"
    second = ControlServer("01kb", echo)
    with pytest.raises(FileExistsError, match="another process listens"):
        await second.open(state)
    await second.close()
    assert path.exists()
    await server.close()


async def test_a_state_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that the run shows, and no socket."""
    monkeypatch.setattr(socket_folder, "roots", lambda _: [tmp_path / "missing" / "deep"])
    monkeypatch.setattr(socket_folder, "LONGEST_PATH", 1000)
    server = ControlServer("01kb", echo)
    with pytest.raises(FileNotFoundError):
        await server.open(None)
    await server.close()


async def test_a_disk_that_has_no_room_for_a_socket(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder goes again."""

    async def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(asyncio, "start_unix_server", full)
    server = ControlServer("01kb", echo)
    with pytest.raises(OSError, match="No space left"):
        await server.open(state)
    assert list((state / "live").iterdir()) == []
