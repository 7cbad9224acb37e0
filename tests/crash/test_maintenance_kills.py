"""SIGKILL at random moments of maintenance: no object is done twice within the run, and none is left out.

pytest tests/crash/test_maintenance_kills.py --kills 120
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.interrupted_runs import begun
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    import pytest

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
