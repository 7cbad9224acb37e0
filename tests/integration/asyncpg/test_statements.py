"""Statements: identifiers, the wrapper of a batch, what cannot be wrapped, read-only sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import (
    Decoding,
    Limits,
    Parameter,
    Phase,
    Placeholder,
    PlaceholderKind,
    Query,
    StatementClass,
)
from bulkq.query import inline
from tests.support.asyncpg_sessions import READS, WRITES, answers, prepared

if TYPE_CHECKING:
    import asyncpg

    from bulkq.protocols import Connection


async def test_qualified_identifiers(connection: Connection, outside: asyncpg.Connection) -> None:
    """`schema.table` is two names, unless one name has a dot in it."""
    await outside.execute('create schema "S x"; create table "S x"."T.y" (a int); create table "a.b" (c int)')
    query = Query(
        "q",
        "select count(*) from :{t}",
        (Parameter("t", PlaceholderKind.IDENTIFIER),),
        (Placeholder("t", PlaceholderKind.IDENTIFIER, 21, 25),),
    )
    for name in ("public.items", "S x.T.y", "a.b", "pg_catalog.pg_class"):
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={"t": name})
        assert (await connection.attempt(statement, [(name,)], READS)).values[0]
    for name in ("public.nothing", "nothing.items", "public.items.id", "ITEMS", "items\0", "."):
        with pytest.raises(DatabaseError, match=":{t}: the database has no table") as caught:
            await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={"t": name})
        assert caught.value.sqlstate == "42P01"


async def test_errors_point_into_the_users_text(connection: Connection) -> None:
    """The offset of a mistake behind placeholders, quoted names and escapes is that of the author's text."""
    sql = "select name from items where id = :id\n and qty = :qty and nosuch = 1"
    with pytest.raises(DatabaseError) as caught:
        await prepared(connection, sql)
    assert (caught.value.sqlstate, caught.value.phase) == ("42703", Phase.PREPARING)
    assert caught.value.offset == sql.index("nosuch")


# --- forms ----------------------------------------------------------------------------------------------------------


async def test_what_cannot_be_wrapped_runs_as_it_is(connection: Connection, outside: asyncpg.Connection) -> None:
    """SHOW, EXPLAIN and nested data-modifying CTEs: one execution per set, counts from the command tag."""
    assert await answers(connection, "show server_version_num", decoding=Decoding.TEXT)
    plan = await answers(connection, "explain select name from items where id = 7", decoding=Decoding.JSON)
    assert "Index" in str(plan)
    nested = (
        "with d as (delete from items where id = :id returning *) insert into items select id + 5000, name, qty from d"
    )
    statement = await prepared(connection, nested)
    reply = await connection.attempt(statement, [("1",), ("9999",), ("2",)], WRITES)
    assert (list(reply.values[0]), reply.changed) == ([1, 0, 1], 2)
    assert await outside.fetchval("select count(*) from items where id > 5000") == 2
    reading = "with d as (delete from items where id < :id returning id, now() as at, qty) select * from d order by id"
    statement = await prepared(connection, reading, Decoding.TEXT)
    reply = await connection.attempt(statement, [("4",), ("5",)], WRITES)
    assert [column.name for column in reply.columns] == ["id", "at", "qty"]
    assert list(zip(reply.positions, reply.values[0], strict=True)) == [(0, 3), (1, 4)]


async def test_a_failure_in_the_middle_of_unwrapped_sets(connection: Connection, outside: asyncpg.Connection) -> None:
    """They are one transaction, and the set under way is the culprit."""
    sql = "with u as (update items set qty = :q where id = :id returning id) insert into items select id + 7000, 'x', 0 from u"
    statement = await prepared(connection, sql)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("1", "1"), ("-1", "2"), ("3", "3")], WRITES)
    assert (caught.value.sqlstate, caught.value.position) == ("23514", 1)
    assert await outside.fetchval("select count(*) from items") == 1000


async def test_ddl(connection: Connection, outside: asyncpg.Connection) -> None:
    """A statement without rows and without a count has the count 0."""
    statement = await prepared(connection, "create table made (a int)")
    assert statement.returns_rows is False
    reply = await connection.attempt(statement, [()], WRITES)
    assert (list(reply.values[0]), reply.changed) == ([0], 0)
    assert await outside.fetchval("select to_regclass('made')::text") == "made"


async def test_comments_and_brackets_do_not_break_the_wrapper(connection: Connection) -> None:
    """A trailing line comment ends at our line end; text that closes the wrapper early is refused as it stands."""
    assert await answers(connection, "select 1 as a -- the end") == [(0, 1)]
    statement = await prepared(connection, "update items set qty = 1 where id = 1 -- the end")
    assert (await connection.attempt(statement, [()], WRITES)).changed == 1
    with pytest.raises(DatabaseError):
        await prepared(connection, Query("q", "select 1) as q(c1); delete from items; select * from (select 2"))


async def test_outside_a_transaction(connection: Connection, outside: asyncpg.Connection) -> None:
    """VACUUM runs alone, under session limits that are gone afterwards; never read-only."""
    query = inline("vacuum items")
    query = Query(query.name, query.sql, statement=StatementClass.MAINTENANCE, verb="VACUUM", transaction=False)
    statement = await prepared(connection, query)
    assert statement.single
    limits = Limits(timeout_s=5, read_only=False, transaction=False)
    assert (await connection.attempt(statement, [()], limits)).changed == 0
    assert await answers(connection, "select current_setting('lock_timeout')") == [(0, "2s")]
    assert await connection._session.fetchval("select current_setting('lock_timeout')") == "0"
    with pytest.raises(RefusedError, match="--write"):
        await connection.attempt(statement, [()], Limits(transaction=False))
    async with outside.transaction():
        await outside.execute("lock table items in access exclusive mode")
        with pytest.raises(DatabaseError) as caught:
            await connection.attempt(
                statement, [()], Limits(timeout_s=5, lock_timeout_s=0.1, read_only=False, transaction=False)
            )
    assert (caught.value.sqlstate, caught.value.phase) == ("55P03", Phase.COMMITTING)


async def test_a_changed_table_makes_a_new_statement(connection: Connection, outside: asyncpg.Connection) -> None:
    """DDL in the middle of a run: at most one failed attempt, then a fresh statement."""
    query = inline("select * from items where id = :id")
    statement = await prepared(connection, query)
    await connection.attempt(statement, [("1",)], READS)
    await outside.execute("alter table items alter column qty type bigint, add column more text")
    try:
        reply = await connection.attempt(await prepared(connection, query), [("1",)], READS)
    except DatabaseError as error:
        assert "cached plan" in str(error)
        assert error.sqlstate == "0A000"
        reply = await connection.attempt(await prepared(connection, query), [("1",)], READS)
    assert reply.values[0][0] == 1


async def test_values_follow_the_names_of_columns(connection: Connection, outside: asyncpg.Connection) -> None:
    """A table that is replaced by one with its columns in another order, or without one of them, in both forms of a batch."""
    sets = [("1",), ("1",)]
    for together in (False, True):
        query = inline(f"select *, {together} as form from swapped where id = :id")
        reads = replace(READS, together=together)
        await outside.execute("create table swapped as select 1 as id, 'a' as a, 'b' as b")
        statement = await prepared(connection, query)
        await connection.attempt(statement, sets, reads)
        await outside.execute("drop table swapped; create table swapped as select 1 as id, 'b' as b, 'a' as a")
        reply = await connection.attempt(statement, sets, reads)
        assert {column.name: list(v) for column, v in zip(reply.columns, reply.values, strict=True)} == {
            "id": [1, 1],
            "a": ["a", "a"],
            "b": ["b", "b"],
            "form": [together] * 2,
        }
        await outside.execute("alter table swapped rename column a to c")
        with pytest.raises(DatabaseError, match="cached plan") as caught:
            await connection.attempt(statement, sets, reads)
        assert caught.value.sqlstate == "0A000"
        reply = await connection.attempt(await prepared(connection, query), sets, reads)
        assert [column.name for column in reply.columns] == ["id", "b", "c", "form"]
        await outside.execute("drop table swapped")


async def test_many_statements_are_forgotten(connection: Connection) -> None:
    """A session keeps a bounded number of prepared statements, on the server too."""
    for i in range(130):
        assert await answers(connection, f"select {i}") == [(0, i)]
    assert len(connection._statements) == 100
    assert await connection._session.fetchval("select count(*) from pg_prepared_statements") <= 101


# --- read-only ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "update items set qty = 0 where id = 1",
        "set transaction read write",
        "insert into items select 0, 'x', 0 returning id",
        "create table no (a int)",
        "select nextval('s')",
        "do $$ begin commit; set transaction read write; delete from items; end $$",
    ],
)
async def test_reading_cannot_change_anything(connection: Connection, outside: asyncpg.Connection, sql: str) -> None:
    """READ ONLY, frozen by a first query, one statement: the server says no."""
    await outside.execute("create sequence s")
    statement = await prepared(connection, sql)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [()], READS)
    assert caught.value.sqlstate in {"25006", "25001", "2D000"}
    assert await outside.fetchval("select sum(qty) from items") == 5005000
    assert await answers(connection, "select current_setting('transaction_read_only')") == [(0, "on")]


async def test_a_new_query_is_described_in_one_transaction(connection: Connection) -> None:
    """The user's text and its wrapper are prepared in one transaction; a wrapper that is refused gets another one."""
    session = connection._session
    await prepared(connection, "select name from items")  # its type is looked up once
    sent: list[str] = []
    with session.query_logger(lambda record: sent.append(record.query)):
        await prepared(connection, "select name from items where qty = 1")
        first = "".join(sent).count("BEGIN READ ONLY")
        await prepared(connection, "show work_mem")
        assert (first, "".join(sent).count("BEGIN READ ONLY") - first) == (1, 3)
