"""Requests over a Unix socket."""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
from pathlib import Path

import pytest

from bulkq.engine.executors import unix_socket
from bulkq.engine.executors.garbage_collection import COLLECTED_AFTER
from bulkq.engine.executors.unix_socket import HEAD, FrameProtocol, StreamServer, connect_session
from bulkq.engine.executors.worker_channel import WorkerChannel, WorkerLost
from bulkq.engine.executors.worker_session import WorkerSession
from tests.support.loopback_workers import settings


def test_frames_arrive_whole_however_they_are_cut() -> None:
    """The system gives bytes as they come."""
    sent = [(1, b""), (2, b"abc"), (3, bytes(5000))]
    data = b"".join(HEAD.pack(number, len(text)) + text for number, text in sent)
    for size in (1, 7, 19, 4000, len(data)):
        found: list[tuple[int, bytes]] = []
        protocol = FrameProtocol(lambda number, text, found=found: found.append((number, text)), lambda: None)
        for at in range(0, len(data), size):
            protocol.data_received(data[at : at + size])
        assert found == sent
    protocol.send(1, b"dropped")
    protocol.close()


@pytest.mark.parametrize("abstract", [False, True])
async def test_a_session_is_reached_and_ends_with_the_connection(
    abstract: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is gone leaves nothing behind, and the thresholds of the process are its own again."""
    if abstract and not unix_socket.ABSTRACT:
        pytest.skip("Linux")
    monkeypatch.setattr(unix_socket, "ABSTRACT", abstract)
    before = gc.get_threshold()
    server = StreamServer()
    await server.open()
    assert abstract or Path(server.path).parent.stat().st_mode & 0o777 == 0o700
    session = WorkerSession(settings("s1"))
    stranger = WorkerSession(settings("s2"))
    assert gc.get_threshold() == COLLECTED_AFTER
    expected = server.expect("s1")
    await connect_session(session, server.path)
    await connect_session(stranger, server.path)
    channel = WorkerChannel("w1", (await expected).send)
    assert await channel.request("ping") == 0
    session.on_wait = asyncio.Event().wait  # type: ignore[attr-defined]
    waiting = asyncio.create_task(channel.request("wait"))
    await asyncio.sleep(0.01)
    server.close()
    with pytest.raises(WorkerLost, match="its connection broke: the worker has ended"):
        await waiting
    with pytest.raises(WorkerLost, match="its connection broke: the worker has ended"):
        await channel.request("ping")
    async with asyncio.timeout(5):
        while not (session.ended and stranger.ended):
            await asyncio.sleep(0.01)
    assert gc.get_threshold() == before
    assert abstract or not Path(server.path).parent.exists()


@pytest.mark.skipif(not unix_socket.ABSTRACT, reason="Linux")
async def test_a_process_of_another_user_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names outside of the file system have no permissions, so each end looks at the user of the other."""
    server = StreamServer()
    await server.open()
    session = WorkerSession(settings("s1"))
    expected = server.expect("s1")
    monkeypatch.setattr(unix_socket, "peer_user", lambda transport: os.geteuid() + 1)
    await connect_session(session, server.path)
    async with asyncio.timeout(5):
        while not session.ended:
            await asyncio.sleep(0.01)
    await session.end()
    await asyncio.sleep(0.05)  # the server accepts the connection, and sees its end
    assert not expected.done()
    server.close()


async def test_a_folder_with_a_long_name_has_no_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then requests are messages of Dask."""
    (long := tmp_path / ("x" * 100)).mkdir()
    monkeypatch.setattr(unix_socket, "ABSTRACT", False)
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    server = StreamServer()
    await server.open()
    assert server.path == ""
    server.close()
    assert not list(long.iterdir())
    monkeypatch.setattr(tempfile, "tempdir", str(long / "none"))
    await server.open()
    assert server.path == ""
