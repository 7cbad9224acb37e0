"""PgBouncer in transaction mode, with two sessions of the server, in front of every library for PostgreSQL."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq.drivers import open_driver
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Decoding, Limits
from tests.support.asyncpg_sessions import READS, WRITES, gone, prepared
from tests.support.libpq import as_scheme
from tests.support.servers import pgbouncer as bouncer
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bulkq.protocols import Connection
    from tests.support.command import Cli
    from tests.support.servers.postgres import PostgresServer

SCHEMES = ["postgresql+psycopg", "postgresql+psycopg_async", "postgresql+psycopg2", "postgresql"]
if find_spec("pg8000") is not None:
    SCHEMES.append("postgresql+pg8000")

ROWS = 500
TABLE = (
    "create table acc (id integer primary key, n integer not null)",
    f"insert into acc select i, 0 from generate_series(1, {ROWS}) as i",
)

LEFT = """
select (select string_agg(name, ' ') from pg_settings where source = 'session' and name not in ('application_name', 'client_encoding', 'DateStyle')),
       (select count(*) from pg_prepared_statements), (select count(*) from pg_class where relpersistence = 't'),
       (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'), current_setting('DateStyle'), pg_backend_pid()
"""
"""What clients may have left in the session of the server that answers. PgBouncer itself gives three settings back."""


@pytest.fixture(scope="module")
def narrow(postgres: PostgresServer) -> Iterator[bouncer.PgBouncer]:
    """A pool with two sessions for each database."""
    if bouncer.find() is None:
        pytest.skip("pgbouncer is not installed (apt-get install pgbouncer)")
    pool = bouncer.PgBouncer(postgres, pool_size=2)
    yield pool
    pool.close()


@pytest.fixture
async def outside(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A session around the pool, in a database with a table of counters."""
    session = await asyncpg.connect(database)
    await session.execute("; ".join(TABLE))
    yield session
    await session.close()


async def left_in(url: str, style: str) -> None:
    """Check both sessions of the pool: another client finds no setting, statement, table or lock of ours in them."""
    clients = [await asyncpg.connect(url, statement_cache_size=0) for _ in range(2)]
    blocks = [client.transaction() for client in clients]
    for block in blocks:
        await block.start()
    found = [await client.fetchrow(LEFT) for client in clients]
    for block in blocks:
        await block.rollback()
    for client in clients:
        await client.close()
    assert len({row[-1] for row in found}) == 2
    assert [tuple(row)[:-1] for row in found] == [(None, 0, 0, 0, style)] * 2


async def work(connection: Connection, lane: int, lanes: int) -> None:
    """The same statements often enough that a library would prepare them by name."""
    for i in range(12):
        statement = await prepared(
            connection, "select n::text, date '2026-11-22' as d from acc where id = :id", Decoding.JSON
        )
        reply = await connection.attempt(statement, [(str(lane + 1),)], READS)
        assert [str(column[0]).strip('"') for column in reply.values] == [str(i), "2026-11-22"]
        write = await prepared(connection, "update acc set n = n + 1 where id % :lanes = :lane")
        assert (await connection.attempt(write, [(str(lanes), str((lane + 1) % lanes))], WRITES)).changed > 0


@pytest.mark.parametrize("style", ["ISO, MDY", "German, DMY"])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_many_sessions_over_two(
    narrow: bouncer.PgBouncer, database: str, outside: asyncpg.Connection, scheme: str, style: str
) -> None:
    """Right answers, every change once, dates in ISO 8601, and nothing is left in the sessions of the server."""
    name = await outside.fetchval("select current_database()")
    await outside.execute(f"alter database {name} set datestyle = '{style}'")
    url = narrow.through(database)
    driver = open_driver(as_scheme(url, scheme), application_name="bulkq test", read_only=False)
    connections = [await driver.connect() for _ in range(8)]
    try:
        for connection in connections:
            server = connection.server
            assert (server.pooled, server.pid, server.free_connections) == (True, None, None)
        await asyncio.gather(*(work(connection, lane, 8) for lane, connection in enumerate(connections)))
    finally:
        for connection in connections:
            await connection.close()
    assert await outside.fetchval("select array_agg(distinct n) from acc") == [12]
    await left_in(url, style)
    await outside.execute(f"alter database {name} reset datestyle")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_statement_outside_a_transaction(narrow: bouncer.PgBouncer, database: str, scheme: str) -> None:
    """It is refused, because the limits of a session would be those of other clients."""
    driver = open_driver(as_scheme(narrow.through(database), scheme), application_name="bulkq test", read_only=False)
    connection = await driver.connect()
    try:
        statement = await prepared(connection, "update pg_class set relname = relname where false")
        with pytest.raises(RefusedError, match="a pooler keeps no timeouts"):
            await connection.attempt(statement, [()], Limits(read_only=False, transaction=False))
    finally:
        await connection.close()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_statement_that_is_cancelled(
    narrow: bouncer.PgBouncer, database: str, outside: asyncpg.Connection, scheme: str
) -> None:
    """Timeout and cancellation end it on the server, and no statement of another client."""
    driver = open_driver(as_scheme(narrow.through(database), scheme), application_name="bulkq test", read_only=False)
    connection, other = await driver.connect(), await driver.connect()
    try:
        sleeper = await prepared(connection, "select pg_sleep(60)")
        with pytest.raises(DatabaseError) as caught:
            await connection.attempt(sleeper, [()], Limits(timeout_s=0.2))
        assert caught.value.sqlstate == "57014"
        task = asyncio.create_task(connection.attempt(sleeper, [()], Limits(timeout_s=60)))
        await asyncio.sleep(0.3)
        beside = asyncio.create_task(
            other.attempt(await prepared(other, "select pg_sleep(2.5)::text"), [()], Limits(timeout_s=60))
        )
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.wait([task])
        assert list((await beside).values[0]) == [""]
        assert await gone(outside)
    finally:
        await connection.close()
        await other.close()


@pytest.mark.parametrize("scheme", [SCHEMES[0], *(pytest.param(one, marks=pytest.mark.long) for one in SCHEMES[1:])])
async def test_a_wait_for_the_pooler_is_no_time_of_the_statement(
    narrow: bouncer.PgBouncer, database: str, scheme: str
) -> None:
    """While others hold both sessions of the server for longer than the timeout, a read waits and then succeeds."""
    url = narrow.through(database)
    driver = open_driver(as_scheme(url, scheme), application_name="bulkq test", read_only=False)
    connection = await driver.connect()
    statement = await prepared(connection, "select 1 as one")
    holders = [await asyncpg.connect(url, statement_cache_size=0) for _ in range(2)]
    blocks = [holder.transaction() for holder in holders]
    try:
        for block in blocks:
            await block.start()
        waiting = asyncio.create_task(connection.attempt(statement, [()], Limits(timeout_s=0.1)))
        done, _ = await asyncio.wait([waiting], timeout=6.5)  # more than the timeout and its margin
        assert not done
        for block in blocks:
            await block.rollback()
        assert list((await waiting).positions) == [0]
    finally:
        for holder in holders:
            await holder.close()
        await connection.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_backfill_and_its_undo(cli: Cli, narrow: bouncer.PgBouncer, database: str, scheme: str) -> None:
    """Small ranges in many lanes: every row is changed once, and given back once."""
    execute(database, *TABLE)
    url = as_scheme(narrow.through(database), scheme)
    done = cli("backfill", "-t", url, "--over", "acc", "--set", "n = n + 1", "--max-rows", "10", "-j", "8", "--capture")
    assert done.code == 0, done.err
    assert "pooler=transaction" in done.err
    assert f"changed={ROWS}" in done.err
    asyncio.run(left_in(narrow.through(database), "ISO, MDY"))
    back = cli("undo", "--last")
    assert back.code == 0, back.err
    assert f"changed={ROWS}" in back.err
    asyncio.run(left_in(narrow.through(database), "ISO, MDY"))
