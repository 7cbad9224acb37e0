"""Results in pieces, and COPY."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import (
    Limits,
)
from tests.support.asyncpg_sessions import READS, active, answers, gone, prepared

if TYPE_CHECKING:
    import asyncpg

    from bulkq.protocols import Connection


# --- streams and COPY -----------------------------------------------------------------------------------------------


async def test_a_stream_is_under_the_deadline(connection: Connection) -> None:
    """The timeout of a query is that of its whole result, not of a piece."""
    statement = await prepared(connection, "select i, pg_sleep(0.00003) from generate_series(1, 1000000) as i")
    with pytest.raises(DatabaseError) as caught:
        _ = [piece async for piece in connection.stream(statement, (), Limits(timeout_s=1.2))]
    assert caught.value.sqlstate == "57014"
    assert await answers(connection, "select 1") == [(0, 1)]


async def test_a_stream_left_without_closing(connection: Connection) -> None:
    """Whoever uses the session next ends the stream that nobody reads any more."""
    statement = await prepared(connection, "select i from generate_series(1, 100000) as i")
    stream = connection.stream(statement, (), READS)
    await anext(stream)
    assert await answers(connection, "select 1") == [(0, 1)]
    await stream.aclose()
    assert await answers(connection, "select 2") == [(0, 2)]


async def test_what_cannot_be_wrapped_streams_whole(connection: Connection) -> None:
    """EXPLAIN has no cursor; its rows come in one piece."""
    statement = await prepared(connection, "explain select 1")
    pieces = [piece async for piece in connection.stream(statement, (), READS)]
    assert len(pieces) == 1
    assert pieces[0].values[0]


async def test_copy_is_what_psql_writes(connection: Connection, outside: asyncpg.Connection) -> None:
    """CSV with the user's column names, tabs where asked for."""
    statement = await prepared(
        connection, 'select id, name as "a name", null as id from items where id < 3 order by items.id -- all'
    )
    for delimiter in (",", "\t"):
        pieces: list[bytes] = []
        assert await connection.copy(statement, delimiter, READS, pieces.append) == 2
        expected = "id,a name,id\n1,item 1,\n2,item 2,\n".replace(",", delimiter)
        assert b"".join(pieces).decode() == expected
    assert await answers(connection, "select 1") == [(0, 1)]


async def test_copy_ends_with_its_errors(connection: Connection, outside: asyncpg.Connection) -> None:
    """A query error is a DatabaseError; an error of the writer is its own; the session goes on after both."""

    def full(data: bytes) -> None:
        raise OSError(28, "no space left on device")

    statement = await prepared(connection, "select 1 / (id - 900) from items order by id")
    with pytest.raises(DatabaseError) as caught:
        await connection.copy(statement, ",", READS, len)
    assert caught.value.sqlstate == "22012"
    statement = await prepared(connection, "select i from generate_series(1, 1000000) as i")
    with pytest.raises(OSError, match="no space"):
        await connection.copy(statement, ",", READS, full)
    assert await answers(connection, "select 1") == [(0, 1)]
    statement = await prepared(connection, "select i, pg_sleep(0.001) from generate_series(1, 1000000) as i")
    task = asyncio.create_task(connection.copy(statement, ",", Limits(timeout_s=60), len))
    while not await active(outside):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await gone(outside)
    statement = await prepared(connection, "delete from items returning id")
    with pytest.raises(DatabaseError) as caught:
        await connection.copy(statement, ",", READS, len)
    assert caught.value.sqlstate in {"25006", "0A000"}
