"""Throttles that read a server: what holds a run, and what a role lacks."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest

from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.errors import RefusedError, UsageError
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.tasks.run import run
from bulkq.throttles import ThrottleContext, base, open_throttle
from tests.support.servers import postgres as servers
from tests.support.throttles import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.throttles import AnyOf
    from tests.support.servers.mariadb import MariaDB
    from tests.support.servers.postgres import PostgresServer

OURS = "bulkq/r1"


@asynccontextmanager
async def opened(url: str, expression: str) -> AsyncIterator[AnyOf]:
    """The throttle of an expression on one target, read often."""
    context = ThrottleContext(application_name=OURS, targets=(("db", Target(url=url)),), every_s=0.05)
    async with AsyncExitStack() as stack:
        throttle = await open_throttle([expression], stack, context)
        assert throttle is not None
        yield throttle


@asynccontextmanager
async def session(url: str, name: str = "other") -> AsyncIterator[asyncpg.Connection]:
    """A session with an application name."""
    connection = await asyncpg.connect(url, server_settings={"application_name": name})
    try:
        yield connection
    finally:
        connection.terminate()


async def until_waiting(url: str, count: int) -> None:
    """Wait until so many sessions wait for a lock."""
    async with session(url) as look, asyncio.timeout(20):
        while await look.fetchval("select count(distinct pid) from pg_locks where not granted") != count:
            await asyncio.sleep(0.02)


async def test_sessions_that_wait_for_ours_are_counted_and_those_behind_them(database: str) -> None:
    """The chain is walked; a session that waits behind a waiter of ours waits for the holder, not for us."""
    async with session(database, OURS) as ours, session(database) as first, session(database) as second:
        await ours.execute("create table t (id int primary key, n int); insert into t values (1, 0), (2, 0)")
        async with opened(database, "waiters<2") as throttle:
            await ours.execute("begin; update t set n = 1 where id = 1")
            waits = [asyncio.create_task(first.execute("update t set n = 2 where id = 1"))]
            await until_waiting(database, 1)
            assert throttle.reason() is None
            waits.append(asyncio.create_task(second.execute("update t set n = 3 where id = 1")))
            await until_waiting(database, 2)
            async with asyncio.timeout(10):
                while not (throttle.reason() or "").startswith("waiters 2 >= 2 (pid "):
                    await asyncio.sleep(0.02)
            await ours.execute("rollback")
            await asyncio.gather(*waits)
            await until(throttle, None)


async def test_a_waiter_of_ours_in_a_queue_is_not_blamed(database: str) -> None:
    """Another session holds the row; ours is first in the queue, and the second of the others is behind it."""
    async with session(database, OURS) as ours, session(database) as holder, session(database) as second:
        await holder.execute("create table t (id int primary key, n int); insert into t values (1, 0)")
        async with opened(database, "waiters<1") as throttle:
            await holder.execute("begin; update t set n = 1 where id = 1")
            waits = [asyncio.create_task(ours.execute("update t set n = 2 where id = 1"))]
            await until_waiting(database, 1)
            waits.append(asyncio.create_task(second.execute("update t set n = 3 where id = 1")))
            await until_waiting(database, 2)
            await asyncio.sleep(0.3)
            assert throttle.reason() is None
            await holder.execute("rollback")
            await asyncio.gather(*waits)


async def test_values_of_the_server(database: str) -> None:
    """A long transaction, active sessions, a slot that is not read, WAL: each holds and lets go; our own lanes do not count."""
    slot = f"slot_{uuid4().hex[:8]}"
    async with session(database) as other, session(database, OURS) as ours:
        await ours.execute("begin; select 1")
        async with opened(database, "oldest_xact<300ms") as throttle:
            await asyncio.sleep(0.4)
            assert throttle.reason() is None
            await other.execute("begin; create table t (n int)")
            async with asyncio.timeout(10):
                while not (throttle.reason() or "").startswith("oldest_xact "):
                    await asyncio.sleep(0.02)
            await other.execute("commit")
            await until(throttle, None)
        async with opened(database, "wal<100kB/s") as throttle:
            await other.execute("insert into t select generate_series(1, 100000)")
            async with asyncio.timeout(10):
                while not (throttle.reason() or "").startswith("wal "):
                    await asyncio.sleep(0.02)
        await other.execute(f"select pg_create_physical_replication_slot('{slot}', true)")
        try:
            async with opened(database, f"slot({slot})<1MB") as throttle:
                await other.execute("insert into t select generate_series(1, 100000)")
                async with asyncio.timeout(10):
                    while not (throttle.reason() or "").startswith(f"slot({slot}) "):
                        await asyncio.sleep(0.02)
        finally:
            await other.execute(f"select pg_drop_replication_slot('{slot}')")


@pytest.mark.parametrize(
    ("expression", "grant"),
    [
        ("active<50", "pg_read_all_stats"),
        ("lag<2s", "pg_read_all_stats"),
        ("oldest_xact<1h", "pg_read_all_stats"),
        ("autovacuum(pg_class)", "pg_read_all_stats"),
    ],
)
async def test_a_missing_right_is_an_error_before_the_start(
    postgres: PostgresServer, postgres_url: str, expression: str, grant: str
) -> None:
    """A plain role would see NULL, which looks like a quiet server; the error has the statement that gives the right."""
    role = f"plain_{uuid4().hex[:8]}"
    servers.execute(postgres.url, f"CREATE ROLE {role} LOGIN PASSWORD 'plain'")
    try:
        parts = urlsplit(postgres_url)
        url = urlunsplit(parts._replace(netloc=f"{role}:plain@{parts.hostname}:{parts.port}"))
        with pytest.raises(RefusedError, match=f'the role may not see it: GRANT {grant} TO "{role}"$'):
            async with opened(url, expression):
                pass
        servers.execute(postgres.url, f"GRANT pg_read_all_stats TO {role}")
        if expression != "lag<2s":
            async with opened(url, expression) as throttle:
                assert throttle.reason() is None
    finally:
        servers.execute(postgres.url, f"DROP ROLE {role}")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("lag<2s", "no replica is connected: connect it, or leave the throttle out"),
        ("archive<5", "archive_mode is off"),
        ("slot(nothing)<1GB", "there is no slot nothing"),
        ("autovacuum(nothing)", "there is no table nothing"),
    ],
)
async def test_what_the_server_cannot_give_is_an_error_before_the_start(
    postgres_url: str, expression: str, message: str
) -> None:
    """The error says why."""
    with pytest.raises(UsageError) as raised:
        async with opened(postgres_url, expression):
            pass
    assert str(raised.value) == f"--throttle {expression}: db: {message}"


async def test_slow_commits_hold_a_run(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine measures its own commits: here a deferred trigger makes them slow, but not the statement."""
    monkeypatch.setattr(base, "EVERY_S", 0.05)
    async with session(database) as other:
        await other.execute(
            "create table t (n int);"
            "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return null; end';"
            "create constraint trigger slow after insert on t deferrable initially deferred for each row execute function slow()"
        )
    asked = make_run(
        queries=(queries.inline("insert into t values (:n::int)", "postgres"),),
        targets=(Target(url=database),),
        params=("range:n=1..9",),
        write=True,
        idempotent=True,
        ledger="none",
        concurrency=1,
        batch=1,
        batch_given=True,
        throttle=("commit<100ms",),
        deadline_s=1.5,
    )
    began_s = time.monotonic()
    summary = await run(asked, control=Control())
    assert (summary.exit_code, summary.reason) == (5, "the deadline of 1.5s passed")
    assert 0 < summary.ok < 4
    assert time.monotonic() - began_s < 10


async def test_mariadb(mariadb_database: tuple[MariaDB, str]) -> None:
    """Its active threads and its oldest transaction are read; other signals are refused."""
    server, name = mariadb_database
    url = server.url(name)
    for expression in ("active<50", "oldest_xact<1h"):
        async with opened(url, expression) as throttle:
            assert throttle.reason() is None
    with pytest.raises(UsageError, match="mariadb does not give the signal slot to bulkq$"):
        async with opened(url, "slot<1GB"):
            pass
