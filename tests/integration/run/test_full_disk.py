"""A write run whose target has no room left stops, and a resume goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from tests.support.command import Cli

ROWS = 300
BREAKS = """create or replace function next_of(v integer) returns integer language plpgsql as $$ begin
    raise exception '{}' using errcode = '53100'; end $$"""
WORKS = "create or replace function next_of(v integer) returns integer language sql as 'select v + 1'"
UPDATE = (
    "-e",
    "update t set v = next_of(v) where id = :id::int",
    "-p",
    f"range:id=1..{ROWS}",
    "--write",
    "--retries",
    "1",
)


@pytest.fixture
def table(database: str) -> str:
    """A table whose changes meet a full disk."""
    execute(
        database,
        "create table t (id integer primary key, v integer)",
        f"insert into t select n, 0 from generate_series(1, {ROWS}) n",
        BREAKS.format("could not extend file"),
    )
    return database


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg"])
def test_a_write_stops(cli: Cli, table: str, driver: str) -> None:
    """No set fails for it, and none is changed twice."""
    stopped = cli("run", "-t", table.replace("postgresql", driver, 1), *UPDATE)
    assert (stopped.code, stopped.counts["failed"], stopped.counts["ok"]) == (5, "0", "0"), stopped.err
    assert "stopped: the target has no room left: could not extend file" in stopped.err
    execute(table, WORKS)
    resumed = cli("resume", "--last")
    assert (resumed.code, resumed.counts["changed"]) == (0, str(ROWS)), resumed.err
    assert execute(table, "select distinct v from t") == [(1,)]


def test_a_large_sort_fails_alone(cli: Cli, table: str) -> None:
    """Files of one sort may need more room than other sets do; so may those of a read."""
    execute(table, BREAKS.format('could not write to file "base/pgsql_tmp/pgsql_tmp1.0"'))
    failed = cli("run", "-t", table, *UPDATE[:2], "-p", "range:id=1..3", "--write", "--retries", "1")
    assert (failed.code, failed.counts["failed"]) == (1, "3"), failed.err
    execute(table, BREAKS.format("could not extend file"))
    read = cli("run", "-t", table, "-e", "select next_of(:id::int)", "-p", "range:id=1..3", "--retries", "1")
    assert (read.code, read.counts["failed"]) == (1, "3"), read.err
