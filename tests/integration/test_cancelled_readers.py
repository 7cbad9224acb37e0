"""Readers of the Python API that are cancelled, leave or share rows: no row is lost, and no run is left behind."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

import bulkq
from tests.support import targets
from tests.support.targets import ENDLESS, Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LOOKUP = "select id, square from numbers where id = :id"


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A target of each kind with a thousand numbers."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("database")
    made = targets.make(request.param, tmp_path, database, None)
    made.numbers(1_000)
    return made


def endless(target: Target) -> str:
    """A query that gives 1 for the parameter 1, and does not end for others."""
    query = ENDLESS["sqlite" if target.sqlite else "postgresql"]
    return f"select case when cast(:id as integer) = 1 then 1 else ({query}) end as n"


async def cancel_often(task: asyncio.Task[object]) -> None:
    """Cancel `task` in each turn of the event loop until it has ended, as a cancel scope of anyio does."""
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("count", [2, 900])
async def test_a_wait_that_times_out_loses_no_row(target: Target, count: int) -> None:
    """A reader that gives up waiting for a row may ask again: it gets the same row, and all that follow."""
    stands, go_on = asyncio.Event(), asyncio.Event()

    async def sets() -> AsyncIterator[dict[str, object]]:
        for n in range(1, count + 1):
            if n in {1, count // 2 + 1, count}:
                stands.set()
                await go_on.wait()
                go_on.clear()
            yield {"id": n}

    got: list[object] = []
    async with bulkq.open(target.url, concurrency=2) as db, db.run(LOOKUP, sets()) as rows:
        row: object = ...
        while row is not None:
            reading = asyncio.ensure_future(anext(rows, None))
            while not reading.done():
                await asyncio.sleep(0)
                if stands.is_set() and not reading.done():
                    await cancel_often(reading)
                    reading = asyncio.ensure_future(anext(rows, None))
                    stands.clear()
                    go_on.set()
            row = reading.result()
            got.extend([row.id] if row is not None else [])
        assert got == list(range(1, count + 1))
        assert rows.summary is not None
        assert rows.summary.ok == count


async def test_the_end_can_be_waited_for_again(target: Target) -> None:
    """A reader that is cancelled behind the last row does not cancel the run, and gets its summary when it asks again."""
    async with bulkq.open(target.url) as db, db.run(LOOKUP, [{"id": 1}]) as rows:
        assert (await anext(rows)).id == 1
        reading = asyncio.ensure_future(anext(rows, None))
        await asyncio.sleep(0)
        await cancel_often(reading)
        assert await anext(rows, None) is None
        assert rows.summary is not None
        assert rows.summary.status is bulkq.Status.OK


async def test_readers_that_share_rows(target: Target) -> None:
    """Several tasks may read from one run: each row goes to one of them, and all of them see the end."""
    got: list[object] = []
    async with bulkq.open(target.url) as db, db.run(LOOKUP, ({"id": n} for n in range(1, 501))) as rows:

        async def reader() -> None:
            async for row in rows:
                got.append(row.id)
                await asyncio.sleep(0)

        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(reader())
    assert sorted(map(int, got)) == list(range(1, 501))  # type: ignore[call-overload]


async def test_rows_that_are_dropped_stop_their_run(target: Target) -> None:
    """A loop without `async with` that is left early gets a warning, and its run does not hold connections any longer."""
    async with bulkq.open(target.url, concurrency=2) as db:

        async def first() -> object:
            async for row in db.run(endless(target), ({"id": n} for n in range(1, 10)), timeout=60):
                return row.n
            return None

        with pytest.warns(ResourceWarning, match="the rows of a run were left before the last one: use `async with"):
            assert await first() == 1
        gc.collect()
        async with asyncio.timeout(20):
            while db._runs:
                await asyncio.sleep(0.01)
        assert target.active() == 0


@pytest.mark.parametrize("how", ["read", "execute"])
async def test_a_caller_that_is_cancelled_again_and_again(target: Target, how: str) -> None:
    """The run ends in order, though its caller cannot wait: the statement is cancelled on the server, and the connection is kept."""
    async with bulkq.open(target.url, concurrency=1) as db:

        async def read() -> None:
            async with db.run(endless(target), [{"id": 2}], timeout=60) as rows:
                async for _ in rows:
                    pass

        work = read() if how == "read" else db.execute(endless(target), [{"id": 2}], timeout=60)
        task: asyncio.Task[object] = asyncio.ensure_future(work)
        async with asyncio.timeout(20):
            while not any(control.run for control in db._runs.values()):
                await asyncio.sleep(0.01)
        await cancel_often(task)
        async with asyncio.timeout(20):
            while db._runs:
                await asyncio.sleep(0.01)
        assert target.active() == 0
        assert [tuple(row) async for row in db.run("select 1 as one")] == [(1,)]


async def test_a_caller_that_is_cancelled_while_it_connects() -> None:
    """A run that waits for a server which does not answer is given up at once, also when the block is left."""
    async with asyncio.timeout(20):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            async with bulkq.open(f"postgresql://nobody@127.0.0.1:{port}/x?connect_timeout=60") as db:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(db.execute("select 1"), 0.1)
                async with db.run("select 1"):
                    await asyncio.sleep(0)
                left = asyncio.ensure_future(db.execute("select 1"))
                await asyncio.sleep(0)
            with pytest.raises(bulkq.StoppedError, match="cancelled"):
                await left
