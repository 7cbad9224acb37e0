"""Sessions behind the handler of a Dask worker."""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING

from bulkq.engine.executors import dask_worker
from tests.support.loopback_workers import settings

if TYPE_CHECKING:
    import pytest


class Server:
    """What a Dask worker gives a function."""

    def __init__(self) -> None:
        self.handlers: dict[str, object] = {}
        self.extensions: dict[str, object] = {}


async def test_a_session_takes_the_place_of_an_older_one_of_its_run() -> None:
    """The worker was thought dead and is used again: what it still did for the run ends."""
    server = Server()
    first = await dask_worker.begin_session(pickle.dumps(settings("a")), dask_worker=server)
    assert server.handlers == {"bulkq": dask_worker.respond}
    ping = pickle.dumps((1, "ping", None, ()))
    assert pickle.loads(await dask_worker.respond(first, ping)) == ("value", 0)
    second = await dask_worker.begin_session(pickle.dumps(settings("b")), dask_worker=server)
    assert await dask_worker.respond(first, ping) == b""
    assert pickle.loads(await dask_worker.respond(second, ping)) == ("value", 0)
    await dask_worker._sessions.pop(second).end()


async def test_a_worker_that_closes_waits_for_its_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not longer than the grace, and not at all for pings or without a session."""
    monkeypatch.setattr(dask_worker, "NOTICED_S", 0.0)
    server = Server()
    session = await dask_worker.begin_session(pickle.dumps(settings("c")), dask_worker=server)
    extension = server.extensions["bulkq"]
    assert isinstance(extension, dask_worker.SessionExtension)
    released = asyncio.Event()

    async def attempt(connection: int) -> int:
        await released.wait()
        return connection

    monkeypatch.setattr(dask_worker._sessions[session], "on_attempt", attempt)
    batch = asyncio.ensure_future(dask_worker.respond(session, pickle.dumps((1, "attempt", 7, (7,)))))
    closing = asyncio.ensure_future(extension.close())
    await asyncio.sleep(0.12)
    assert not closing.done()
    released.set()
    await closing
    assert pickle.loads(await batch) == ("value", 7)
    released.clear()
    monkeypatch.setattr(dask_worker, "GRACE_S", 0.05)
    batch = asyncio.ensure_future(dask_worker.respond(session, pickle.dumps((2, "attempt", 7, (7,)))))
    await extension.close()
    assert not batch.done()
    released.set()
    await batch
    await dask_worker._sessions.pop(session).end()
    await extension.close()


def test_a_worker_without_bulkq_can_be_asked() -> None:
    """The expression needs nothing but Python."""
    found = eval(dask_worker.PROBE, {})
    assert found["packages"]["bulkq"]
    assert found["pid"]
