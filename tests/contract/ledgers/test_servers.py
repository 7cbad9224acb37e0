"""Ledgers on servers that refuse, go away and come back."""

from __future__ import annotations

import asyncio
import random
import re

import asyncpg
import pytest

from bulkq.errors import LedgerError
from bulkq.ledger import (
    open_ledger,
)
from bulkq.ledger.redact_message import shape_of
from bulkq.model import Mark
from tests.support.ledgers import CANARY, execute, opened, record
from tests.support.servers import postgres as servers

SPEAKING = [
    "select $1::text::bigint",
    "select $1::text::date",
    "select $1::text::jsonb",
    "select $1::text::int[]",
    "select $1::text::numeric(3)",
    "select $1::text::inet",
    "select $1::text::uuid",
    "select xmlparse(document $1::text)",
    "select $1::text::regclass",
    "select to_timestamp($1::text, 'YYYY')",
    "select to_number($1::text, '999')",
    "select 'a' ~ ('(' || $1::text)",
    "select convert_from(decode($1::text, 'hex'), 'utf8')",
    "select set_config($1::text, '1', false)",
    "select nextval($1::text)",
    "select '{}'::jsonb @? $1::text::jsonpath",
    "insert into t values ($1::text)",
    "insert into u values ($1::text), ($1::text)",
    "select 'x'::text at time zone $1::text",
    "select speak($1::text)",
]


async def test_what_real_servers_say_is_masked(database: str) -> None:
    """Messages of PostgreSQL itself that repeat a value lose it; those of functions lose everything."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "create table t (v varchar(3) check (v <> 'x')); create table u (v text unique);"
            "create function speak(v text) returns void language plpgsql as $$ begin raise exception '% is blocked', v; end $$"
        )
        heard = 0
        for sql in SPEAKING:
            with pytest.raises(asyncpg.PostgresError) as caught:
                await connection.fetch(sql, CANARY)
            text = str(caught.value.args[0])
            heard += CANARY in text
            for params in ({"v": CANARY}, {"v": "***"}):
                assert CANARY not in shape_of(text, caught.value.sqlstate, params)
        assert heard >= 10
    finally:
        await connection.close()


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


async def test_a_server_that_is_not_there_is_one_line() -> None:
    """With the place, without the password."""
    for url in ("postgresql://me:hunter2@127.0.0.1:1/app", "postgresql://me:hunter2@no-such-host.invalid/app?sslmode=disable"):  # fmt: skip
        with pytest.raises(LedgerError, match="ledger") as caught:
            await open_ledger(url)
        assert CANARY not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "sqlalche" not in str(caught.value)


async def test_a_database_that_is_not_there_is_one_line(database: str) -> None:
    """In the server's words."""
    with pytest.raises(LedgerError, match='database "nowhere" does not exist'):
        await open_ledger(servers.database_url(database, "nowhere"))


async def test_a_role_that_may_make_nothing_is_told_what_a_dba_can_do(database: str) -> None:
    """And can use a schema that was made for it."""
    role = f"ledger_{random.randrange(10**9)}"
    await execute(database, f"create role {role} login password 'right'")
    theirs = re.sub(r"//[^@/]*@", f"//{role}:right@", database)
    try:
        with pytest.raises(LedgerError, match="create schema bulkq_ledger authorization"):
            await open_ledger(theirs)
        await execute(database, f"create schema bulkq_ledger authorization {role}")
        async with opened(theirs) as ledger:
            await ledger.begin(record(), [])
    finally:
        await execute(database, f"drop owned by {role}")
        await execute(database, f"drop role {role}")


async def test_a_server_that_goes_away_stops_the_run(postgres: servers.PostgresServer, database: str) -> None:
    """The commit fails in one line; after the server's return the ledger is as it was."""
    ledger = await open_ledger(database)
    await ledger.begin(record(), [])
    try:
        await asyncio.to_thread(postgres.stop, "crash")
        ledger.mark(Mark(0, ((1, 5),)))
        with pytest.raises(LedgerError) as caught:
            await ledger.sync()
        assert "\n" not in str(caught.value)
        await ledger.close()
    finally:
        await asyncio.to_thread(postgres.start)
    async with opened(database) as again:
        assert (await again.find("01kb4x0001")).ok == 0


async def test_a_server_that_came_back_in_between_is_not_noticed(
    postgres: servers.PostgresServer, database: str
) -> None:
    """A commit looks whether its connection lives, and takes another."""
    async with opened(database) as ledger:
        await ledger.begin(record(), [])
        await asyncio.to_thread(postgres.restart)
        ledger.mark(Mark(0, ((1, 5),)))
        await ledger.sync()
        assert (await ledger.state("01kb4x0001"))[0].done == ((1, 5),)
