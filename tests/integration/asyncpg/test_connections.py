"""Connecting: poolers, wrong URLs, roles, options."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq.drivers import open_driver
from bulkq.drivers.asyncpg import driver as asyncpg_driver
from bulkq.drivers.asyncpg.connect_arguments import read_options
from bulkq.errors import DatabaseError, RefusedError, TargetError, UsageError
from bulkq.model import (
    Decoding,
    Limits,
    Query,
    StatementClass,
)
from bulkq.query import inline
from tests.support.asyncpg_sessions import READS, active, answers, connected, gone, prepared
from tests.support.servers import pgbouncer as bouncer
from tests.support.servers.postgres import execute
from tests.support.servers.proxy import TLS_REQUEST
from tests.support.servers.silence import silence

if TYPE_CHECKING:
    from bulkq.protocols import Connection
    from tests.support.servers.pgbouncer import PgBouncer
    from tests.support.servers.postgres import PostgresServer
    from tests.support.servers.proxy import Proxy


# --- through a pooler -----------------------------------------------------------------------------------------------


async def test_a_pool_that_is_full(postgres: PostgresServer, url: str) -> None:
    """A pooler answers, and is told from a host that does not: the message says where to look."""
    if bouncer.find() is None:
        pytest.skip("pgbouncer is not installed (apt-get install pgbouncer)")
    pool = await asyncio.to_thread(bouncer.PgBouncer, postgres, 1)
    holder = await asyncpg.connect(pool.through(url), statement_cache_size=0)
    try:
        await holder.execute("begin")
        through = pool.through(url)
        waits = f"{through}{'&' if '?' in through else '?'}connect_timeout=1"
        with pytest.raises(TargetError, match="answers, but gave no session within 1s: is it a pooler"):
            await open_driver(waits, application_name="bulkq test", read_only=False).connect()
    finally:
        await holder.close()
        await asyncio.to_thread(pool.close)


async def test_a_host_that_does_not_answer() -> None:
    """It takes the connection and says nothing."""
    async with silence() as url:
        with pytest.raises(TargetError, match="no answer from .* within 1s: a firewall"):
            await open_driver(f"{url}?connect_timeout=1", application_name="bulkq test", read_only=False).connect()


async def test_through_a_pooler(pgbouncer: PgBouncer, url: str, outside: asyncpg.Connection) -> None:
    """Many sessions over few: right answers, culprits, timeouts, and no setting left behind for strangers."""
    connections = [
        await open_driver(pgbouncer.through(url), application_name="bulkq test", read_only=False).connect()
        for _ in range(20)
    ]
    assert all(connection.server.pooled for connection in connections)
    assert all(connection.server.free_connections is None for connection in connections)

    async def work(connection: Connection, lane: int) -> None:
        for i in range(15):
            statement = await prepared(connection, "select name, 'ok'::mood from items where id = :id", Decoding.TEXT)
            sets = [(str(lane * 20 + j + 1),) for j in range(20)]
            reply = await connection.attempt(statement, sets, READS)
            assert list(reply.values[0]) == [f"item {lane * 20 + j + 1}" for j in range(20)]
            if i % 5 == lane % 5:
                with pytest.raises(DatabaseError) as caught:
                    await connection.attempt(statement, [("1",), ("x",), ("2",)], READS)
                assert caught.value.position == 1

    await asyncio.gather(*(work(connection, lane) for lane, connection in enumerate(connections)))
    sleeper = await prepared(connections[0], "select pg_sleep(60)")
    with pytest.raises(DatabaseError) as caught:
        await connections[0].attempt(sleeper, [()], Limits(timeout_s=0.2))
    assert caught.value.sqlstate == "57014"
    task = asyncio.create_task(connections[0].attempt(sleeper, [(), ()], Limits(timeout_s=60)))
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.wait([task])
    assert await gone(outside)
    big = await prepared(connections[1], "select i from generate_series(1, 12000) as i")
    assert sum([len(piece.positions) async for piece in connections[1].stream(big, (), READS)]) == 12000
    assert await connections[1].copy(big, ",", READS, len) == 12000
    assert [
        b.position
        for b in await connections[1].check(
            await prepared(connections[1], "select 1 from items where id = :id"), [("1",), ("x",)]
        )
    ] == [1]
    single = inline("vacuum items")
    with pytest.raises(RefusedError, match="pooler"):
        await prepared(connections[1], Query("v", single.sql, statement=StatementClass.MAINTENANCE, transaction=False))
    quick = await prepared(connections[2], "select 1")
    await connections[2].attempt(quick, [()], replace(READS, followed=True))
    assert await active(outside) == 0  # a transaction that waits for the next read would keep others from the session
    for connection in connections:
        await connection.close()
    for _ in range(12):
        stranger = await asyncpg.connect(pgbouncer.through(url), statement_cache_size=0)
        row = await stranger.fetchrow(
            "select current_setting('statement_timeout') as a, current_setting('jit') as b, current_setting('lock_timeout') as c"
        )
        assert tuple(row) == ("0", await outside.fetchval("show jit"), "0")
        await stranger.close()


# --- connecting -----------------------------------------------------------------------------------------------------


async def refused(url: str) -> str:
    """What connecting says."""
    with pytest.raises(TargetError) as caught:
        await open_driver(url, application_name="bulkq test", read_only=True).connect()
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_what_connecting_may_say(postgres: PostgresServer, url: str) -> None:
    """Each part that can be wrong is told by name."""
    address = f"{postgres.host}:{postgres.port}"
    assert 'no such host "no-such-host.invalid"' in await refused(
        "postgresql://u:hunter2@no-such-host.invalid/db?sslmode=disable"
    )
    assert "connection refused: 127.0.0.1:1" in await refused("postgresql://u:hunter2@127.0.0.1:1/db")
    assert 'user "nobody here"' in await refused(f"postgresql://nobody%20here:hunter2@{address}/postgres")
    assert "no server socket" in await refused("postgresql:///db?host=/nonexistent")
    assert "TLS refused" in await refused(re.sub(r"$", "?sslmode=require", url))


async def test_refused_tls_is_asked_for_once(url: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a few seconds, later sessions begin without TLS; if that fails, or if the URL asks for TLS, the server is asked."""
    driver = open_driver(proxy.through(url), application_name="bulkq test", read_only=True)
    opened = [await driver.connect()]
    proxy.cut_before(TLS_REQUEST)
    opened += [await driver.connect() for _ in range(2)]
    assert proxy.accepted == 3
    assert not proxy.fired.is_set()
    proxy.cut_before(b"bulkq test")  # as a server that takes no more sessions without TLS
    opened.append(await driver.connect())
    assert proxy.fired.is_set()
    assert proxy.accepted == 5
    assert {session.server.tls for session in opened} == {"off"}
    monkeypatch.setattr(asyncpg_driver, "PLAIN_S", 0.0)
    driver = open_driver(proxy.through(url), application_name="bulkq test", read_only=True)
    opened.append(await driver.connect())
    proxy.cut_before(TLS_REQUEST)
    with pytest.raises(TargetError):
        await driver.connect()
    for session in opened:
        await session.close()
    assert not read_options("postgresql://u@db.example/d?sslmode=prefer").may_be_plain
    assert not read_options("postgresql://u@127.0.0.1/d?sslmode=require").may_be_plain
    assert not read_options("postgresql://u@127.0.0.1,localhost/d").may_be_plain


async def test_what_a_server_is(connection: Connection, url: str) -> None:
    """The first query tells what people and the runner want to know."""
    server = connection.server
    assert server.product == "postgresql"
    assert server.version_number // 10000 == int(server.version.split(".")[0])
    assert (server.pooled, server.in_recovery, server.tls) == (False, False, "off")
    assert server.superuser
    assert 0 < (server.free_connections or 0) < (server.max_connections or 0)
    assert url.endswith(server.database)


async def test_sessions_notice_a_dead_client(connection: Connection) -> None:
    """On a session of our own the server looks for us every second."""
    found = await answers(
        connection, "select setting, source from pg_settings where name = 'client_connection_check_interval'"
    )
    assert found == [(0, "1000", "session")]


async def test_a_plain_role_has_fewer_connections_free(url: str, outside: asyncpg.Connection) -> None:
    """Reserved connections are not ours."""
    role = f"plain_{outside.get_server_pid()}"
    await outside.execute(f"create role {role} login password 'right'")
    try:
        async with connected(re.sub(r"//[^@/]*@", f"//{role}:right@", url)) as connection:
            most = connection.server.max_connections or 0
            assert not connection.server.superuser
            assert 0 < (connection.server.free_connections or 0) <= most - 3
            assert await answers(connection, "select 1") == [(0, 1)]
    finally:
        execute(url, f"drop role {role}")


async def test_wrong_options_are_usage_errors(postgres: PostgresServer) -> None:
    """What cannot be understood is exit 2."""
    address = f"{postgres.host}:{postgres.port}"
    driver = open_driver(
        f"postgresql://postgres@{address}/postgres?sslmode=sometimes", application_name="t", read_only=True
    )
    with pytest.raises(UsageError, match="sslmode"):
        await driver.connect()
