"""The fixtures themselves: servers are real and faults are those they claim to be."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from tests.support.servers.pgbouncer import PgBouncer
    from tests.support.servers.postgres import PostgresServer
    from tests.support.servers.proxy import Proxy
    from tests.support.sqlite_files import SqliteFile


async def connect(url: str) -> asyncpg.Connection:
    """Connect as a pooler and a proxy allow."""
    return await asyncpg.connect(url, statement_cache_size=0, timeout=10, command_timeout=10)


async def test_each_test_has_a_database_of_its_own(database: str, postgres_url: str, postgres: PostgresServer) -> None:
    """A test's database is empty and not that of the session."""
    connection = await connect(database)
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.execute("CREATE TABLE t (id int)")
    version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
    await connection.close(timeout=5)
    assert (tables, version) == (0, postgres.version_num)
    assert database != postgres_url


async def test_a_restarted_server_keeps_its_data_and_its_port(database: str, postgres: PostgresServer) -> None:
    """After a crash the same URL finds what was committed before it."""
    connection = await connect(database)
    await connection.execute("CREATE TABLE t AS SELECT 1 AS id")
    await asyncio.to_thread(postgres.restart, "crash")
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    again = await connect(database)
    assert await again.fetchval("SELECT count(*) FROM t") == 1
    await again.close(timeout=5)


async def test_pgbouncer_gives_two_sessions_one_server_process(database: str, pgbouncer: PgBouncer) -> None:
    """In transaction mode two clients that are idle share one server connection."""
    clients = [await connect(pgbouncer.through(database)) for _ in range(2)]
    pids = {await client.fetchval("SELECT pg_backend_pid()") for client in clients}
    for client in clients:
        await client.close(timeout=5)
    assert len(pids) == 1


async def test_proxy_cuts_after_the_commit_and_before_its_answer(database: str, proxy: Proxy) -> None:
    """The client gets an error and the server has the row."""
    connection = await connect(proxy.through(database))
    await connection.execute("CREATE TABLE t (id int)")
    proxy.cut_after_commit()
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        async with connection.transaction():
            await connection.execute("INSERT INTO t VALUES (1)")
    assert proxy.fired.is_set()
    direct = await connect(database)
    assert await direct.fetchval("SELECT count(*) FROM t") == 1
    await direct.close(timeout=5)


async def test_proxy_cuts_before_the_commit_is_sent(database: str, proxy: Proxy) -> None:
    """The client gets an error and the server has rolled back."""
    connection = await connect(proxy.through(database))
    await connection.execute("CREATE TABLE t (id int)")
    proxy.cut_before(b"COMMIT")
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        async with connection.transaction():
            await connection.execute("INSERT INTO t VALUES (1)")
    direct = await connect(database)
    assert await direct.fetchval("SELECT count(*) FROM t") == 0
    await direct.close(timeout=5)


async def test_proxy_cuts_in_the_middle_of_an_answer(database: str, proxy: Proxy) -> None:
    """An answer of a megabyte ends after a kilobyte."""
    connection = await connect(proxy.through(database))
    proxy.cut_after_bytes(1000)
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT repeat('x', 1000000)")
    assert proxy.fired.is_set()


async def test_proxy_swallows_and_resumes(database: str, proxy: Proxy) -> None:
    """A black hole answers nothing and says nothing; after it a new connection works."""
    connection = await connect(proxy.through(database))
    proxy.swallow()
    with pytest.raises(TimeoutError):
        await connection.fetchval("SELECT 1", timeout=0.2)
    connection.terminate()
    await proxy.resume()
    again = await connect(proxy.through(database))
    assert await again.fetchval("SELECT 1") == 1
    await again.close(timeout=5)


async def test_proxy_refuses_and_resumes_on_its_port(database: str, proxy: Proxy) -> None:
    """While it refuses, a connection that is open goes on and a new one is refused."""
    connection = await connect(proxy.through(database))
    await proxy.refuse()
    assert await connection.fetchval("SELECT 1") == 1
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy.through(database))
    await proxy.resume()
    await (await connect(proxy.through(database))).close(timeout=5)
    await connection.close(timeout=5)


def test_sqlite_file_is_a_database(sqlite_file: SqliteFile) -> None:
    """The file exists and the script was executed on it."""
    path = sqlite_file("CREATE TABLE t (id); INSERT INTO t VALUES (1), (2);")
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (2,)
    connection.close()
