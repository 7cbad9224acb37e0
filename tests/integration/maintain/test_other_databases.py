"""Maintenance of MariaDB, and what a deadline leaves for a resume."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from bulkq.engine.stop_control import Control
from bulkq.lifecycle.maintain.all_databases import on_all_databases
from bulkq.tasks.resume import resume
from tests.support.maintenance import build, reasons, run, script, session
from tests.support.notices import Notices

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.mariadb import MariaDB


@pytest.mark.parametrize("command", ["optimize", "analyze", "check"])
async def test_a_table_whose_engine_cannot_do_it_is_skipped(mariadb: MariaDB, tmp_path: Path, command: str) -> None:
    """The command itself reports success, and a note."""
    name = f"maintain_{uuid4().hex[:8]}"
    mariadb.execute("mysql", f"CREATE DATABASE {name}")
    mariadb.execute(name, "CREATE TABLE t (id int PRIMARY KEY) ENGINE=InnoDB", "CREATE TABLE m (id int) ENGINE=MEMORY")
    try:
        summary = await run(mariadb.url(name), tmp_path, command)
    finally:
        mariadb.execute("mysql", f"DROP DATABASE {name}")
    assert (summary.exit_code, summary.ok, summary.skipped) == (1, 1, 1)
    [(table, (_, why))] = reasons(summary).items()
    assert table == f"{name}.m"
    assert f"doesn't support {command}" in why


async def test_a_deadline_leaves_objects_for_a_resume(database: str, tmp_path: Path) -> None:
    """The command that it has cancelled was not done, and is not unknown."""
    script(database, "CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int)")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    async with session(database) as other, other.transaction():
        await other.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        options = ("-j", "1", "--lock-timeout", "none", "--deadline", "1s")
        async with asyncio.timeout(20):
            summary = await run(database, tmp_path, "vacuum", *options)
    assert (summary.exit_code, summary.failed, summary.unknown) == (5, 0, 0)
    assert summary.skipped == 3 - summary.ok
    again = await resume(summary.run, ledger=ledger, changes={"deadline_s": None}, control=Control())
    assert (again.exit_code, again.ok, again.unknown) == (0, 3, 0)


async def test_databases_that_cannot_be_connected_to(database: str, tmp_path: Path) -> None:
    """They are named with the reason, and left out; a checkpoint is for the whole server, whatever the database."""
    name = f"maintain_{uuid4().hex[:8]}"
    told = Notices()
    async with session(database) as other:
        await other.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            await other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            found = await on_all_databases(build(database, tmp_path, "vacuum"), [told])
            await other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await other.execute(f"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{name}'")
            again = await on_all_databases(build(database, tmp_path, "vacuum"), [told])
        finally:
            await other.execute(f"DROP DATABASE {name}")
    assert not [one for one in (*found.targets.selected, *again.targets.selected) if name in one.url]
    mine = [text.partition(" is skipped: ")[2] for text in told.lines if name in text]
    assert [text[:30] for text in mine] == ["it takes no connections: ALTER", "a DROP DATABASE of it was inte"]
    once = await on_all_databases(build(database, tmp_path, "checkpoint"))
    assert [one.url for one in once.targets.selected] == [database]
