"""`--snapshot`: all checks count the same rows."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import RefusedError, UsageError
from tests.support.checks import run
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile


async def test_checks_see_one_moment(database: str) -> None:
    """With a snapshot they all count the same rows, while others are being added; without one they do not."""
    servers.execute(database, "create table t (id int)")
    count = "-- @expect value >= 0\nselect count(*) + length(pg_sleep(0.04)::text) from t;"
    text = "\n".join(f"-- name: c{i}\n{count}" for i in range(12))
    over = threading.Event()
    writer = asyncio.create_task(asyncio.to_thread(_insert, database, over))
    try:
        summary = await run(text, database, concurrency=2, checks={"snapshot": True})
        moving = await run(text, database, concurrency=2)
    finally:
        over.set()
        await writer
    assert len({result.value for result in summary.checks}) == 1
    assert len({result.value for result in moving.checks}) > 1


def _insert(url: str, over: threading.Event) -> None:
    while not over.wait(0.02):
        servers.execute(url, "insert into t values (1)")


async def test_a_snapshot_needs_postgresql_itself(
    sqlite_file: SqliteFile, database: str, request: pytest.FixtureRequest
) -> None:
    """Elsewhere, and through a pooler, it is refused in one line."""
    with pytest.raises(UsageError, match="--snapshot: .* cannot share a snapshot"):
        await run("select 1", f"sqlite:///{sqlite_file()}", checks={"snapshot": True})
    pooled = request.getfixturevalue("pgbouncer").through(database)
    with pytest.raises(RefusedError, match="through a pooler"):
        await run("select 1", pooled, checks={"snapshot": True})
