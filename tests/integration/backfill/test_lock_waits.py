"""The progress of a backfill names the session whose lock a range waits for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

import bulkq
from bulkq.policy import row_progress
from tests.support import targets

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.support.command import Cli


async def test_the_session_that_holds_a_lock_is_named(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While no range ends, the server is asked whom they wait for; when the lock is gone, the run goes on."""
    made: list[row_progress.RowProgress] = []
    keep = row_progress.RowProgress.__init__

    def remember(self: row_progress.RowProgress, *arguments: object, **settings: object) -> None:
        made.append(self)
        keep(self, *arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(row_progress.RowProgress, "__init__", remember)
    target = targets.make("postgresql", tmp_path, database, None)
    target.numbers(100)
    other = await asyncpg.connect(database)
    try:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("update numbers set touched = 5 where id = 50")
        async with bulkq.open(target.url) as db:
            running = asyncio.create_task(
                db.backfill("numbers", set=["touched = touched + 1"], lock_timeout=20.0, ledger="none")
            )
            async with asyncio.timeout(20):
                while not made or f"pid {other.get_server_pid()}" not in made[-1].holds:
                    await asyncio.sleep(0.05)
            await transaction.rollback()
            assert (await running).changed == 100
    finally:
        await other.close()


async def test_a_partition_is_locked_at_the_start(database: str, cli: Cli) -> None:
    """The message names the session that has locked the partition, and the next step."""
    other = await asyncpg.connect(database)
    pid = other.get_server_pid()
    try:
        await other.execute("create table parted (id int primary key, v int) partition by range (id)")
        await other.execute("create table part_1 partition of parted for values from (1) to (100)")
        await other.execute("insert into parted select n from generate_series(1, 99) n")
        async with other.transaction():
            await other.execute("lock table part_1 in access exclusive mode")
            got = await asyncio.to_thread(
                cli, "backfill", "-t", database, "--over", "parted", "--set", "v = 1", "--progress", "none"
            )
    finally:
        await other.close()
    assert got.code == 3
    (line,) = got.err.splitlines()
    assert f"pid {pid} " in line
    assert "has locked part_1 exclusively" in line
    assert line.endswith("give the command again when that session has ended")
