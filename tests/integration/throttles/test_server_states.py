"""Signals of a real server that is in the state: a blocked session, an archive command that fails, a slot without a reader, autovacuum."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from tests.support.held_runs import LOAD, backfilling, inserting
from tests.support.servers import pgbouncer as bouncer
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from tests.support.servers.pgbouncer import PgBouncer
    from tests.support.servers.standbys import Replication

SLOW = "n = n + 1 + length(pg_sleep(0.03)::text)"
"""A row takes 30 ms, a range of ten 0.3 s."""


async def blocked(url: str, through: str) -> None:
    """A backfill goes on `through`, and a session wants to lock its table: the backfill lets it."""
    await asyncio.to_thread(
        servers.execute,
        url,
        "create table t (id int primary key, n int)",
        "insert into t select i, 0 from generate_series(1, 200) i",
    )
    other = await asyncpg.connect(url)
    try:
        async with backfilling(through, "t", SLOW, "waiters<1", throttle_every_s=0.05) as watcher:
            line = f"throttled: waiters 1 >= 1 (pid {other.get_server_pid()}): waiting"
            for _ in range(5):  # between two ranges it need not wait
                await watcher.until_begun(2)
                await other.execute("begin; lock table t in share mode")  # waits for the ranges that are in flight
                await other.execute("commit")
                await watcher.until_begun(2)
                if line in watcher.lines:
                    break
            assert line in watcher.lines
    finally:
        other.terminate()


async def test_a_session_that_waits_for_the_run(database: str) -> None:
    """While it waits no range begins, so it gets its lock when those in flight have ended."""
    await blocked(database, database)


async def test_a_session_that_waits_for_the_run_through_a_pooler(database: str, pgbouncer: PgBouncer) -> None:
    """The sessions of the run are known by their name, which PgBouncer hands on with each transaction."""
    await blocked(database, pgbouncer.through(database))


async def test_every_signal_through_a_pooler(replication: Replication, primary: str) -> None:
    """A pool of three connections for two lanes and the readers of all signals; the lanes of the run do not count as others."""
    if bouncer.find() is None:
        pytest.skip("pgbouncer is not installed (apt-get install pgbouncer)")
    slot = f"slot_{uuid4().hex[:8]}"
    await asyncio.to_thread(
        servers.execute, primary, LOAD, f"select pg_create_physical_replication_slot('{slot}', true)"
    )
    pool = await asyncio.to_thread(bouncer.PgBouncer, replication.primary, 3)
    signals = ("lag<1h", "lag(replica-1)<1GB", "wal<1TB/s", "archive<9999", f"slot({slot})<1TB", "waiters<1")
    others = ("active<1", "oldest_xact<10ms", "autovacuum(load)", "commit<1h", "sql:select 0")
    slow = "insert into load select :n::int, pg_sleep(0.03)::text"
    try:
        async with inserting(pool.through(primary), *signals, *others, sql=slow, batch=1, max_rate="100/s") as watcher:
            await watcher.until_begun(60)
            assert watcher.progress is not None
            assert not any("throttled" in line for line in watcher.lines), watcher.lines
            assert all(reading.reason is None for reading in watcher.progress.throttles()), watcher.progress.throttles()
    finally:
        await asyncio.to_thread(pool.close)
        await asyncio.to_thread(servers.execute, primary, f"select pg_drop_replication_slot('{slot}')")


async def test_an_archive_command_that_fails(replication: Replication, primary: str) -> None:
    """Files pile up, and the run waits until they are archived."""
    server = replication.primary.url
    await asyncio.to_thread(servers.execute, primary, LOAD)
    ((ready,),) = servers.execute(server, "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'")
    async with inserting(primary, f"archive<{int(str(ready)) + 2}") as watcher:
        await watcher.until_begun(20)
        await asyncio.to_thread(servers.execute, server, "select pg_switch_wal()")
        await watcher.until_begun(20)
        await asyncio.to_thread(servers.execute, server, "select pg_switch_wal()")
        await watcher.until_held("archive ")
        with replication.archiving():
            await watcher.until_begun(20)


async def test_a_slot_that_is_not_read(replication: Replication, primary: str) -> None:
    """The run's own WAL is kept for the slot, and the run waits until its reader has gone on."""
    slot = f"slot_{uuid4().hex[:8]}"
    await asyncio.to_thread(
        servers.execute, primary, LOAD, f"select pg_create_physical_replication_slot('{slot}', true)"
    )
    try:
        async with inserting(primary, f"slot({slot})<1MB", batch=200, max_rate="4000/s") as watcher:
            await watcher.until_held(f"slot({slot}) ")
            await asyncio.to_thread(
                servers.execute, primary, f"select pg_replication_slot_advance('{slot}', pg_current_wal_lsn())"
            )
            await watcher.until_begun()
    finally:
        await asyncio.to_thread(servers.execute, primary, f"select pg_drop_replication_slot('{slot}')")


async def test_autovacuum_at_work(replication: Replication, primary: str) -> None:
    """While a worker is on the table the backfill waits; when the worker is gone it goes on."""
    await asyncio.to_thread(
        servers.execute,
        primary,
        "create table t (id int primary key, n int) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, "
        "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)",
        "insert into t select i, 0 from generate_series(1, 20000) i",
        "update t set n = 1",
    )
    async with backfilling(primary, "t", "n = n + 1", "autovacuum", max_rate="500rows/s") as watcher:
        await watcher.until_held("autovacuum: a worker is on t, pid ")
        worker = watcher.state.rpartition(" ")[2]
        await asyncio.to_thread(
            servers.execute,
            primary,
            f"select pg_terminate_backend({worker}, 5000)",
            "alter table t set (autovacuum_enabled = off)",
        )
        await watcher.until_begun(3)


async def test_commits_near_the_limit_take_lanes_away(database: str) -> None:
    """A run with three lanes goes on with one, says why, and no batch waits."""
    await asyncio.to_thread(
        servers.execute,
        database,
        LOAD,
        "create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.2); return null; end'",
        "create constraint trigger slow after insert on load deferrable initially deferred for each row execute function slow()",
    )
    async with inserting(database, "commit<260ms", concurrency=3, batch=1) as watcher:
        await watcher.until_lanes(1)
        assert watcher.progress is not None
        # The commits of three lanes vary: they may be below the limit again before the watcher looks.
        assert watcher.progress.lanes_why.startswith(("commit<260ms is at ", "commit<260ms was near its limit: "))
        await watcher.until_begun(3)
