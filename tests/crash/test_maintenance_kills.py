"""SIGKILL at random moments of maintenance: no object is done twice within the run, and none is left out.

pytest tests/crash/test_maintenance_kills.py --kills 120
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from tests.support.interrupted_runs import begun
from tests.support.maintenance import session
from tests.support.servers.postgres import execute
from tests.support.servers.processes import wait_until

if TYPE_CHECKING:
    import subprocess

    from tests.support.command import Cli

TABLES = 150
COUNTS = "SELECT count(*) FILTER (WHERE vacuum_count = 1), max(vacuum_count) FROM pg_stat_user_tables WHERE schemaname = 'many'"
COUNT_OF_T = "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 't'"
OURS = "FROM pg_stat_activity WHERE application_name LIKE 'bulkq/%' AND datname = current_database()"
WAITS = f"SELECT 1 {OURS} AND wait_event_type = 'Lock' AND query LIKE 'VACUUM%'"


REBUILT = "SELECT count(*), 1 FROM was WHERE pg_relation_filenode(name::regclass) <> file"
"""The indexes whose file is another one than at the start. The catalog does not show how often they were rebuilt."""


@pytest.mark.parametrize(
    ("command", "count"), [(["vacuum"], COUNTS), (["reindex", "--no-concurrently"], REBUILT)], ids=["vacuum", "reindex"]
)
def test_no_object_is_done_twice(
    cli: Cli, database: str, pytestconfig: pytest.Config, command: list[str], count: str
) -> None:
    """A sixth of --kills: what was unknown is settled by the catalog, and every table was vacuumed exactly once."""
    made = "; ".join(
        f"CREATE TABLE many.t{n} AS SELECT g FROM generate_series(1, 500) AS g; CREATE INDEX i{n} ON many.t{n} (g)"
        for n in range(TABLES)
    )
    names = "SELECT i.indexrelid::regclass::text AS name, pg_relation_filenode(i.indexrelid) AS file FROM pg_index AS i"
    was = f"CREATE TABLE was AS {names} JOIN pg_class AS c ON c.oid = i.indrelid WHERE c.relnamespace = 'many'::regnamespace"
    execute(database, "CREATE SCHEMA many", f"DO $$ BEGIN {made}; END $$", was)
    seed = pytestconfig.getoption("--crash-seed") or random.randrange(1 << 30)
    chance = random.Random(seed)
    kills = max(2, pytestconfig.getoption("--kills") // 6)
    arguments = ["maintain", *command, "-t", database, "--schema", "many", "-j", "3"]
    run = ""
    for _ in range(kills):
        process = cli.start(*(arguments if not run else ["resume", run, "-j", "3"]))
        run = run or begun(process)
        before = int(str(execute(database, count)[0][0]))
        wanted = before + chance.randrange(1, max(2, TABLES // (kills + 1)))
        while int(str(execute(database, count)[0][0])) < wanted and process.poll() is None:
            pass
        process.kill()
        process.communicate()
    ended = cli("resume", run)
    counts = ended.counts
    done, most = execute(database, count)[0]
    assert (most, done, counts["ok"], counts["unknown"]) == (1, TABLES, str(TABLES), "0"), (seed, ended.err)
    assert ended.code == 0, (seed, ended.err)


@pytest.mark.parametrize(
    ("meanwhile", "code", "vacuumed"),
    [
        ("SELECT 1", 0, 2),
        ("SELECT pg_stat_reset()", 3, 0),
        ("ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t", 0, 1),
        ("DROP TABLE t", 0, None),
    ],
    ids=["nothing", "reset", "swap", "drop"],
)
async def test_a_proof_that_others_have_changed_proves_nothing(
    cli: Cli, database: str, meanwhile: str, code: int, vacuumed: int | None
) -> None:
    """The process is killed while its VACUUM waits for a lock. Neither counters that were reset nor another table mean that it was done."""
    execute(database, "CREATE TABLE t AS SELECT 1 AS a", "CREATE TABLE t_new AS SELECT 1 AS a", "VACUUM t")
    wait_until(lambda: execute(database, COUNT_OF_T)[0][0] == 1, "the counter of the first VACUUM")
    async with session(database) as other:
        await other.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        process, run = _waiting(cli, database, "--lock-timeout", "none")
        _end(process, database)
    execute(database, *meanwhile.split("; "))
    ended = cli("resume", run)
    assert ended.code == code, ended.err
    assert vacuumed is None or execute(database, COUNT_OF_T)[0][0] == vacuumed, ended.err


TOASTED = ("CREATE TABLE t (a int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, 'short')")
TOAST = "(SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 't')"
ENDED = f"SELECT pg_stat_get_vacuum_count({TOAST}), pg_stat_get_analyze_count('t'::regclass)"


async def test_a_vacuum_that_was_cut_off_in_the_toast_table_is_done_again(cli: Cli, database: str) -> None:
    """The table counts as vacuumed before its TOAST table is. The rebuild of an index keeps the lock of that one."""
    execute(database, *TOASTED)
    async with session(database) as other:
        await other.execute("BEGIN")
        await other.execute(f"REINDEX TABLE {execute(database, f'SELECT {TOAST}::text')[0][0]}")
        process, run = _waiting(cli, database, "--lock-timeout", "none")
        wait_until(lambda: execute(database, COUNT_OF_T)[0][0] == 1, "the counter of the table")
        _end(process, database)
    ended = cli("resume", run)
    assert ended.code == 0, ended.err
    assert execute(database, ENDED)[0][0] == 1, ended.err


@pytest.mark.parametrize("options", [("--analyze",), ("--full", "--analyze")], ids=["vacuum", "full"])
async def test_a_vacuum_that_was_cut_off_before_its_analyze_is_done_again(
    cli: Cli, database: str, options: tuple[str, ...]
) -> None:
    """A session that waits behind VACUUM gets the lock before ANALYZE does."""
    execute(database, *TOASTED)
    lock = "LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE"
    async with session(database) as first, session(database) as second:
        await first.execute(f"BEGIN; {lock}")
        process, run = _waiting(cli, database, *options, "--lock-timeout", "none")
        await second.execute("BEGIN")
        behind = asyncio.create_task(second.execute(lock))
        two = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while (await first.fetchval(two)) < 2:
            await asyncio.sleep(0.02)
        await first.execute("COMMIT")
        await behind
        while not await first.fetchval(WAITS):
            await asyncio.sleep(0.02)
        _end(process, database)
    ended = cli("resume", run)
    assert ended.code == 0, ended.err
    assert execute(database, ENDED)[0][1] == 1, ended.err


def _waiting(cli: Cli, database: str, *options: str) -> tuple[subprocess.Popen[bytes], str]:
    """A run of VACUUM that waits for a lock, and its id."""
    process = cli.start("maintain", "vacuum", "-t", database, "--table", "t", *options)
    run = begun(process)
    wait_until(lambda: bool(execute(database, WAITS)), "the VACUUM that waits")
    return process, run


def _end(process: subprocess.Popen[bytes], database: str) -> None:
    """Kill a process, and end its sessions."""
    process.kill()
    process.communicate()
    execute(database, f"SELECT pg_terminate_backend(pid) {OURS}")
    wait_until(lambda: not execute(database, f"SELECT 1 {OURS}"), "the end of the sessions")
