"""`lag` with two real standbys: replay that pauses, a receiver that hangs, a standby that goes, and one that has nothing to do."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from tests.support.held_runs import LOAD, inserting
from tests.support.servers import postgres as servers
from tests.support.servers.standbys import wake
from tests.support.watchers import QUIET_S

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.standbys import Replication

LIMIT_S = 1.0
AT_ONCE_S = 2.0
"""Within which a run obeys, with readings every second. The tests allow more, because machines are busy."""


async def test_a_run_waits_while_a_standby_is_behind(replication: Replication, primary: str, tmp_path: Path) -> None:
    """Under a steady load nothing waits; then one standby pauses its replay, then its receiver hangs; each time the run waits, and goes on."""
    standby = replication.standbys[1]
    servers.execute(primary, LOAD)
    ledger = tmp_path / "ledger.db"
    async with inserting(primary, f"lag<{LIMIT_S:g}s", ledger=str(ledger), idempotent=False) as watcher:
        await watcher.until_begun(400)
        assert not any("throttled" in line for line in watcher.lines), watcher.lines
        with ExitStack() as stack:
            await asyncio.to_thread(standby.pause)
            stack.callback(standby.resume)
            paused_s = time.monotonic()
            stopped_s = await watcher.until_held("lag ") - paused_s
            assert "(replica-2)" in watcher.state
            await asyncio.to_thread(standby.resume)
            resumed_s = time.monotonic()
            went_s = await watcher.until_begun() - resumed_s
        await watcher.until_begun(100)
        receiver = await asyncio.to_thread(standby.hang)
        with ExitStack() as stack:
            stack.callback(wake, receiver)
            hung_s = time.monotonic()
            hang_stopped_s = await watcher.until_held("lag ") - hung_s
        woken_s = time.monotonic()
        hang_went_s = await watcher.until_begun() - woken_s
    times = stopped_s - LIMIT_S, went_s, hang_stopped_s - LIMIT_S, hang_went_s
    print("after the limit, and on again:", [f"{one:.2f} s" for one in times])
    assert max(times) < AT_ONCE_S + 4
    (wait,) = watcher.summary.throttles
    assert (wait.name, wait.limit) == (f"lag<{LIMIT_S:g}s", LIMIT_S)
    assert wait.seconds > 2 * QUIET_S
    with closing(sqlite3.connect(ledger)) as events:
        held = events.execute(
            "select kind, text from events where kind in ('throttle', 'release') order by number"
        ).fetchall()
    assert [kind for kind, _ in held] == ["throttle", "release"] * 2
    assert all(text.startswith("lag ") and "(replica-2)" in text for _, text in held), held


async def test_a_run_waits_for_a_standby_that_is_gone(replication: Replication, primary: str) -> None:
    """A standby of the start that is not connected any more is a reason, until it is there again."""
    standby = replication.standbys[0]
    servers.execute(primary, LOAD)
    async with inserting(primary, "lag(replica-1)<1h") as watcher:
        await watcher.until_begun(50)
        await asyncio.to_thread(standby.stop, "immediate")
        try:
            await watcher.until_held("lag(replica-1): replica replica-1 is not connected any more")
        finally:
            await asyncio.to_thread(standby.start)
        await watcher.until_begun(50)


async def test_a_run_does_not_wait_for_idle_standbys(replication: Replication, primary: str) -> None:
    """On a server where nothing is written nothing is behind, in time or in bytes."""
    reads = {"sql": "select :n::int", "write": False, "idempotent": False}
    await asyncio.to_thread(servers.execute, primary, "checkpoint")
    async with inserting(primary, "lag<300ms", "lag<64kB", **reads) as watcher:
        await watcher.until_begun(600)
        assert not any("throttled" in line for line in watcher.lines), watcher.lines
