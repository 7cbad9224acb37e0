"""Reads that follow one another at once, as checks do: few round trips, and no transaction stays open behind the last."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from tests.support.asyncpg_sessions import READS, WRITES, answers, gone, prepared

if TYPE_CHECKING:
    import asyncpg

    from bulkq.protocols import Connection

FOLLOWED = replace(READS, timeout_s=30, followed=True)
VALUES = """select name, qty, null as nothing, 1.50 as same, 2 as same, 'ok'::mood, 5::positive, (1, 'x')::pair, array[1.5, null],
 array['sad'::mood], '{"a": 1}'::jsonb, interval '1 day 2 s', timestamptz '2020-01-01 00:00+00', 'NaN'::float4, E'\\\\x00ff'::bytea,
 '[1,3)'::int4range, 'a'::"char", 7::oid, 'items'::regclass, true, (select most_common_vals from pg_stats limit 1)
 from items order by id desc limit 3 -- all"""


async def rows(connection: Connection, sql: str, limits: Limits = FOLLOWED) -> list[tuple[object, ...]]:
    """The rows of a query as a check reads them."""
    query = replace(inline(sql), lock_timeout_s=limits.lock_timeout_s)
    statement = await prepared(connection, query, Decoding.TEXT)
    pieces = [piece async for piece in connection.stream(statement, (), limits)]
    return [row for piece in pieces for row in zip(*piece.values, strict=True)]


async def test_values_are_those_of_copy(connection: Connection) -> None:
    """A text without parameters is executed as it is; the server prints the values of every type as COPY does."""
    found = await rows(connection, VALUES)
    out: list[bytes] = []
    await connection.copy(await prepared(connection, VALUES, Decoding.TEXT), ",", READS, out.append)
    copied = list(csv.reader(io.StringIO(b"".join(out).decode())))[1:]
    shown = [["" if cell is None else {True: "t"}.get(cell, str(cell)) for cell in row] for row in found]
    assert shown == copied


@pytest.mark.parametrize(
    ("limits", "trips"),
    [
        (replace(FOLLOWED, timeout_s=30), 3),
        (replace(FOLLOWED, timeout_s=5), 4),
        (replace(FOLLOWED, timeout_s=30, lock_timeout_s=None), 4),
        (READS, 5),
    ],
)
async def test_round_trips(connection: Connection, outside: asyncpg.Connection, limits: Limits, trips: int) -> None:
    """Each new text: its transaction, its description, its rows; a transaction more if its limits are narrow for a description."""
    sent = connection._session._transport
    writes: list[bytes] = []
    write = sent.write
    for warm in ("select 0 as a", "select id from items where id < 3"):
        await rows(connection, warm, limits)
    sent.write = lambda data: (writes.append(bytes(data)), write(data))
    for number in range(1, 6):
        many = number % 2  # rows in pieces or whole: two kinds of transactions
        sql = f"select {number} as a" + many * " from items where id < 3"
        assert await rows(connection, sql, limits) == [(number,)] * (1 + many)
    del sent.write
    timed_out = sum(data[:1] == b"Q" and b"ROLLBACK\0" in data for data in writes)  # on a machine that is very busy
    assert len(writes) == trips * 5 + (0 if trips == 5 else timed_out)
    assert await gone(outside)


async def test_each_read_has_its_own_limits(connection: Connection) -> None:
    """A text that is described in a transaction with other limits is executed under its own, whatever came before."""
    show = "select current_setting('statement_timeout') as s, current_setting('lock_timeout') as l, {}::text as n"
    wanted = [(30, 2, "30s", "2s"), (30, 2, "30s", "2s"), (20, 2, "20s", "2s"), (9, 1, "9s", "1s"), (1, 2, "1s", "2s")]
    for number, (timeout_s, lock_s, time, lock) in enumerate((*wanted, *wanted)):
        limits = replace(FOLLOWED, timeout_s=timeout_s, lock_timeout_s=lock_s)
        assert await rows(connection, show.format(number), limits) == [(time, lock, str(number))]


@pytest.mark.parametrize("sql", ["select nothing", "select from items", "select 1 / (id - id) from items"])
async def test_what_fails_leaves_nothing(connection: Connection, outside: asyncpg.Connection, sql: str) -> None:
    """A text that the server refuses, that has no columns or that fails while it runs: the next one is answered."""
    await rows(connection, "select 1 as a")
    try:
        await rows(connection, sql)
    except DatabaseError as error:
        assert error.sqlstate in {"42703", "22012"}
    assert await rows(connection, "select 2 as a") == [(2,)]
    assert await gone(outside)


async def test_a_transaction_that_is_left_ends(connection: Connection, outside: asyncpg.Connection) -> None:
    """If nothing follows, the driver ends the transaction by itself, and its locks are gone."""
    await rows(connection, "select id from items limit 1")
    await asyncio.sleep(0.3)  # longer than a transaction is left open
    await outside.execute("set lock_timeout = '1ms'; lock table items in access exclusive mode nowait")
    assert await answers(connection, "select 3") == [(0, 3)]


@pytest.mark.parametrize("pause_s", [0.0, 0.019, 0.021])
async def test_whatever_follows(connection: Connection, pause_s: float) -> None:
    """A write, statements of bulkq and a copy follow a read, just before or after the driver ends its transaction."""
    statement = await prepared(connection, "update items set qty = 1 where id = 1")
    for _ in range(3):
        await rows(connection, f"select {pause_s} as a")
        await asyncio.sleep(pause_s)
        assert (await connection.attempt(statement, [()], WRITES)).changed == 1
        await rows(connection, f"select {pause_s} as b")
        await asyncio.sleep(pause_s)
        assert await connection.administer(["select 7"]) == [(7,)]
    await rows(connection, "select 1 as a")
    await asyncio.sleep(pause_s)
    out: list[bytes] = []
    await connection.copy(await prepared(connection, "select 1 as a", Decoding.TEXT), ",", READS, out.append)
    assert b"".join(out) == b"a\n1\n"
    await rows(connection, "select 1 as c")
    await asyncio.sleep(pause_s)  # and the end of the session


async def test_a_set_that_cannot_be_sent(connection: Connection) -> None:
    """It fails before its transaction begins; the end of the one before comes once, and disturbs nothing that follows."""
    listed = await prepared(connection, "select 1 where 1 in (:ids*)", Decoding.TEXT)
    slow = await prepared(connection, "select pg_sleep(0.05)", Decoding.TEXT)
    await rows(connection, "select 1 as a")
    with pytest.raises(DatabaseError):
        await connection.attempt(listed, [("no list",)], FOLLOWED)
    assert (await connection.attempt(slow, [()], FOLLOWED)).values == [("",)]
    assert await rows(connection, "select 2 as a") == [(2,)]
