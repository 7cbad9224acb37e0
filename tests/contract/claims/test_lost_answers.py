"""Connections that are cut and tasks that are cancelled: the marker tells what became of the batch."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq import markers
from bulkq.errors import AlreadyApplied, DatabaseError
from bulkq.model import Outcome, Phase
from bulkq.policy import retry
from tests.support.claims import OWNER, ROWS, WRITES, T, Target, apply, prepared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from bulkq.protocols import Connection
    from tests.support.servers.proxy import Proxy


# --- what is cut ----------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(target: Target, proxy: Proxy) -> Target:
    """The target through a network that can be broken."""
    if target.kind != "asyncpg":
        pytest.skip("the proxy stands before the server itself")
    return replace(target, url=proxy.through(target.url))


async def test_a_lost_answer_of_commit(broken: Target, target: Target, proxy: Proxy) -> None:
    """The commit happened, nobody told us: unknown, until the same claim settles it."""
    async with broken.connected() as connection:
        await apply(connection, target, 1, 10)
        proxy.cut_after_commit()
        with pytest.raises(DatabaseError) as caught:
            await apply(connection, target, 11, 20)
    assert (caught.value.phase, caught.value.connection_lost) == (Phase.COMMITTING, True)
    assert retry.outcome(caught.value, transaction=True) is Outcome.UNKNOWN
    async with broken.connected() as again:
        with pytest.raises(AlreadyApplied) as applied:
            await apply(again, target, 11, 20)
    assert (applied.value.last, applied.value.rows) == (20, 10)
    assert await target.total() == 20


@pytest.mark.parametrize("text", [b"INSERT INTO", b"COMMIT\0"])
async def test_cut_before_commit(broken: Target, target: Target, proxy: Proxy, text: bytes) -> None:
    """What never reached the server is applied once by the next attempt."""
    async with broken.connected() as connection:
        await prepared(connection)
        proxy.cut_before(text)
        with pytest.raises(DatabaseError) as caught:
            await apply(connection, target, 1, 10)
    phase = Phase.COMMITTING if text.startswith(b"COMMIT") else Phase.CLAIMING
    assert (caught.value.phase, caught.value.connection_lost) == (phase, True)
    async with broken.connected() as again:
        assert await apply(again, target, 1, 10) == 10
    assert await target.total() == 10
    assert await target.markers() == [(1, 10, 10)]


@pytest.mark.long
async def test_cut_anywhere(broken: Target, target: Target, proxy: Proxy) -> None:
    """Whichever byte was the last, repeating the claim applies the batch once."""
    random.seed(20261122)
    for first in range(1, ROWS, 10):
        while True:
            async with broken.connected() as connection:
                await prepared(connection)
                side = random.choice(["server", "client"])
                proxy.cut_after_bytes(random.randrange(1, 1200), side)
                try:
                    await apply(connection, target, first, first + 9)
                except AlreadyApplied as error:
                    assert (error.last, error.rows) == (first + 9, 10)
                except DatabaseError as error:
                    assert error.connection_lost
                    await proxy.resume()
                    continue
                await proxy.resume()
                break
    assert await target.total() == ROWS
    assert len(await target.markers()) == ROWS // 10


async def test_administering_says_when_nobody_knows(broken: Target, target: Target, proxy: Proxy) -> None:
    """A lost answer of its COMMIT is in the phase; a cut before it is not."""
    async with broken.connected() as connection:
        proxy.cut_after_commit()
        with pytest.raises(DatabaseError) as caught:
            await connection.administer([markers.begin(target.tables, "other", OWNER)])
        assert (caught.value.phase, caught.value.connection_lost) == (Phase.COMMITTING, True)
    async with broken.connected() as connection:
        assert await connection.administer([markers.owners(target.tables, "other")]) == [(OWNER,)]
        proxy.cut_before(b"synchronous_commit")
        with pytest.raises(DatabaseError) as caught:
            await connection.administer([markers.remove(target.tables, "other")[1]])
        assert (caught.value.phase, caught.value.connection_lost) == (Phase.SENT, True)


# --- what is called back --------------------------------------------------------------------------------------------


WAIT_AT_COMMIT = """\
create function wait() returns trigger language plpgsql as 'begin perform pg_sleep(0.6); return null; end';
create constraint trigger w after update on items deferrable initially deferred for each row
when (new.id = 1) execute function wait()"""


@asynccontextmanager
async def committing(
    target: Target, work: Callable[[], Coroutine[object, object, T]]
) -> AsyncIterator[asyncio.Task[T]]:
    """`work` as a task that is in the middle of a COMMIT."""
    if target.kind not in {"asyncpg", "pgbouncer"}:
        pytest.skip("has no triggers at COMMIT")
    session = await asyncpg.connect(target.direct)
    await session.execute(WAIT_AT_COMMIT)
    task = asyncio.create_task(work())
    asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    while not await session.fetchval(asleep):
        await asyncio.sleep(0.01)
    await session.close()
    yield task


async def test_called_back_during_a_slow_commit(target: Target) -> None:
    """A commit that takes its time is waited for, and its reply is given: who was called back knows from `cancelling`."""

    async def work() -> tuple[int, int]:
        async with target.connected() as connection:
            changed = await apply(connection, target, 1, 10)
            task = asyncio.current_task()
            assert task is not None
            return changed, task.cancelling()

    async with committing(target, work) as task:
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()
        assert await task == (10, 2)
    assert await target.total() == 10
    assert await target.markers() == [(1, 10, 10)]


async def test_called_back_during_an_endless_commit(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer within the grace: the outcome is unknown and says so, and the same claim settles it."""
    monkeypatch.setattr("bulkq.drivers.asyncpg.commit.GRACE_S", 0.2)

    async def work() -> None:
        async with target.connected() as connection:
            await apply(connection, target, 1, 10)

    async with committing(target, work) as task:
        task.cancel()
        with pytest.raises(DatabaseError, match="without an answer within") as caught:
            await task
    error = caught.value
    assert (error.phase, error.confirmed, error.connection_lost) == (Phase.COMMITTING, False, True)
    assert (error.pid is None) is (target.kind == "pgbouncer")
    assert retry.outcome(error, transaction=True) is Outcome.UNKNOWN
    async with target.connected() as again:
        try:
            assert await apply(again, target, 1, 10) == 10
        except AlreadyApplied as applied:
            assert (applied.last, applied.rows) == (10, 10)
    assert await target.total() == 10


async def test_called_back_at_any_moment(target: Target) -> None:
    """Many times: what was told to be applied is applied, nothing else is, and what was changed is what the markers say."""
    random.seed(7)
    connection = await target.connect()
    applied, cancelled, unknown = {1, 3}, 0, set()
    for first in sorted(applied):  # the second one tells how long they take
        began_s = time.monotonic()
        await apply(connection, target, first, first + 1)
        usual_s = time.monotonic() - began_s
    times = 200 if target.kind in {"asyncpg", "pgbouncer", "aiosqlite"} else 60
    for number in range(3, times + 1):
        first = 2 * number - 1
        task = asyncio.create_task(apply(connection, target, first, first + 1))
        await asyncio.sleep(random.random() * 1.5 * usual_s)
        task.cancel()
        await asyncio.wait([task])
        if task.cancelled():
            cancelled += 1
        elif (error := task.exception()) is None:
            applied.add(first)
        else:
            assert isinstance(error, DatabaseError)
            assert error.phase is Phase.COMMITTING
            unknown.add(first)
        if not await usable(connection):
            await connection.close()
            connection = await target.connect()
    await connection.close()
    found = {first for first, _, rows in await target.markers() if rows == 2}
    assert applied <= found <= applied | unknown
    assert len(await target.markers()) == len(found)
    assert await target.total() == 2 * len(found)
    assert cancelled


async def usable(connection: Connection) -> bool:
    """Whether the session still answers."""
    try:
        statement = await prepared(connection, "select 7 as n")
        reply = await connection.attempt(statement, [()], replace(WRITES, read_only=True))
    except DatabaseError as error:
        assert error.connection_lost
        return False
    assert [list(column) for column in reply.values] == [[7]]
    return True
