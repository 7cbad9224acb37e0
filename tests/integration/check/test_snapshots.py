"""`--snapshot`: all checks count the same rows."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from bulkq.drivers import open_driver
from bulkq.errors import DatabaseError, RefusedError, UsageError
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from bulkq.tasks.check.connect_and_plan import exporter
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


@pytest.mark.parametrize(
    "command",
    [
        "truncate t",
        "alter table t alter a type bigint",
        "alter table t rename to u; create table t (a bigint)",
        "refresh materialized view m",
    ],
)
async def test_a_table_that_a_snapshot_does_not_see_is_no_pass(database: str, command: str) -> None:
    """It looks empty, so every check of it would pass. Other tables, new indexes and new rows do not matter."""
    servers.execute(
        database,
        "create table t (a integer, b text)",
        "create table v (a integer)",
        "insert into t values (1, repeat('x', 9000))",
        "insert into v values (1)",
        "create materialized view m as select * from v",
    )
    driver = open_driver(database, application_name="x", read_only=True)
    holder, reader = await driver.connect(), await driver.connect()
    try:
        limits = Limits(snapshot=await exporter(holder, "x").export_snapshot())
        servers.execute(
            database, "insert into v values (2)", "create index on v (a)", "analyze v", *command.split("; ")
        )
        counts: dict[str, Any] = {}
        for table in ("m" if "refresh" in command else "t", "v"):
            sql = inline(f"select count(*) as n from {table} where a > 0")
            statement = await reader.prepare(sql, Decoding.PYTHON, typed=True, identifiers={})
            try:
                counts[table] = (await reader.attempt(statement, [()], limits)).values
            except DatabaseError as error:
                counts[table] = str(error).partition(",")[0]
        assert [list(column) for column in counts.pop("v")] == [[1]]
        assert all("was written anew or made since the snapshot was taken" in refused for refused in counts.values())
    finally:
        await reader.close()
        await holder.close()
