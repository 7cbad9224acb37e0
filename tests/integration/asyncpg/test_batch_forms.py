"""One statement for a batch of reads: what breaks it, and what must not come through it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits, Parameter
from bulkq.query import inline
from tests.support.asyncpg_sessions import READS, active, connected, declared, gone, prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from bulkq.model import Reply
    from bulkq.protocols import Connection, Statement
    from tests.support.servers.pgbouncer import PgBouncer
    from tests.support.servers.proxy import Proxy

SETS = [(str(i),) for i in (1, 2, 3, 2)]
TOGETHER = replace(READS, together=True)


async def answer(connection: Connection, statement: Statement, sets: Sequence[tuple[object, ...]] = SETS) -> Reply:
    """The reply of one statement."""
    reply = await connection.attempt(statement, sets, TOGETHER)
    assert reply.together
    return reply


async def test_a_changed_table_is_noticed(connection: Connection, outside: asyncpg.Connection) -> None:
    """The statement of the old table fails as a whole; the next one is of the new table."""
    sql = "select * from items where id = :id"
    statement = await prepared(connection, sql)
    assert len((await answer(connection, statement)).columns) == 3
    await outside.execute("alter table items alter column name type varchar(20)")
    with pytest.raises(DatabaseError) as found:
        await answer(connection, statement)
    assert found.value.together
    reply = await answer(connection, await prepared(connection, sql))
    assert reply.columns[1].type == "character varying"


@pytest.mark.parametrize("column", ["n", "v1", "q"])
async def test_a_column_that_is_gone_is_not_mistaken(
    connection: Connection, outside: asyncpg.Connection, column: str
) -> None:
    """A name that the table has no longer does not mean a name of bulkq."""
    await outside.execute(f"create table narrow as select id, id::bigint as {column} from items")
    statement = await prepared(connection, f"select {column} from narrow where id = :id")
    await answer(connection, statement)
    await outside.execute(f"alter table narrow drop column {column}")
    with pytest.raises(DatabaseError, match=f'column "{column}" does not exist'):
        await answer(connection, statement)


async def test_a_cancelled_task_ends_the_statement(connection: Connection, outside: asyncpg.Connection) -> None:
    """The server stops at once."""
    sql = "select count(*) from generate_series(1, 100000000) as n where n > :id::int"
    statement = await prepared(connection, sql)
    assert isinstance(connection, BaseConnection)
    assert await connection.why_apart(statement) == ""
    task = asyncio.create_task(connection.attempt(statement, SETS, TOGETHER))
    while not await active(outside):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(outside)


async def test_a_lost_connection_is_one(url: str, proxy: Proxy) -> None:
    """The statement is not taken for one that failed because of its sets."""
    async with connected(proxy.through(url)) as connection:
        statement = await prepared(
            connection, "select count(*) from generate_series(1, 100000000) as n where n > :id::int"
        )
        task = asyncio.create_task(connection.attempt(statement, SETS, TOGETHER))
        await asyncio.sleep(0.2)
        proxy.cut()
        with pytest.raises(DatabaseError) as found:
            await task
        assert found.value.connection_lost


async def test_through_a_pooler(pgbouncer: PgBouncer, url: str) -> None:
    """Without names of statements, which another session would have."""
    async with connected(pgbouncer.through(url)) as one, connected(pgbouncer.through(url)) as other:
        statements = [(c, await prepared(c, "select name from items where id = :id")) for c in (one, other)]
        for _ in range(3):
            for connection, statement in statements:
                assert (await answer(connection, statement)).values[0][0] == "item 1"


async def test_without_a_timeout_it_has_one(connection: Connection) -> None:
    """A set may take forever; a statement that names no set may not."""
    sql = "select current_setting('statement_timeout'), current_setting('jit') from items where id = :id"
    statement = await prepared(connection, sql)
    reply = await connection.attempt(statement, SETS, Limits(timeout_s=None, read_only=True, together=True))
    assert (reply.values[0][0], reply.values[1][0]) == ("500ms", "off")
    reply = await connection.attempt(statement, SETS, Limits(timeout_s=None, read_only=True))
    assert reply.values[0][0] == "0"


async def test_secrets_are_not_in_its_errors(connection: Connection) -> None:
    """The server quotes the value that it cannot convert."""
    query = declared("select :password::int as n", Parameter("password", secret=True))
    statement = await prepared(connection, query, Decoding.TEXT)
    with pytest.raises(DatabaseError) as found:
        await connection.attempt(statement, [("1",), ("hunter2",)], TOGETHER)
    assert found.value.together
    assert "hunter2" not in str(found.value)
    assert "hunter2" not in str(found.value.hint)


async def test_identifiers_have_statements_of_their_own(connection: Connection) -> None:
    """Each name is a text of its own."""
    query = inline("-- @param col ident\nselect :{col} from items where id = :id", "postgres")
    places = [parameter.name for parameter in query.parameters]
    sets = [tuple({"col": "x", "id": value}[name] for name in places) for (value,) in SETS]
    for name, first in (("name", "item 1"), ("qty", 10)):
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={"col": name})
        assert (await answer(connection, statement, sets)).values[0][0] == first


async def test_it_changes_nothing(connection: Connection, outside: asyncpg.Connection) -> None:
    """A function that claims to be stable and writes is refused by the transaction."""
    await outside.execute(
        "create function empty() returns int language sql volatile as 'update items set qty = 0 returning 1';"
        "create function sly(int) returns int language plpgsql stable as $$ begin return empty(); end $$"
    )
    statement = await prepared(connection, "select sly(:id::int)")
    with pytest.raises(DatabaseError) as found:
        await answer(connection, statement)
    assert found.value.sqlstate == "25006"
    assert await outside.fetchval("select sum(qty) from items") > 0
