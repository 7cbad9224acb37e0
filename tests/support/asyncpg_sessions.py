"""Sessions of the asyncpg driver on a database with types, tables and functions of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bulkq.drivers import open_driver
from bulkq.model import (
    Decoding,
    Limits,
    Parameter,
    Query,
)
from bulkq.query import inline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

    from bulkq.protocols import Connection, Statement


READS = Limits(timeout_s=5, read_only=True)
WRITES = Limits(timeout_s=5, read_only=False)
SCHEMA = """
create type mood as enum ('sad', 'ok', 'ha"ppy');
create domain positive as integer check (value > 0);
create type pair as (a integer, b text);
create table items (id integer primary key, name text not null, qty integer check (qty >= 0));
insert into items select i, 'item ' || i, i * 10 from generate_series(1, 1000) as i;
"""


@asynccontextmanager
async def connected(url: str, *, read_only: bool = False) -> AsyncIterator[Connection]:
    """A session of the driver."""
    connection = await open_driver(url, application_name="bulkq test", read_only=read_only).connect()
    try:
        yield connection
    finally:
        await connection.close()


async def prepared(
    connection: Connection, sql: str | Query, decoding: Decoding = Decoding.PYTHON, *, typed: bool = False
) -> Statement:
    """Prepare inline SQL."""
    query = inline(sql) if isinstance(sql, str) else sql
    return await connection.prepare(query, decoding, typed=typed, identifiers={})


async def answers(
    connection: Connection, sql: str, sets: Sequence[tuple[object, ...]] = ((),), decoding: Decoding = Decoding.PYTHON
) -> list[tuple[object, ...]]:
    """Position and values of every row."""
    reply = await connection.attempt(await prepared(connection, sql, decoding), sets, READS)
    return list(zip(reply.positions, *reply.values, strict=True))


def declared(sql: str, *parameters: Parameter) -> Query:
    """Inline SQL with declared parameters."""
    query = inline(sql)
    return Query(query.name, query.sql, parameters, query.placeholders, statement=query.statement, verb=query.verb)


# --- time and cancellation ------------------------------------------------------------------------------------------


async def active(outside: asyncpg.Connection) -> int:
    """Sessions of the driver under test that are at something."""
    return await outside.fetchval(
        "select count(*) from pg_stat_activity where application_name = 'bulkq test' and state <> 'idle'"
        " and datname = current_database()"
    )


async def gone(outside: asyncpg.Connection) -> bool:
    """Whether nothing is active within two seconds."""
    for _ in range(100):
        if await active(outside) == 0:
            return True
        await asyncio.sleep(0.02)
    return False
