"""Queries that give targets or parameter sets: `--timeout` bounds them too, whatever the driver."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import BulkqError
from bulkq.model import Run, Target
from bulkq.model.run import make_run, set_fields
from bulkq.query import inline, load
from bulkq.targets.parameter_rows_from_query import rows_of
from bulkq.tasks.run import run
from tests.support.databases import DRIVERS, KINDS, SCHEMES, fresh

if TYPE_CHECKING:
    from tests.support.databases import Database

ENDLESS = {
    "postgresql": "select 1 as id from (select pg_sleep(60)) as q",
    "mariadb": "select sleep(60) as id",
    "duckdb": "select count(*) as id from range(10000000) a(x), range(10000000) b(x) where a.x + b.x = 3",
    "sqlite": "with recursive r(i) as (select 1 union all select i + 1 from r where i < 10000000000) select count(*) as id from r",
}
ADVICE = r"timed out after 0\.5s: add --timeout TIME, or --timeout none"


@pytest.fixture(params=SCHEMES)
def asked(request: pytest.FixtureRequest) -> tuple[Database, Run]:
    """A run over sets or targets of a query that never ends."""
    base = fresh(DRIVERS[request.param].kind, request)
    query = replace(inline("select :id as id"), name="x")
    target = Target(url=base.url(SCHEMES[request.param]))
    return base, make_run(queries=(query,), targets=(target,), ledger="none", timeout_s=0.5, timeout_given=True)


@pytest.mark.parametrize("what", ["params", "targets_sql"])
async def test_a_query_that_never_ends_is_ended(asked: tuple[Database, Run], what: str) -> None:
    """With a line that names the option, and on the server."""
    base, request = asked
    sql = ENDLESS[KINDS[base.kind].product]
    request = set_fields(request, {"params": (f"sql:{sql}",)} if what == "params" else {"targets_sql": sql})
    began_s = time.monotonic()
    with pytest.raises(BulkqError, match=ADVICE):
        await run(request, control=Control(), stdout=io.BytesIO())
    assert time.monotonic() - began_s < 8
    if base.kind == "postgresql":
        running = "select count(*) from pg_stat_activity where pid <> pg_backend_pid() and query ~ 'pg_sleep.60'"
        assert base.execute(running) == [(0,)]


async def test_the_timeout_is_of_each_piece(database: str) -> None:
    """A query is read at the pace of the run: what it takes altogether, and what its reader takes, does not count."""
    slow = (
        "select i as id from generate_series(1, 60000) as i, lateral (select pg_sleep(0.9 * (i % 10000 = 1)::int)) as q"
    )
    request = make_run(queries=(), targets=(Target(url=database),), timeout_s=2.0)
    pieces = rows_of(request.targets.selected[0], request)(slow)
    began_s = time.monotonic()
    count = 0
    async for _, values in pieces:
        count += len(values[0]) if values else 0
    assert count == 60_000
    assert time.monotonic() - began_s > 4


async def test_the_files_own_timeout_counts(database: str) -> None:
    """`@timeout` above the query, unless the option was given."""
    text = "-- name: ids\n-- @timeout 500ms\nselect 1 as id from (select pg_sleep(1)) as q\n"
    (query,) = load(text, "ids.sql")
    request = make_run(queries=(), targets=(Target(url=database),), timeout_s=20.0)
    with pytest.raises(BulkqError, match=ADVICE):
        _ = [piece async for piece in rows_of(request.targets.selected[0], request)(query)]
    request = set_fields(request, {"timeout_given": True})
    assert [piece[1] async for piece in rows_of(request.targets.selected[0], request)(query)][-1] == [(1,)]
