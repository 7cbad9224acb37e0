"""What is known of a transaction if COMMIT fails, is late or is not answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq import markers
from bulkq.drivers.asyncpg import lock_wait_errors
from bulkq.drivers.asyncpg.commit import commit
from bulkq.errors import DatabaseError
from bulkq.model import (
    Claim,
    Limits,
    Outcome,
    Phase,
)
from bulkq.policy import retry
from tests.support.asyncpg_sessions import WRITES, active, answers, connected, prepared

if TYPE_CHECKING:
    from bulkq.protocols import Connection


async def test_a_lost_connection_while_committing(connection: Connection, outside: asyncpg.Connection) -> None:
    """A server that goes away during COMMIT leaves an unknown outcome: the phase says so."""
    await outside.execute(
        "create table slow (a int); create function wait() returns trigger language plpgsql as"
        " 'begin perform pg_sleep(60); return null; end';"
        "create constraint trigger w after insert on slow deferrable initially deferred for each row execute function wait()"
    )
    statement = await prepared(connection, "insert into slow values (:a)")
    task = asyncio.create_task(connection.attempt(statement, [("1",), ("2",)], Limits(timeout_s=60, read_only=False)))
    while not await active(outside):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    await outside.fetchval("select pg_terminate_backend($1)", connection.server.pid)
    with pytest.raises(DatabaseError) as caught:
        await task
    assert (caught.value.connection_lost, caught.value.phase) == (True, Phase.COMMITTING)


async def test_a_failing_commit(connection: Connection, outside: asyncpg.Connection) -> None:
    """A deferred constraint speaks at COMMIT; nothing lasts, the session goes on."""
    await outside.execute("create table once (a int unique deferrable initially deferred)")
    statement = await prepared(connection, "insert into once values (:a)")
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("1",), ("1",)], WRITES)
    assert (caught.value.sqlstate, caught.value.phase, caught.value.connection_lost) == (
        "23505",
        Phase.COMMITTING,
        False,
    )
    assert await outside.fetchval("select count(*) from once") == 0


AT_COMMIT = """\
create table slow (a int);
create function wait() returns trigger language plpgsql as 'begin {}; return null; end';
create constraint trigger w after insert on slow deferrable initially deferred for each row execute function wait()"""


async def test_a_commit_that_is_cancelled_at_our_deadline(
    connection: Connection, outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server confirms that it has cancelled COMMIT: nothing lasts, and that is certain."""
    await outside.execute(AT_COMMIT.format("perform pg_sleep(60)"))
    statement = await prepared(connection, "insert into slow values (:a)")
    monkeypatch.setattr("bulkq.drivers.asyncpg.attempt.MARGIN_S", -4.7)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("1",), ("2",)], WRITES)
    assert (caught.value.phase, caught.value.sqlstate, caught.value.connection_lost) == (
        Phase.COMMITTING,
        "57014",
        False,
    )
    assert retry.outcome(caught.value, transaction=True) is Outcome.ROLLED_BACK
    assert await outside.fetchval("select count(*) from slow") == 0
    assert await answers(connection, "select 1") == [(0, 1)]


async def test_a_commit_after_our_deadline(
    connection: Connection, outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A COMMIT that succeeds after it was cancelled may lack its standby: unknown, and the session goes on."""
    await outside.execute(AT_COMMIT.format("perform pg_sleep(60); exception when query_canceled then return null"))
    statement = await prepared(connection, "insert into slow values (:a)")
    monkeypatch.setattr("bulkq.drivers.asyncpg.attempt.MARGIN_S", -4.7)
    with pytest.raises(DatabaseError, match="answer within") as caught:
        await connection.attempt(statement, [("1",)], WRITES)
    assert (caught.value.phase, caught.value.sqlstate) == (Phase.COMMITTING, None)
    assert retry.outcome(caught.value, transaction=True) is Outcome.UNKNOWN
    assert await outside.fetchval("select count(*) from slow") == 1
    assert await answers(connection, "select 1") == [(0, 1)]


async def test_a_commit_that_cannot_be_cancelled(
    connection: Connection, outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer after the grace the session is closed, and the outcome is unknown."""
    again = "begin perform pg_sleep(60); exception when query_canceled then perform pg_sleep(3); end"
    await outside.execute(AT_COMMIT.format(again))
    statement = await prepared(connection, "insert into slow values (:a)")
    monkeypatch.setattr("bulkq.drivers.asyncpg.attempt.MARGIN_S", -4.7)
    monkeypatch.setattr("bulkq.drivers.asyncpg.commit.GRACE_S", 0.3)
    with pytest.raises(DatabaseError, match="answer within") as caught:
        await connection.attempt(statement, [("1",)], WRITES)
    assert (caught.value.phase, caught.value.connection_lost) == (Phase.COMMITTING, True)
    assert retry.outcome(caught.value, transaction=True) is Outcome.UNKNOWN


@pytest.mark.parametrize(("state", "lost"), [("57P01", True), ("08006", False)])
async def test_an_answer_to_commit_about_a_connection(
    connection: Connection, outside: asyncpg.Connection, state: str, *, lost: bool
) -> None:
    """About ours, it does not say what became of COMMIT. About that to a foreign server, which a trigger used, it does."""
    await outside.execute(AT_COMMIT.format(f"raise exception using errcode = ''{state}''"))
    statement = await prepared(connection, "insert into slow values (:a)")
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("1",), ("2",)], WRITES)
    assert (caught.value.sqlstate, caught.value.phase, caught.value.connection_lost) == (
        state,
        Phase.COMMITTING,
        lost,
    )
    assert retry.outcome(caught.value, transaction=True) is (Outcome.UNKNOWN if lost else Outcome.ROLLED_BACK)


async def test_a_commit_that_rolls_back(connection: Connection) -> None:
    """The server answers ROLLBACK where the transaction had failed: nothing lasts, and that is certain."""
    session = connection._session  # type: ignore[attr-defined]
    await session.execute("begin")
    with pytest.raises(asyncpg.PostgresError):
        await session.execute("select 1/0")
    with pytest.raises(DatabaseError, match="had failed") as caught:
        await commit(session, "COMMIT", timeout_s=5, pid=None)
    assert retry.outcome(caught.value, transaction=True) is Outcome.ROLLED_BACK


async def test_what_is_said_of_a_claim(connection: Connection) -> None:
    """The run came back to us meanwhile: tried again, like any other conflict."""
    tables = markers.tables("public")
    await connection.administer((*markers.create(tables, "postgres"), markers.begin(tables, "r", "us")))
    error = await lock_wait_errors.explain_refusal(connection._session, Claim("r", "us", 0, 1, 2, tables))  # type: ignore[attr-defined]
    assert (type(error), error.sqlstate, error.phase) == (DatabaseError, "40001", Phase.CLAIMING)


@pytest.mark.parametrize("asking", [lock_wait_errors.HOLDERS, "select 1/0 -- {:.0f}", "select pg_sleep(60) -- {:.0f}"])
async def test_who_holds_a_lock_may_stay_unknown(
    url: str, outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, asking: str
) -> None:
    """No transaction of ours, or no answer to the question: the error is the same without a hint."""
    monkeypatch.setattr(lock_wait_errors, "HOLDERS", asking)
    monkeypatch.setattr(lock_wait_errors, "OWNERS", "select 1/0")
    monkeypatch.setattr(lock_wait_errors, "ASK_S", 0.2)
    async with connected(url) as connection:
        async with outside.transaction():
            await outside.execute("lock table items")
            with pytest.raises(DatabaseError) as caught:
                await connection.administer(["update items set qty = 1 where id = 1"], lock_timeout_s=0.1)
        assert (caught.value.sqlstate, caught.value.hint, caught.value.connection_lost) == ("55P03", None, False)
        assert await answers(connection, "select qty from items where id = 1") == [(0, 10)]
