"""Sessions behind the handler of a Dask worker."""

from __future__ import annotations

import pickle

from bulkq.engine.executors import dask_worker
from tests.support.loopback_workers import settings


class Server:
    """What a Dask worker gives a function."""

    def __init__(self) -> None:
        self.handlers: dict[str, object] = {}


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


def test_a_worker_without_bulkq_can_be_asked() -> None:
    """The expression needs nothing but Python."""
    found = eval(dask_worker.PROBE, {})
    assert found["packages"]["bulkq"]
    assert found["pid"]
