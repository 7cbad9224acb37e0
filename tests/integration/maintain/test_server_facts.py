"""What the server does, and `bulkq maintain` relies on. The tests are named after the facts that they hold."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq.dialects.postgresql_maintenance import PROGRESS
from tests.support.maintenance import run, script, session
from tests.support.notices import Notices
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.postgres import PostgresServer

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT g, g FROM generate_series(1, 1000) AS g; CREATE INDEX t_v ON t (v)"
FILE = "SELECT pg_relation_filenode('t'), (SELECT count(*)::int FROM pg_class WHERE relname LIKE 'pg_temp%')"
OURS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bulkq/%'"


async def until(url: str, question: str, wanted: int) -> None:
    """Wait until the server counts at least `wanted`."""
    async with asyncio.timeout(30):
        while int(str((await asyncio.to_thread(execute, url, question))[0][0])) < wanted:
            await asyncio.sleep(0.02)


async def psql(server: PostgresServer, url: str, *statements: str) -> asyncio.subprocess.Process:
    """Begin psql with `statements`, one transaction each."""
    if server.binaries is None:
        pytest.skip("psql is not installed")
    words = [word for statement in statements for word in ("-c", statement)]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        server.binaries / "psql", "-qX", url, *words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )


async def test_m5_two_sessions_deadlock_on_a_table_and_our_lanes_do_not(
    postgres: PostgresServer, database: str, tmp_path: Path
) -> None:
    """The second psql waits for the lock with a snapshot, for which the first one waits. A reader holds both until they are there."""
    script(database, TABLE)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with session(database) as reader:
        begun = []
        async with reader.transaction():
            await reader.execute("LOCK TABLE t IN ROW EXCLUSIVE MODE")
            for number, name in enumerate(("t_v", "t_pkey"), 1):
                rebuild = f"REINDEX INDEX CONCURRENTLY {name}"
                begun.append(await psql(postgres, database, "SET deadlock_timeout = '50ms'", rebuild))
                await until(database, waiting, number)
        async with asyncio.timeout(30):
            said = [(await process.communicate())[1].decode() for process in begun]
        assert sorted(
            (process.returncode, "deadlock detected" in text) for process, text in zip(begun, said, strict=True)
        ) == [
            (0, False),
            (1, True),
        ]
        assert (await run(database, tmp_path, "indexes", "--repair")).exit_code == 0
        async with reader.transaction():
            await reader.execute("LOCK TABLE t IN ROW EXCLUSIVE MODE")
            ours = asyncio.create_task(run(database, tmp_path, "reindex", "-j", "4", "--lock-timeout", "30s"))
            await until(database, waiting, 1)
        summary = await ours
    assert (summary.exit_code, summary.ok, summary.retried) == (0, 2, 0)


async def test_m5_a_deadlock_with_psql_is_tried_again(postgres: PostgresServer, database: str, tmp_path: Path) -> None:
    """A person rebuilds an index of the table, and the server ends our command: it is done at a later try, and leaves nothing.

    The server looks for a deadlock once, so long after a wait began. On a slow machine the person may not wait for our command by then:
    its lock timeout ends it, it is done as well, and there was no deadlock. Then all begins again.
    """
    script(database, TABLE)
    name = execute(database, "SELECT current_database()")[0][0]
    execute(database, f"ALTER DATABASE {name} SET deadlock_timeout = '300ms'")
    for _ in range(10):
        await _rebuild_beside_psql(postgres, database, tmp_path)
        if execute(database, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0][0]:
            break
    else:
        pytest.fail("no deadlock in ten tries")
    found = "SELECT count(*), bool_and(indisvalid) FROM pg_index WHERE indrelid = 't'::regclass"
    assert tuple(execute(database, found)[0]) == (2, True)


async def _rebuild_beside_psql(postgres: PostgresServer, database: str, tmp_path: Path) -> None:
    """Rebuild one index while psql rebuilds another one of the same table. A reader holds both until they wait."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    notices = Notices()
    async with session(database) as reader:
        async with reader.transaction():
            await reader.execute("LOCK TABLE t IN ROW EXCLUSIVE MODE")
            theirs = await psql(
                postgres, database, "SET deadlock_timeout = '10min'", "REINDEX INDEX CONCURRENTLY t_pkey"
            )
            await until(database, waiting, 1)
            options = ("--table", "t_v", "-j", "4", "--lock-timeout", "3s")
            ours = asyncio.create_task(run(database, tmp_path, "reindex", *options, observers=(notices,)))
            await until(database, waiting, 2)
        async with asyncio.timeout(30):
            assert (await theirs.communicate(), theirs.returncode) == ((b"", b""), 0)
        summary = await ours
    assert (summary.exit_code, summary.ok) == (0, 1), notices.lines


@pytest.mark.long
async def test_m6_no_session_of_ours_keeps_a_snapshot_while_an_index_is_built(database: str, tmp_path: Path) -> None:
    """A transaction that only read would be waited for. The session that asks for the progress has none open between its questions."""
    script(database, TABLE)
    async with session(database) as reader, session(database) as other:
        async with other.transaction():
            assert await other.fetchval("SELECT count(*) FROM t WHERE id > $1", 5) == 995
            held = "SELECT count(*)::int FROM pg_stat_activity WHERE pid = $1 AND backend_xmin IS NOT NULL"
            assert await reader.fetchval(held, other.get_server_pid()) == 1, "an idle transaction of asyncpg keeps it"
        async with reader.transaction():
            await reader.execute("LOCK TABLE t IN ROW EXCLUSIVE MODE")
            ours = asyncio.create_task(run(database, tmp_path, "reindex", "--lock-timeout", "30s"))
            await until(database, f"SELECT count(*) {OURS} AND query LIKE '%pg_stat_progress_vacuum%'", 1)
            idle = await other.fetch(f"SELECT state, backend_xmin {OURS} AND state LIKE 'idle%'")
            assert {(one["state"], one["backend_xmin"]) for one in idle} <= {("idle", None)}
        assert (await ours).ok == 2


async def test_m9_a_rewrite_that_is_cut_off_leaves_nothing(database: str, tmp_path: Path) -> None:
    """VACUUM FULL by a timeout: the table has its old file and is a failure; without the timeout it has another one."""
    script(database, TABLE, "INSERT INTO t SELECT g, g FROM generate_series(1001, 200000) AS g")
    before = execute(database, FILE)
    summary = await run(database, tmp_path, "vacuum", "--full", "--timeout", "20ms")
    assert (summary.ok, summary.failed, execute(database, FILE)) == (0, 1, before)
    assert (await run(database, tmp_path, "vacuum", "--full")).ok == 1
    assert execute(database, FILE) != before


def test_m10_progress_is_read_from_columns_that_all_versions_have(database: str) -> None:
    """Some of those of VACUUM have other names since 17."""
    assert execute(database, PROGRESS.format(application="'bulkq/none'")) == []


async def test_m11_a_list_of_tables_is_several_transactions_and_none_of_ours(database: str, tmp_path: Path) -> None:
    """In a transaction block VACUUM is refused. Outside, the tables before an error stay done, those behind it are not begun."""
    script(database, "CREATE TABLE a (id int)", "CREATE TABLE b (id int)", "CREATE TABLE c (id int)")
    async with session(database) as one, session(database) as other:
        with pytest.raises(asyncpg.ActiveSQLTransactionError):
            async with one.transaction():
                await one.execute("VACUUM a, b")
        for command in ("VACUUM", "ANALYZE"):
            async with other.transaction():
                await other.execute("LOCK TABLE b IN SHARE UPDATE EXCLUSIVE MODE")
                await one.execute("SET lock_timeout = '50ms'")
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await one.execute(f"{command} a, b, c")
    least = "SELECT min(least(vacuum_count, analyze_count))::int FROM pg_stat_user_tables WHERE {}"
    await until(database, least.format("relname = 'a'"), 1)  # before version 15, counters are late
    counts = "SELECT vacuum_count::int, analyze_count::int FROM pg_stat_user_tables ORDER BY relname"
    assert [tuple(row) for row in execute(database, counts)] == [(1, 1), (0, 0), (0, 0)]
    assert (await run(database, tmp_path, "vacuum", "--analyze")).ok == 3
    await until(database, least.format("true"), 1)
    assert [tuple(row) for row in execute(database, counts)] == [(2, 2), (1, 1), (1, 1)]
