"""The last word before COMMIT: counts, expected rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.model.own_error_states import ROWS_UNEXPECTED
from tests.support.claims import BUMP, WRITES, Target, prepared, sets

if TYPE_CHECKING:
    from bulkq.protocols import Connection


# --- before COMMIT --------------------------------------------------------------------------------------------------


class Stop(Exception):
    """The caller's."""


async def test_before_commit_is_told_what_was_changed(connection: Connection, target: Target) -> None:
    """Its exception comes out as it is, and the batch was never there; without one it is committed."""
    told: list[int] = []

    def stop(changed: int) -> None:
        told.append(changed)
        raise Stop("too many")

    statement = await prepared(connection)
    claim = target.claim(1, 30)
    with pytest.raises(Stop, match="too many"):
        await connection.attempt(statement, sets(1, 30), WRITES, claim=claim, before_commit=stop)
    assert told == [30]
    assert await target.total() == 0
    assert await target.markers() == []
    await connection.attempt(statement, sets(1, 30), WRITES, claim=claim, before_commit=told.append)
    assert told == [30, 30]
    assert await target.total() == 30


async def test_before_commit_may_raise_what_we_raise(connection: Connection, target: Target) -> None:
    """Also an error of our own is passed on untouched, and reads are not asked."""
    ours = DatabaseError("mine", sqlstate=None, phase=Phase.CONNECTING)

    def stop(_changed: int) -> None:
        raise ours

    statement = await prepared(connection)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, sets(1, 3), WRITES, before_commit=stop)
    assert caught.value is ours
    assert (ours.phase, ours.position, ours.connection_lost) == (Phase.CONNECTING, None, False)
    look = await prepared(connection, "select id from items where id = cast(:id as integer)")
    reply = await connection.attempt(look, [("1",)], replace(WRITES, read_only=True), before_commit=stop)
    assert [list(column) for column in reply.values] == [[1]]


@pytest.mark.parametrize("sql", [BUMP, f"{BUMP} returning id"])
async def test_expected_rows(connection: Connection, target: Target, sql: str) -> None:
    """The first set that changes another number of rows than expected undoes the batch and is named."""
    if target.dialect == "mysql" and "returning" in sql:
        pytest.skip("an UPDATE gives no rows")
    statement = await prepared(connection, sql)
    limits = replace(WRITES, expect_rows=1)
    with pytest.raises(DatabaseError, match=r"^changed 0 rows, 1 expected$") as caught:
        await connection.attempt(
            statement, [*sets(1, 4), ("1", "-1"), *sets(5, 6), ("1", "-2")], limits, claim=target.claim(1, 8)
        )
    assert (caught.value.sqlstate, caught.value.position, caught.value.phase) == (ROWS_UNEXPECTED, 4, Phase.SENT)
    assert not caught.value.connection_lost
    assert await target.markers() == []
    assert (await connection.attempt(statement, sets(1, 6), limits, claim=target.claim(1, 6))).changed == 6
    with pytest.raises(DatabaseError, match=r"^changed 1 row, 2 expected$") as caught:
        await connection.attempt(statement, sets(1, 6), replace(WRITES, expect_rows=2))
    assert caught.value.position == 0
    assert await target.total() == 6


async def test_expected_rows_of_sets_that_were_sorted(connection: Connection, target: Target) -> None:
    """Where the driver sorts, the position is still the set's own."""
    statement = await prepared(connection)
    limits = replace(WRITES, expect_rows=1, ordered=False)
    with pytest.raises(DatabaseError, match="changed 0 rows") as caught:
        await connection.attempt(statement, [("1", "9"), ("1", "8"), ("1", "-7"), ("1", "1")], limits)
    assert caught.value.position == 2


async def test_reads_expect_nothing(connection: Connection) -> None:
    """A read changes no rows, and is not asked to."""
    statement = await prepared(connection, "select id from items where id = cast(:id as integer)")
    limits = replace(WRITES, expect_rows=1, read_only=True)
    assert len((await connection.attempt(statement, [("1",), ("-1",)], limits)).positions) == 1
