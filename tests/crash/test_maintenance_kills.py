"""SIGKILL at random moments of maintenance: no object is done twice within the run, and none is left out.

pytest tests/crash/test_maintenance_kills.py --kills 120
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.support.interrupted_runs import begun
from tests.support.maintenance import session
from tests.support.servers.postgres import execute
from tests.support.servers.processes import wait_until

if TYPE_CHECKING:
    from tests.support.command import Cli

TABLES = 150
COUNTS = "SELECT count(*) FILTER (WHERE vacuum_count = 1), max(vacuum_count) FROM pg_stat_user_tables WHERE schemaname = 'many'"


def test_no_object_is_done_twice(cli: Cli, database: str, pytestconfig: pytest.Config) -> None:
    """A sixth of --kills: what was unknown is settled by the catalog, and every table was vacuumed exactly once."""
    made = "; ".join(f"CREATE TABLE many.t{n} AS SELECT g FROM generate_series(1, 500) AS g" for n in range(TABLES))
    execute(database, "CREATE SCHEMA many", f"DO $$ BEGIN {made}; END $$")
    seed = pytestconfig.getoption("--crash-seed") or random.randrange(1 << 30)
    chance = random.Random(seed)
    kills = max(2, pytestconfig.getoption("--kills") // 6)
    arguments = ["maintain", "vacuum", "-t", database, "--schema", "many", "-j", "3"]
    run = ""
    for _ in range(kills):
        process = cli.start(*(arguments if not run else ["resume", run, "-j", "3"]))
        run = run or begun(process)
        before = int(str(execute(database, COUNTS)[0][0]))
        wanted = before + chance.randrange(1, max(2, TABLES // (kills + 1)))
        while int(str(execute(database, COUNTS)[0][0])) < wanted and process.poll() is None:
            pass
        process.kill()
        process.communicate()
    ended = cli("resume", run)
    counts = ended.counts
    done, most = execute(database, COUNTS)[0]
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
    count = "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 't'"
    wait_until(lambda: execute(database, count)[0][0] == 1, "the counter of the first VACUUM")
    sessions = "FROM pg_stat_activity WHERE application_name LIKE 'bulkq/%' AND datname = current_database()"
    async with session(database) as other:
        await other.execute("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        process = cli.start("maintain", "vacuum", "-t", database, "--table", "t", "--lock-timeout", "none")
        run = begun(process)
        waits = f"SELECT 1 {sessions} AND wait_event_type = 'Lock' AND query LIKE 'VACUUM%'"
        wait_until(lambda: bool(execute(database, waits)), "the VACUUM that waits")
        process.kill()
        process.communicate()
        execute(database, f"SELECT pg_terminate_backend(pid) {sessions}")
        wait_until(lambda: not execute(database, f"SELECT 1 {sessions}"), "the end of the sessions")
    execute(database, *meanwhile.split("; "))
    ended = cli("resume", run)
    assert ended.code == code, ended.err
    assert vacuumed is None or execute(database, count)[0][0] == vacuumed, ended.err
