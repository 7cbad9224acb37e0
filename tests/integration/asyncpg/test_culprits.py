"""Which parameter set of a batch an error belongs to, and the check of values before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import (
    Limits,
    Parameter,
)
from tests.support.asyncpg_sessions import READS, answers, declared, prepared

if TYPE_CHECKING:
    from bulkq.protocols import Connection


# --- culprits -------------------------------------------------------------------------------------------------------


async def test_a_bad_value_names_its_set(connection: Connection) -> None:
    """22P02 of one text value in three hundred."""
    statement = await prepared(connection, "select name from items where id = :id")
    sets = [(str(i),) for i in range(300)]
    sets[217] = ("12a",)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, sets, READS)
    assert (caught.value.sqlstate, caught.value.position) == ("22P02", 217)


async def test_a_timeout_names_its_set(connection: Connection) -> None:
    """One endless query among quick ones is told apart by the server's own timeout."""
    statement = await prepared(connection, "select case when :n::int = 40 then pg_sleep(60)::text else 'quick' end")
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [(str(i),) for i in range(100)], Limits(timeout_s=0.2))
    assert (caught.value.sqlstate, caught.value.position) == ("57014", 40)


async def test_values_cannot_forge_the_ordinal(connection: Connection) -> None:
    """A value that looks like our ordinal in the error's context is quoted there."""
    statement = await prepared(connection, "select :a::text, 1 / :b::int")
    sets = [("$3 = '0'", "1"), ("', $3 = ", "1"), ("$3 = '1'", "0"), ("x", "1")]
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, sets, READS)
    assert (caught.value.sqlstate, caught.value.position) == ("22012", 2)


async def test_the_culprit_of_a_sorted_batch(connection: Connection) -> None:
    """Where the driver sorts, the position is still that of the caller."""
    statement = await prepared(connection, "update items set qty = :q where id = :id")
    sets = [("1", "30"), ("-1", "10"), ("1", "20")]
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, sets, Limits(timeout_s=5, read_only=False, ordered=False))
    assert (caught.value.sqlstate, caught.value.position) == ("23514", 1)


async def test_secrets_stay_out_of_messages(connection: Connection) -> None:
    """The server repeats a bad value; a secret one is masked, and no parameters are asked for."""
    query = declared("select count(*) from items where id = :id", Parameter("id", secret=True))
    statement = await prepared(connection, query)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("1",), ("hunter2",)], READS)
    assert "hunter2" not in str(caught.value)
    assert "***" in str(caught.value)
    assert caught.value.position is None


# --- checking values ------------------------------------------------------------------------------------------------

BAD = [
    ("1", "ok", "[1]", "7"),
    ("x", "ok", "[1]", "7"),
    ("1", "bad", '[1, "y"]', None),
    (None, None, None, "0"),
    ("1", "ok", "{", "7"),
]


async def test_check_finds_every_bad_value(connection: Connection) -> None:
    """Position, parameter, type and SQLSTATE of each; domains and lists included; nothing is executed."""
    sql = "delete from items where id = :id and :m = 'ok'::mood and qty in (:many*) and qty = :p::positive"
    statement = await prepared(connection, sql)
    found = await connection.check(statement, BAD)
    assert [(b.position, b.parameter, b.sqlstate) for b in found] == [
        (1, 0, "22P02"),
        (2, 1, "22P02"),
        (2, 2, "22P02"),
        (3, 3, "23514"),
        (4, 2, "22P02"),
    ]
    assert found[0].type == "integer"
    assert '"x"' in found[0].message
    assert await connection.check(statement, [("1", "ok", "[1]", "7")] * 100) == []
    assert await answers(connection, "select count(*) from items") == [(0, 1000)]


async def test_check_without_ordinals(connection: Connection) -> None:
    """A secret's culprit is found by halving, and its value is in no message."""
    statement = await prepared(connection, declared("select 1 from items where id = :id", Parameter("id", secret=True)))
    sets = [(str(i),) for i in range(50)]
    sets[13], sets[44] = ("hunter2",), ("hunter3",)
    found = await connection.check(statement, sets)
    assert [b.position for b in found] == [13, 44]
    assert "hunter" not in "".join(b.message for b in found)


async def test_check_of_typed_sets_says_nothing(connection: Connection) -> None:
    """What has a type already is not text."""
    statement = await prepared(connection, "select 1 from items where id = :id", typed=True)
    assert await connection.check(statement, [(1,)]) == []
