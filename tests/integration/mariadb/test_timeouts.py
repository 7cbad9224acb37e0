"""Limits and kills that end a statement without an error."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits, Outcome
from bulkq.policy import retry
from bulkq.query import inline
from tests.support.mariadb_sessions import QUIET, SHORT, SLEEPS, WRITES, attempted, connected, counts

if TYPE_CHECKING:
    from tests.support.databases import Database


@pytest.mark.parametrize("sql", QUIET)
async def test_an_answer_after_the_limit_is_a_timeout(base: Database, driver: str, sql: str) -> None:
    """The server ends it without an error; by the clock it is a timeout, rolled back inside a transaction."""
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s") as caught:
        await attempted(connection, sql, SHORT)
    assert (caught.value.sqlstate, retry.outcome(caught.value, transaction=True)) == ("57014", Outcome.ROLLED_BACK)
    assert len(counts(base)) == 4
    await connection.close()


@pytest.mark.parametrize("sql", QUIET[1:])
async def test_an_answer_after_the_limit_outside_a_transaction(base: Database, driver: str, sql: str) -> None:
    """It is unknown: the INSERT of such a statement stays."""
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s") as caught:
        await attempted(connection, f"-- @transaction off\n{sql}", SHORT)
    assert retry.outcome(caught.value, transaction=False) is Outcome.UNKNOWN
    await connection.close()


async def test_a_lock_that_is_waited_for_too_long(base: Database, driver: str) -> None:
    """GET_LOCK gives NULL at the server's limit, with neither error nor warning."""
    holder = await connected(base, driver)
    await attempted(holder, "select get_lock('bulkq', 0)")
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s"):
        await attempted(connection, "select get_lock('bulkq', 60)", SHORT)
    await holder.close()
    await connection.close()


async def test_a_stream_whose_only_piece_is_late(base: Database, driver: str) -> None:
    """A cursor that streams believes no late row either."""
    connection = await connected(base, driver)
    statement = await connection.prepare(inline(QUIET[0], "mysql"), Decoding.PYTHON, typed=True, identifiers={})
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s"):
        async for _ in connection.stream(statement, (), Limits(timeout_s=0.5)):
            pass
    await connection.close()


async def test_a_quiet_end_after_our_own_kill(base: Database, driver: str) -> None:
    """DO SLEEP succeeds when it is killed: called back outside a transaction it is unknown, not done."""
    connection = await connected(base, driver)
    statement = await connection.prepare(
        inline("-- @transaction off\ndo sleep(60)", "mysql"), Decoding.PYTHON, typed=True, identifiers={}
    )
    task = asyncio.create_task(connection.attempt(statement, [()], replace(WRITES, timeout_s=None)))
    while not await asyncio.to_thread(base.execute, f"select 1 from information_schema.processlist where {SLEEPS}"):
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(DatabaseError, match="cancelled|interrupted") as caught:
        await task
    assert retry.outcome(caught.value, transaction=False) is Outcome.UNKNOWN
    await connection.close()


async def test_cancelled_while_rows_stream_in(base: Database, driver: str) -> None:
    """Whatever the library raises under a cursor that is cut, the cancellation comes out, and another session goes on."""
    connection = await connected(base, driver)
    many = "select a.column_name, sleep(0.0001) from information_schema.columns a, information_schema.columns b"
    statement = await connection.prepare(inline(many, "mysql"), Decoding.PYTHON, typed=True, identifiers={})
    begun = asyncio.Event()

    async def rows() -> None:
        async for _ in connection.stream(statement, (), Limits(timeout_s=None)):
            begun.set()

    task = asyncio.create_task(rows())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await connection.close()
    other = await connected(base, driver)
    assert (await attempted(other, "select 1 as one")).values == [(1,)]
    await other.close()


async def test_a_kill_by_another_session(base: Database, driver: str) -> None:
    """DO SLEEP succeeds, and its warning says that it was killed."""
    connection = await connected(base, driver)
    task = asyncio.create_task(attempted(connection, "do sleep(60)", replace(WRITES, timeout_s=None)))
    find = f"select id from information_schema.processlist where {SLEEPS}"
    while not (found := await asyncio.to_thread(base.execute, find)):
        await asyncio.sleep(0.01)
    base.execute(f"kill query {found[0][0]}")
    with pytest.raises(DatabaseError, match="interrupted") as caught:
        await task
    assert caught.value.sqlstate == "57014"
    await connection.close()


# --- procedures with several results ----------------------------------------------------------------------------------


@pytest.mark.parametrize("slow", ["do sleep(60)", "select benchmark(1000000000000, md5('a')) as a"])
async def test_a_later_statement_of_a_procedure_that_was_killed(base: Database, driver: str, slow: str) -> None:
    """The server ends a statement behind the first result without an error; by the clock the call is a timeout, and unknown."""
    base.execute(f"create procedure p() begin select 1 as a; {slow}; update t set n = 7 where id = 1; end")
    connection = await connected(base, driver)
    with pytest.raises(DatabaseError, match=r"timed out after 0\.5s") as caught:
        await attempted(connection, "call p()", SHORT)
    assert (caught.value.sqlstate, caught.value.position) == ("57014", 0)
    assert retry.outcome(caught.value, transaction=False) is Outcome.UNKNOWN
    await connection.close()
