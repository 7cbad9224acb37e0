"""One thread for each connection; the loop is never blocked."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading

import pytest

from bulkq.drivers.threads import DatabaseThread
from bulkq.errors import DatabaseError
from bulkq.model import Limits
from tests.support.databases import fresh
from tests.support.sqlalchemy_sessions import ENDLESS, connected, run

# --- threads ----------------------------------------------------------------------------------------------------------


async def test_one_thread_for_one_connection(request: pytest.FixtureRequest) -> None:
    """As many private threads as connections, each gone with its connection."""
    base = fresh("duckdb", request)

    def ours() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name == "bulkq duckdb"]

    connections = [await connected(base, "duckdb") for _ in range(3)]
    assert len(ours()) == 3
    await asyncio.gather(*(run(connection, "select 1 as x") for connection in connections))
    assert len(ours()) == 3
    for connection in connections:
        await connection.close()
    assert ours() == []


async def test_context_variables_travel_along() -> None:
    """Like `asyncio.to_thread`: what the caller's context says is said in the thread."""
    variable = contextvars.ContextVar("variable", default="nothing")
    thread = DatabaseThread("test")
    variable.set("something")
    assert await thread.run(variable.get) == "something"
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await thread.run(lambda: next(iter(())))
    thread.end()
    assert thread.join(5)


async def test_the_loop_is_never_blocked(request: pytest.FixtureRequest) -> None:
    """While DuckDB scans with all its threads, and while it turns rows into Python objects, a heartbeat is not late by 100 ms."""
    connection = await connected(fresh("duckdb", request), "duckdb")
    rows = "select i, 'row ' || i as name, i * 2 as twice from range(200000) as t(i)"

    async def latest(work: asyncio.Task[object]) -> float:
        loop = asyncio.get_running_loop()
        late_s = 0.0
        while not work.done():
            before_s = loop.time()
            await asyncio.sleep(0.005)
            late_s = max(late_s, loop.time() - before_s - 0.005)
        return late_s

    found: list[float] = []
    gc.collect()
    for _ in range(6):  # somebody else's load is not ours: one quiet round shows it
        scan = asyncio.create_task(run(connection, ENDLESS, limits=Limits(timeout_s=0.4)))
        late_s = await latest(scan)
        assert isinstance(scan.exception(), DatabaseError)
        fetch = asyncio.create_task(run(connection, rows))
        found.append(max(late_s, await latest(fetch)))
        assert len(fetch.result().positions) == 200_000
        if found[-1] < 0.1:
            break
    await connection.close()
    assert min(found) < 0.1
