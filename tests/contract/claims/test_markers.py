"""A batch is applied with its marker or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq import markers
from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner, RefusedError
from bulkq.model import Phase
from tests.support.claims import BUMP, OWNER, READ_ONLY, RUN, WRITES, Target, apply, prepared, sets

if TYPE_CHECKING:
    from bulkq.protocols import Connection


# --- claims ---------------------------------------------------------------------------------------------------------


async def test_a_batch_leaves_its_marker(connection: Connection, target: Target) -> None:
    """The change and its marker, with the number of rows, are there together; a set that finds nothing counts nothing."""
    statement = await prepared(connection)
    batch = [*sets(1, 20), ("1", "-5")]
    reply = await connection.attempt(statement, batch, WRITES, claim=target.claim(1, 21))
    assert reply.changed == 20
    assert [list(column) for column in reply.values] == [[1] * 20 + [0]]
    assert await target.total() == 20
    assert await target.markers() == [(1, 21, 20)]


async def test_a_batch_that_changes_nothing_is_applied_too(connection: Connection, target: Target) -> None:
    """Its marker says 0 rows, and a second attempt finds it."""
    statement = await prepared(connection)
    reply = await connection.attempt(statement, [("1", "-5")], WRITES, claim=target.claim(1, 1))
    assert reply.changed == 0
    with pytest.raises(AlreadyApplied) as caught:
        await connection.attempt(statement, [("1", "-5")], WRITES, claim=target.claim(1, 1))
    assert (caught.value.last, caught.value.rows) == (1, 0)


async def test_answers_of_a_claimed_write(connection: Connection, target: Target) -> None:
    """RETURNING gives its rows, and they are counted in the marker."""
    if target.dialect == "mysql":
        pytest.skip("an UPDATE gives no rows")
    statement = await prepared(connection, f"{BUMP} returning id, n")
    reply = await connection.attempt(statement, sets(1, 3), WRITES, claim=target.claim(1, 3))
    assert list(zip(reply.positions, *reply.values, strict=True)) == [(0, 1, 1), (1, 2, 1), (2, 3, 1)]
    assert await target.markers() == [(1, 3, 3)]


async def test_a_statement_that_runs_as_it_is_can_be_claimed(connection: Connection, target: Target) -> None:
    """DDL, which no driver can wrap, is applied once too."""
    statement = await prepared(connection, "create table once (a integer)")
    if target.dialect == "mysql":
        with pytest.raises(RefusedError, match="may commit by itself"):
            await connection.attempt(statement, [()], WRITES, claim=target.claim(1, 1))
        return
    await connection.attempt(statement, [()], WRITES, claim=target.claim(1, 1))
    with pytest.raises(AlreadyApplied):
        await connection.attempt(statement, [()], WRITES, claim=target.claim(1, 1))
    assert await target.markers() == [(1, 1, 0)]


async def test_the_same_claim_again_changes_nothing(connection: Connection, target: Target) -> None:
    """What the marker says comes out, also where the second batch is cut otherwise, and the session goes on."""
    await apply(connection, target, 1, 10)
    with pytest.raises(AlreadyApplied) as caught:
        await apply(connection, target, 1, 7)
    assert (caught.value.last, caught.value.rows, caught.value.phase) == (10, 10, Phase.CLAIMING)
    assert not caught.value.connection_lost
    assert caught.value.__cause__ is None
    assert await target.total() == 10
    assert await apply(connection, target, 11, 20) == 10


async def test_parts_and_firsts_are_claims_of_their_own(connection: Connection, target: Target) -> None:
    """Another part of the run has numbers of its own."""
    statement = await prepared(connection)
    for part in (0, 1):
        claim = replace(target.claim(1, 5), part=part)
        await connection.attempt(statement, sets(1, 5), WRITES, claim=claim)
    assert await target.total() == 10


async def test_another_owner_gets_nothing(connection: Connection, target: Target) -> None:
    """Who has lost the run is told who has it, and changes nothing; what is applied is said first."""
    await apply(connection, target, 1, 10)
    with pytest.raises(NotOwner) as caught:
        await apply(connection, target, 11, 20, owner="other:2")
    assert (caught.value.owner, caught.value.phase) == (OWNER, Phase.CLAIMING)
    with pytest.raises(AlreadyApplied):
        await apply(connection, target, 1, 10, owner="other:2")
    assert await target.total() == 10
    assert await target.markers() == [(1, 10, 10)]


async def test_a_run_that_is_gone_gets_nothing(connection: Connection, target: Target) -> None:
    """After the end of a run its claims are refused without an owner."""
    await apply(connection, target, 1, 10)
    assert await connection.administer(markers.remove(target.tables, RUN)) == []
    with pytest.raises(NotOwner) as caught:
        await apply(connection, target, 1, 10)
    assert caught.value.owner is None
    assert await target.total() == 10


async def test_a_failing_set_leaves_neither_marker_nor_change(connection: Connection, target: Target) -> None:
    """A batch is whole or not there, and its sets can be claimed again."""
    statement = await prepared(connection)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("1", "1"), ("5000", "2"), ("1", "3")], WRITES, claim=target.claim(1, 3))
    assert (caught.value.position, caught.value.phase) == (1, Phase.SENT)
    assert await target.total() == 0
    assert await target.markers() == []
    assert await apply(connection, target, 1, 3) == 3


async def test_missing_tables_are_nobodys_fault(connection: Connection, target: Target) -> None:
    """The error is in the claim: no set of the user's is the culprit."""
    statement = await prepared(connection)
    claim = replace(target.claim(1, 1), tables=markers.tables(None, "nosuch"))
    with pytest.raises(DatabaseError, match="nosuch") as caught:
        await connection.attempt(statement, [("1", "1")], WRITES, claim=claim)
    assert (caught.value.phase, caught.value.position) == (Phase.CLAIMING, None)
    assert not caught.value.connection_lost
    assert await apply(connection, target, 1, 1) == 1


async def test_claims_are_for_writes_in_a_transaction(connection: Connection, target: Target) -> None:
    """Anything else is a mistake in the program."""
    statement = await prepared(connection)
    with pytest.raises(AssertionError):
        await connection.attempt(statement, sets(1, 1), replace(WRITES, read_only=True), claim=target.claim(1, 1))
    assert await target.total() == 0


# --- rivals ---------------------------------------------------------------------------------------------------------


async def test_two_at_once_apply_once(target: Target) -> None:
    """Of rivals with the same claim exactly one applies it, and the others wait and learn that."""

    async def rival(connection: Connection) -> list[int]:
        done = []
        for first in range(1, 101, 10):
            try:
                done.append(await apply(connection, target, first, first + 9))
            except AlreadyApplied as error:
                assert (error.last, error.rows) == (first + 9, 10)
        return done

    connections = [await target.connect() for _ in range(3)]
    done = await asyncio.gather(*map(rival, connections))
    assert sum(map(len, done)) == 10
    assert await target.total() == 100
    assert [rows for _, _, rows in await target.markers()] == [10] * 10
    for connection in connections:
        await connection.close()


# --- our own statements ---------------------------------------------------------------------------------------------


async def test_our_statements_are_one_transaction(connection: Connection, target: Target) -> None:
    """All or nothing; the first that fails is the error, and the session goes on."""
    other = markers.begin(target.tables, "other", OWNER)
    with pytest.raises(DatabaseError) as caught:
        await connection.administer([other, other])
    assert caught.value.phase is Phase.SENT
    assert str(caught.value.sqlstate).startswith(("23", "SQLITE_CONSTRAINT"))
    assert not caught.value.connection_lost
    assert await connection.administer([other, markers.owners(target.tables, "other")]) == [(OWNER,)]
    assert await connection.administer(markers.taking_over(target.tables, "nosuch", "x", target.dialect)) == []


async def test_a_read_only_session_may_look(target: Target) -> None:
    """Whoever may not write can still ask who owns a run."""
    connection = await target.connect(read_only=True)
    assert await connection.administer([markers.owners(target.tables, RUN)]) == [(OWNER,)]
    with pytest.raises(DatabaseError) as caught:
        await connection.administer(target.taking_over("x"))
    assert caught.value.sqlstate in READ_ONLY
    await connection.close()
    assert await target.fetch(markers.owners(target.tables, RUN)) == [(OWNER,)]


async def test_no_setting_is_left_behind(connection: Connection, target: Target) -> None:
    """What an administering or claiming transaction sets ends with it."""
    if target.kind not in {"asyncpg", "pgbouncer"}:
        pytest.skip("asyncpg's")
    names = "synchronous_commit", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"
    items = ", ".join(f"current_setting('{name}')" for name in names)
    before = await target.fetch(f"select {items}")
    await apply(connection, target, 1, 2)
    async with target.connected() as session:
        await session.administer([markers.owners(target.tables, RUN)])
    for _ in range(12):
        stranger = await asyncpg.connect(target.url, statement_cache_size=0)
        assert [tuple(await stranger.fetchrow(f"select {items}"))] == before
        await stranger.close()
