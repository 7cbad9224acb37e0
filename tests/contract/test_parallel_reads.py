"""PostgreSQL uses parallel workers for a query that gives one row, also if a driver is asked for its rows in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import pytest_asyncio

from bulkq.drivers import open_driver
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from tests.support.databases import DRIVERS, SCHEMES, fresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.protocols import Connection
    from tests.support.databases import Database

SCHEMA = (
    "create table big as select generate_series(1, 100000) as id",
    "create function process() returns int language plpgsql parallel safe as 'begin return pg_backend_pid(); end'",
    "analyze big",
)
SETTINGS = {
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "min_parallel_table_scan_size": "0",
    "max_parallel_workers_per_gather": "2",
    "parallel_leader_participation": "off",
}
"""The server uses workers wherever it can, and the leader reads no rows."""

READS = Limits(timeout_s=10, read_only=True)
PROCESSES = "select min(process()), max(process()) from big where id > :n"


@pytest.fixture(scope="module", params=[name for name, line in DRIVERS.items() if line.kind == "postgresql"])
def database(request: pytest.FixtureRequest) -> tuple[str, Database]:
    """A database with a large table, once for each driver."""
    base = fresh("postgresql", request)
    base.execute(*SCHEMA)
    return request.param, base


@pytest_asyncio.fixture(loop_scope="session")
async def connection(database: tuple[str, Database]) -> AsyncIterator[Connection]:
    """A session of one of the drivers."""
    name, base = database
    options = quote(" ".join(f"-c {key}={value}" for key, value in SETTINGS.items()))
    url = base.url(SCHEMES[name])
    url += f"{'&' if '?' in url else '?'}options={options}"
    session = await open_driver(url, application_name="bulkq test", read_only=True).connect()
    yield session
    await session.close()


async def streamed(connection: Connection, sql: str, decoding: Decoding) -> list[list[object]]:
    """The columns of the only piece."""
    statement = await connection.prepare(inline(sql, "postgres"), decoding, typed=False, identifiers={})
    (piece,) = [piece async for piece in connection.stream(statement, ("3",), READS)]
    return [list(values) for values in piece.values]


@pytest.mark.parametrize("decoding", Decoding)
async def test_an_aggregate_is_computed_by_workers(connection: Connection, decoding: Decoding) -> None:
    """No value comes from the session's own process, which reads no rows."""
    (low,), (high,) = await streamed(connection, PROCESSES, decoding)
    assert connection.server.pid not in {int(str(low)), int(str(high))}
