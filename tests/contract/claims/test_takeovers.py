"""A takeover and open claims wait for each other."""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq import markers
from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner
from bulkq.model import Phase
from tests.support.claims import BUSY, IMPATIENT, OWNER, RUN, WRITES, Target, apply, prepared, sets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.protocols import Connection


class Held:
    """A batch that has been applied and waits, before its COMMIT, until it is let go."""

    def __init__(self, connection: Connection, target: Target) -> None:
        self._loop = asyncio.get_running_loop()
        self.reached = asyncio.Event()
        self.release = threading.Event()
        self._connection, self._target = connection, target

    def before_commit(self, changed: int) -> None:
        """SQLite's: in the thread."""
        self._loop.call_soon_threadsafe(self.reached.set)
        assert self.release.wait(10)

    async def run(self) -> int:
        """The batch 1 to 10."""
        statement = await prepared(self._connection)
        reply = await self._connection.attempt(
            statement, sets(1, 10), WRITES, claim=self._target.claim(1, 10), before_commit=self.before_commit
        )
        return reply.changed


@asynccontextmanager
async def open_claim(target: Target, owner: str = OWNER) -> AsyncIterator[None]:
    """Somebody's transaction with the marker of the batch 1 to 10, open inside; it commits at the end."""
    if not target.locks:
        async with target.connected() as connection:
            held = Held(connection, target)
            task = asyncio.create_task(held.run())
            await held.reached.wait()
            try:
                yield
            finally:
                held.release.set()
            assert await task == 10
        return
    session = await asyncpg.connect(target.direct, server_settings={"application_name": "bulkq/rival"})
    await session.execute("BEGIN")
    assert await session.execute(markers.claim(target.claim(1, 10, owner=owner), "postgres")) == "INSERT 0 1"
    await session.execute("update items set n = n + 1 where id between 1 and 10")
    await session.execute(markers.count(target.claim(1, 10), 10))
    yield
    await session.execute("COMMIT")
    await session.close()


async def test_an_open_rival_is_waited_for(connection: Connection, target: Target) -> None:
    """A claim waits for the lock timeout, says in which phase and for whom, and may be repeated until the rival ends."""
    async with open_claim(target):
        with pytest.raises(DatabaseError) as caught:
            await apply(connection, target, 1, 10, limits=IMPATIENT)
        assert caught.value.phase is Phase.CLAIMING
        assert caught.value.sqlstate in BUSY
        assert (caught.value.position, caught.value.connection_lost) == (None, False)
        if target.kind in {"asyncpg", "pgbouncer"}:
            assert "(bulkq/rival" in (caught.value.hint or "")
        waiting = asyncio.create_task(apply(connection, target, 1, 10))
        _, late = await asyncio.wait([waiting], timeout=0.2)
        assert late
    with pytest.raises(AlreadyApplied) as applied:
        await waiting
    assert (applied.value.last, applied.value.rows) == (10, 10)
    assert await target.total() == 10


async def test_taking_over_waits_for_open_claims(connection: Connection, target: Target) -> None:
    """A new owner comes after every transaction of the old one, sees their markers, and none can follow."""
    take = target.taking_over("new:3")
    async with open_claim(target):
        with pytest.raises(DatabaseError) as caught:
            await connection.administer(take, lock_timeout_s=0.3)
        assert caught.value.sqlstate in BUSY
        assert not caught.value.connection_lost
        if target.kind in {"asyncpg", "pgbouncer"}:
            assert "(bulkq/rival" in (caught.value.hint or "")
        assert await target.fetch(markers.owners(target.tables, RUN)) == [(OWNER,)]
        taking = asyncio.create_task(connection.administer(take, lock_timeout_s=None))
        _, late = await asyncio.wait([taking], timeout=0.2)
        assert late
    assert await taking == [(RUN,)]
    assert await connection.administer([markers.applied(target.tables, RUN)]) == [(0, 1, 10, 10)]
    async with target.connected() as old:
        with pytest.raises(NotOwner) as refused:
            await apply(old, target, 11, 20)
        assert refused.value.owner == "new:3"
    assert await apply(connection, target, 11, 20, owner="new:3") == 10
    assert await target.total() == 20


async def test_taking_over_leaves_other_runs_alone(connection: Connection, target: Target) -> None:
    """An open batch of another run is not waited for, and while the takeover waits, other runs go on."""
    if not target.locks:
        pytest.skip("a transaction locks more than a row there, or nothing")
    other = replace(target.claim(1, 10), run="another")
    await connection.administer([markers.begin(target.tables, "another", OWNER)])
    session = await asyncpg.connect(target.direct)
    await session.execute("BEGIN")
    for statement in markers.claiming(other, "postgres"):
        await session.execute(statement)
    assert await connection.administer(target.taking_over("new:3"), lock_timeout_s=0.5) == [(RUN,)]
    async with open_claim(target, owner="new:3"), target.connected() as busy:
        taking = asyncio.create_task(connection.administer(target.taking_over("new:4"), lock_timeout_s=None))
        _, late = await asyncio.wait([taking], timeout=0.2)
        assert late
        statement = await prepared(busy)
        reply = await busy.attempt(statement, sets(11, 20), IMPATIENT, claim=replace(other, first=11, last=20))
        assert reply.changed == 10
    assert await taking == [(RUN,)]
    await session.execute("ROLLBACK")
    await session.close()


async def test_a_busy_owner_lets_a_takeover_through(connection: Connection, target: Target) -> None:
    """Its batches overlap without end; the takeover comes in the order of asking, and the next batch is refused."""
    if not target.locks:
        pytest.skip("no shared locks that newcomers get past a waiting update")
    firsts = itertools.count(1)

    async def busy() -> None:
        async with target.connected() as lane:
            statement = await prepared(
                lane,
                "update items set n = n + cast(:by as integer) where id = cast(:id as integer) and pg_sleep(0.3) is not null",
            )
            for first in firsts:
                await lane.attempt(statement, sets(first, first), WRITES, claim=target.claim(first, first))

    lanes = []
    for _ in range(4):
        lanes.append(asyncio.create_task(busy()))
        await asyncio.sleep(0.08)  # so that they overlap
    before = len(await target.markers())
    assert await connection.administer(target.taking_over("new:3"), lock_timeout_s=20) == [(RUN,)]
    assert len(await target.markers()) - before <= 2 * len(lanes), "those that were open, and who asked before it"
    done, _ = await asyncio.wait(lanes, timeout=5)
    assert len(done) == len(lanes)
    assert all(isinstance(lane.exception(), NotOwner) for lane in done)


async def test_a_claim_waits_for_a_takeover(target: Target) -> None:
    """While somebody takes the run over, the old owner's claims wait; afterwards they are refused."""
    if not target.locks:
        pytest.skip("a takeover cannot be held open from outside")
    session = await asyncpg.connect(target.direct)
    await session.execute("BEGIN")
    await session.execute(markers.take_over(target.tables, RUN, "new:3"))
    async with target.connected() as connection:
        waiting = asyncio.create_task(apply(connection, target, 1, 10))
        _, late = await asyncio.wait([waiting], timeout=0.2)
        assert late
        await session.execute("COMMIT")
        with pytest.raises(NotOwner):
            await waiting
    await session.close()
    assert await target.total() == 0
