"""Errors that every range would meet stop a backfill at once, with their reason; a resume goes on when it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from tests.support.command import Cli

ROWS = 3_000
BREAKS = """create or replace function next_of(v integer) returns integer language plpgsql as $$ begin
    raise exception 'out of order' using errcode = '{}'; end $$"""
WORKS = "create or replace function next_of(v integer) returns integer language sql as 'select v + 1'"


@pytest.fixture
def table(database: str) -> str:
    """A table and a function for its rows."""
    execute(
        database,
        "create table t (id integer primary key, v integer)",
        f"insert into t select n, 0 from generate_series(1, {ROWS}) n",
        WORKS,
    )
    return database


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg"])
@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("53100", "stopped: the target has no room left: out of order"),
        ("08001", "stopped: another database that the statement uses does not answer: out of order"),
    ],
)
def test_a_resume_does_what_an_error_of_every_range_has_left(
    cli: Cli, table: str, driver: str, state: str, why: str
) -> None:
    """A full disk, and a foreign server that is away: no range is cut in two for it, and no row is changed twice."""
    url = table.replace("postgresql", driver, 1)
    execute(table, BREAKS.format(state))
    stopped = cli("backfill", "-t", url, "--over", "t", "--set", "v = next_of(v)", "--retries", "1")
    assert (stopped.code, stopped.counts["failed"], stopped.counts["ok"]) == (5, "0", "0"), stopped.err
    assert why in stopped.err
    execute(table, WORKS)
    resumed = cli("resume", "--last")
    assert (resumed.code, resumed.counts["changed"]) == (0, str(ROWS)), resumed.err
    assert execute(table, "select distinct v from t") == [(1,)]
