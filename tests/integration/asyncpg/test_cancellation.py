"""Deadlines, cancelled tasks and lost networks: the server stops, and the session answers or is closed."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import open_driver
from bulkq.errors import DatabaseError
from bulkq.lifecycle.maintain.target_objects import able
from bulkq.model import (
    Limits,
    Phase,
)
from tests.support.asyncpg_sessions import READS, active, answers, connected, gone, prepared

if TYPE_CHECKING:
    import asyncpg

    from bulkq.protocols import Connection
    from tests.support.servers.postgres import PostgresServer


async def test_the_clients_deadline(
    connection: Connection, outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that forgets its timeout is cancelled by the client, and the cancellation is confirmed."""
    monkeypatch.setattr("bulkq.drivers.asyncpg.attempt.MARGIN_S", -4.7)
    statement = await prepared(connection, "select pg_sleep(60)")
    with pytest.raises(DatabaseError, match="no answer within") as caught:
        await connection.attempt(statement, [(), ()], Limits(timeout_s=5))
    assert (caught.value.sqlstate, caught.value.confirmed, caught.value.connection_lost) == ("57014", True, False)
    assert await active(outside) == 0
    monkeypatch.undo()
    assert await answers(connection, "select 1") == [(0, 1)]


async def test_no_timeout(connection: Connection) -> None:
    """None is no limit, on both sides."""
    sql = "select current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
    statement = await prepared(connection, sql)
    reply = await connection.attempt(statement, [()], Limits(timeout_s=None, lock_timeout_s=None))
    assert [column[0] for column in reply.values] == ["0", "30s"]


@pytest.mark.parametrize("count", [1, 3, 30_000])
async def test_a_cancelled_task_leaves_nothing_behind(
    connection: Connection, outside: asyncpg.Connection, count: int
) -> None:
    """Cancelled while executing, or while still sending a batch larger than the socket takes: the server stops."""
    statement = await prepared(connection, "select pg_sleep(60), :pad::text")
    task = asyncio.create_task(connection.attempt(statement, [("x" * 100,)] * count, Limits(timeout_s=60)))
    while not await active(outside):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    started = asyncio.get_running_loop().time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.get_running_loop().time() - started < 3.5
    assert await gone(outside)


async def test_random_cancellations(url: str, outside: asyncpg.Connection) -> None:
    """Wherever a cancellation hits, the session answers with its own answers afterwards, or is closed."""
    async with connected(url) as first:
        connection = first
        for i in range(60):
            statement = await prepared(connection, "select :a::int, pg_sleep(0.002)")
            task = asyncio.create_task(connection.attempt(statement, [(str(i),), (str(i + 1),)], READS))
            await asyncio.sleep(i * 0.0002)
            task.cancel()
            await asyncio.wait([task])
            try:
                assert await answers(connection, "select :b::int", [(str(i),)]) == [(0, i)]
            except DatabaseError as error:
                assert error.connection_lost
                await connection.close()
                connection = await open_driver(url, application_name="bulkq test", read_only=False).connect()
        await connection.close()
    assert await gone(outside)


async def test_a_killed_backend(connection: Connection, outside: asyncpg.Connection) -> None:
    """The server ends our session: 57P01, the connection is lost, and says so ever after."""
    statement = await prepared(connection, "select pg_sleep(60)")
    task = asyncio.create_task(connection.attempt(statement, [()], Limits(timeout_s=60)))
    while not await active(outside):
        await asyncio.sleep(0.01)
    await outside.fetchval("select pg_terminate_backend($1)", connection.server.pid)
    with pytest.raises(DatabaseError) as caught:
        await task
    assert (caught.value.sqlstate, caught.value.connection_lost, caught.value.phase) == ("57P01", True, Phase.SENT)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [()], READS)
    assert (caught.value.connection_lost, caught.value.phase) == (True, Phase.PREPARING)
    with pytest.raises(DatabaseError) as caught:
        await able(connection).command("VACUUM items", timeout_s=5, lock_timeout_s=None)
    assert (caught.value.connection_lost, caught.value.phase) == (True, Phase.PREPARING)


async def test_administering_can_be_called_back(connection: Connection, outside: asyncpg.Connection) -> None:
    """Waiting for a lock without limit, and cancelled: nothing lasts, the session goes on."""
    async with outside.transaction():
        await outside.execute("lock table items")
        statements = ["create table made (a int)", "update items set qty = 1 where id = 1"]
        task = asyncio.create_task(connection.administer(statements, lock_timeout_s=None))
        _, late = await asyncio.wait([task], timeout=0.2)
        assert late
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await answers(connection, "select qty, to_regclass('made')::text from items where id = 1") == [(0, 10, None)]


class BlackHole:
    """A relay to the server that at some moment loses everything, and does not even say that a side has left."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._ways: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        onward, backward = await asyncio.open_connection(*self._target)
        self._writers += [writer, backward]
        self._ways |= {
            asyncio.create_task(self._pump(reader, backward)),
            asyncio.create_task(self._pump(onward, writer)),
        }

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.silent:
                writer.write(data)
        if not self.silent:
            writer.close()

    async def close(self) -> None:
        """Give up every connection."""
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


async def test_a_silent_network(postgres: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes back: after deadline and grace the socket is cut, and nothing is claimed to be known."""
    monkeypatch.setattr("bulkq.drivers.asyncpg.attempt.MARGIN_S", -4.7)
    hole = BlackHole(postgres.host, postgres.port)
    relay = await asyncio.start_server(hole.serve, "127.0.0.1", 0)
    around = re.sub(r"[^@/]*(/[^/]*)$", rf"127.0.0.1:{relay.sockets[0].getsockname()[1]}\1", url)
    connection = await open_driver(around, application_name="bulkq test", read_only=False).connect()
    statement = await prepared(connection, "select pg_sleep(1), :a::text")
    started = asyncio.get_running_loop().time()
    task = asyncio.create_task(connection.attempt(statement, [("x",)] * 20, Limits(timeout_s=5)))
    await asyncio.sleep(0.1)
    hole.silent = True
    with pytest.raises(DatabaseError) as caught:
        await task
    assert asyncio.get_running_loop().time() - started < 4
    assert (caught.value.connection_lost, caught.value.confirmed, caught.value.sqlstate) == (True, False, None)
    assert caught.value.pid == connection.server.pid
    await connection.close()
    relay.close()
    await hole.close()


async def test_closing_leaves_no_session(url: str, outside: asyncpg.Connection) -> None:
    """After `close` the server has nothing of us."""
    async with connected(url) as connection:
        await answers(connection, "select 1")
    for _ in range(100):
        count = await outside.fetchval(
            "select count(*) from pg_stat_activity where application_name = 'bulkq test' and pid = $1",
            connection.server.pid,
        )
        if not count:
            return
        await asyncio.sleep(0.02)
    pytest.fail("the session is still there")
