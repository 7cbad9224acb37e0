"""What a session asks once: the server's own parameter types, and whether they take the same values."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.drivers import open_driver
from bulkq.drivers.asyncpg import connection as connection_module
from bulkq.drivers.asyncpg import validate_texts
from bulkq.model import Decoding
from bulkq.query import inline
from tests.support.asyncpg_sessions import READS, gone, prepared

if TYPE_CHECKING:
    import asyncpg
    import pytest

    from bulkq.model import ParameterSet
    from bulkq.protocols import Connection


class Sent:
    """The messages that a session sends from now on."""

    def __init__(self, connection: Connection) -> None:
        self.messages: list[bytes] = []
        transport = connection._session._transport
        write = transport.write
        transport.write = lambda data: (self.messages.append(bytes(data)), write(data))

    def about(self, text: bytes) -> int:
        """How many of them have `text`, which are then forgotten."""
        found = sum(text in message for message in self.messages)
        self.messages.clear()
        return found


async def bad(connection: Connection, sql: str, *sets: ParameterSet, secret: bool = False) -> list[tuple[int, int]]:
    """The position and parameter of each value that the server does not take."""
    query = inline(sql)
    if secret:
        query = replace(query, parameters=tuple(replace(one, secret=True) for one in query.parameters))
    statement = await prepared(connection, query, Decoding.TEXT)
    return [(one.position, one.parameter) for one in await connection.check(statement, sets)]


async def test_types_and_values_of_the_server_are_asked_about_once(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another text with the same types and values sends no question; other values, bad ones and secret ones do."""
    sent = Sent(connection)
    types, values = b"WITH RECURSIVE wanted", b"pg_input_error_info"
    assert await bad(connection, "select 1 where 1 = :a and 'x' = :b::text", ("1", "x")) == []
    assert sent.about(types) >= 1
    assert await bad(connection, "select 2 where 1 = :a and 'x' = :b::text", ("1", "x")) == []
    assert sent.about(types) == 0
    if connection.server.version_number >= 160000:
        assert await bad(connection, "select 3 where 1 = :a", ("1",)) == []
        assert sent.about(values) == 0
        assert await bad(connection, "select 3 where 1 = :a", ("2",)) == []
        assert sent.about(values) >= 1
        for _ in range(2):
            assert await bad(connection, "select 4 where 1 = :a", ("2",), secret=True) == []
            assert sent.about(values) >= 1
    monkeypatch.setattr(validate_texts, "MOST_KEPT", 1)
    for number in range(4):  # the answers that are kept are forgotten meanwhile
        wanted = [] if number < 2 else [(0, 0)]
        assert await bad(connection, f"select 5{number} where 1 = :a", ("7" if number < 2 else "7x",)) == wanted


async def test_a_text_that_is_executed_at_once_ends_the_description(
    connection: Connection, outside: asyncpg.Connection
) -> None:
    """Two messages describe it in a transaction that the first message of the execution ends; nothing stays open."""
    sent = Sent(connection)
    limits = replace(READS, timeout_s=30, followed=True)
    for number in range(3):
        sent.messages.clear()
        sql = f"select {number} as n where 1 = :a and 'x' = :b::text"
        assert await bad(connection, sql, ("1", "x")) == []
        statement = await prepared(connection, sql, Decoding.TEXT)
        pieces = [piece async for piece in connection.stream(statement, ("1", "x"), limits)]
        assert [list(column) for column in pieces[0].values] == [[number]]
    timed_out = sent.messages.count(b"Q\0\0\0\x0dROLLBACK\0")  # on a machine that is very busy
    assert len(sent.messages) == 5 + timed_out
    assert await gone(outside)


async def test_lanes_that_begin_together(url: str) -> None:
    """What one session has found out, all others use that begin at the same time; after a read, in the transaction of their own."""
    driver = open_driver(url, application_name="bulkq test", read_only=True)
    first, *others = [await driver.connect() for _ in range(4)]
    query, limits = inline("select name from items where id = :id::int"), replace(READS, timeout_s=30, followed=True)

    async def read(connection: Connection) -> None:
        statement = await prepared(connection, query, Decoding.TEXT)
        assert (await connection.attempt(statement, [("7",)], limits)).values == [("item 7",)]

    await read(first)
    sent = [Sent(connection) for connection in others]
    await asyncio.gather(*map(read, others))
    timed_out = [one.messages.count(b"Q\0\0\0\x0dROLLBACK\0") for one in sent]  # on a machine that is very busy
    assert [len(one.messages) - late for one, late in zip(sent, timed_out, strict=True)] == [3, 3, 3]
    for connection in (first, *others):
        await connection.close()


async def test_a_session_after_the_type_of_a_column_has_changed(url: str, outside: asyncpg.Connection) -> None:
    """It does not use what another session has found out about the old type."""
    driver = open_driver(url, application_name="bulkq test", read_only=True)
    query, answers = inline("select b from retyped where a = :a"), []
    for column, value in (("int", "7"), ("bytea", "'7'"), ("int", "8")):
        await outside.execute(
            f"drop table if exists retyped; create table retyped (a, b) as select 1, {value}::{column}"
        )
        connection = await driver.connect()
        statement = await prepared(connection, query, Decoding.TEXT)
        answers += (await connection.attempt(statement, [("1",)], READS)).values
        await connection.close()
    await outside.execute("drop table retyped")
    assert answers == [(7,), ("\\x37",), (8,)]


async def test_types_that_asyncpg_does_not_know(url: str) -> None:
    """Each session prepares them: an enumeration, types that the server prints."""
    driver = open_driver(url, application_name="bulkq test", read_only=True)
    query = inline("select 'ok'::mood, null::aclitem[], '{1}'::int[], '1 2'::int2vector, null::money where :a = 1")
    for _ in range(2):
        connection = await driver.connect()
        statement = await prepared(connection, query, Decoding.TEXT)
        reply = await connection.attempt(statement, [("1",)], READS)
        assert reply.values == [("ok",), (None,), ("{1}",), ("1 2",), (None,)]
        await connection.close()


async def test_other_types_may_change(connection: Connection, outside: asyncpg.Connection) -> None:
    """A domain and an enumeration are asked about each time."""
    sql = "select {} where :a::positive > 0 and :b::mood is not null"
    assert await bad(connection, sql.format(1), ("1", "ok")) == []
    await outside.execute(
        "alter domain positive add constraint few check (value < 1); alter type mood rename value 'ok' to 'fine'"
    )
    assert await bad(connection, sql.format(2), ("1", "ok")) == [(0, 0), (0, 1)]
    assert await bad(connection, sql.format(3), ("-5", "fine")) == [(0, 0)]


async def test_descriptions_that_are_shared_do_not_pile_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with a new text for each run keeps those that were described last."""
    monkeypatch.setattr(connection_module, "RECIPES", 3)
    session = await open_driver(url, application_name="bulkq test", read_only=True).connect()
    for n in range(9):
        await prepared(session, inline(f"select {n}"), Decoding.TEXT)
    assert len(session._recipes) == 3
    await session.close()
