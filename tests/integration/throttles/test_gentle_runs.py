"""A backfill that finds its pace by what others feel, beside a session that is never idle."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from tests.support.held_runs import backfilling
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.control.steerable import Steerable
    from tests.support.watchers import Watcher

MEASURES = "nice=auto measures how long the transactions of others take"


@asynccontextmanager
async def other(url: str) -> AsyncIterator[None]:
    """A session that sends one query after another."""
    connection = await asyncpg.connect(url)

    async def work() -> None:
        while True:
            await connection.execute("select 1")

    task = asyncio.create_task(work())
    yield
    task.cancel()
    await asyncio.wait((task,))
    await connection.close()


def run_of(watcher: Watcher) -> Steerable:
    """The live run."""
    assert watcher.control is not None
    assert watcher.control.run is not None
    return watcher.control.run


async def test_a_backfill_measures_others_before_its_first_range(database: str) -> None:
    """It rests and says why, until a person sets a number; `nice=auto` takes it back, and a plain role may do it too."""
    await asyncio.to_thread(
        servers.execute,
        database,
        "create table t (id int primary key, n int)",
        "insert into t select i, 0 from generate_series(1, 300) i",
    )
    fields = {"nice": "auto", "max_rate": "1000rows/s"}
    async with other(database), backfilling(database, "t", "n = n + 1", **fields) as watcher:
        async with asyncio.timeout(30):
            while watcher.control is None or watcher.control.run is None:
                await asyncio.sleep(0.01)
            run = run_of(watcher)
            while not any(line.partition(MEASURES)[1] for line in run.why()):
                await asyncio.sleep(0.01)
        assert dict(run.settings("nice")) == {"nice": "auto"}
        assert not watcher.begun
        run.change(["nice=0"], "dba@here", None)
        await watcher.until_begun(2)
        run.change(["nice=auto"], "dba@here", None)
        assert dict(run.settings("nice")) == {"nice": "auto"}
        run.change(["nice=0"], "dba@here", None)
        assert watcher.work is not None
        await asyncio.wait_for(asyncio.shield(watcher.work), 30)
    assert await asyncio.to_thread(servers.execute, database, "select count(*) from t where n = 1") == [(300,)]
