"""A run that is held or paused for long: it has no transaction, lock or snapshot, and lives through closed connections and a restart."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.held_runs import backfilling
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.postgres import PostgresServer

ROWS = 600
LONG_S = float(os.environ.get("BULKQ_PAUSE_S", "30"))
"""Seconds of the long test that the run is held, and paused before and after the restart."""

HELD = """\
select a.pid, a.state, a.xact_start, a.backend_xid, a.backend_xmin, a.query,
  (select count(*) from pg_locks as l where l.pid = a.pid and l.locktype <> 'virtualxid') as locks
from pg_stat_activity as a where a.application_name like 'bulkq/%' and a.application_name not like '%/throttle'
  and a.datname = current_database()
"""

CLOSE = """\
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where application_name like 'bulkq/%' and datname = current_database()
"""


async def look_for(url: str, seconds: float) -> None:
    """See for so long that no session of a run holds anything."""
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        sessions = await asyncio.to_thread(servers.execute, url, HELD)
        assert not [one for one in sessions if any(one[at] for at in (2, 3, 4, 6))], sessions
        await asyncio.sleep(min(1.0, seconds / 5))


@pytest.mark.parametrize(
    "pause_s", [0.8, pytest.param(LONG_S, marks=[pytest.mark.long, pytest.mark.timeout(3 * LONG_S + 240)])]
)
async def test_held_and_paused_runs_hold_nothing_and_live_through_a_restart(
    database: str, postgres: PostgresServer, tmp_path: Path, pause_s: float
) -> None:
    """While a throttle holds it its sessions are closed; while it is paused the server restarts; then each row is changed once."""
    await asyncio.to_thread(
        servers.execute,
        database,
        "create table t (id int primary key, n int)",
        f"insert into t select i, 0 from generate_series(1, {ROWS}) i",
        f"alter database {database.rpartition('/')[2]} set idle_session_timeout = '20s'",
    )
    hold, ledger = tmp_path / "hold", str(tmp_path / "ledger.db")
    throttles = f"file:{hold}", "active<1000"
    async with backfilling(database, "t", "n = n + 1", *throttles, max_rate="400rows/s", ledger=ledger) as watcher:
        await watcher.until_begun(5)
        hold.touch()
        await watcher.until_held(f"file {hold} exists")
        await look_for(database, pause_s)
        await asyncio.to_thread(servers.execute, database, CLOSE)
        hold.unlink()
        await watcher.until_begun(5)
        assert watcher.control is not None
        assert watcher.control.run is not None
        watcher.control.run.pause("dba@here", None)
        await watcher.until_still("paused: by dba@here")
        await look_for(database, pause_s)
        await asyncio.to_thread(postgres.restart, "immediate")
        await look_for(database, pause_s)
        watcher.control.run.resume("dba@here")
        await watcher.until_begun(ROWS // 10 - watcher.begun)
        await watcher.until_ended()
    found = servers.execute(database, "select n, count(*) from t group by n")
    assert [tuple(row) for row in found] == [(1, ROWS)]
