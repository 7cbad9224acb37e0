"""PostgreSQL's driver beyond the contract: types, culprits, time, poolers, COPY, checks, TLS, and what connecting may say."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio

from bulkq import markers
from bulkq.drivers import open_driver
from bulkq.drivers.asyncpg import lock_holders
from bulkq.drivers.asyncpg.commit import commit
from bulkq.errors import DatabaseError, RefusedError, TargetError, UsageError
from bulkq.model import (
    Claim,
    Decoding,
    Limits,
    Outcome,
    Parameter,
    Phase,
    Placeholder,
    PlaceholderKind,
    Query,
    StatementClass,
)
from bulkq.policy import retry
from bulkq.query import inline
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from bulkq.protocols import Connection, Statement
    from tests.support.servers.pgbouncer import PgBouncer
    from tests.support.servers.postgres import PostgresServer

READS = Limits(timeout_s=5, read_only=True)
WRITES = Limits(timeout_s=5, read_only=False)
SCHEMA = """
create type mood as enum ('sad', 'ok', 'ha"ppy');
create domain positive as integer check (value > 0);
create type pair as (a integer, b text);
create table items (id integer primary key, name text not null, qty integer check (qty >= 0));
insert into items select i, 'item ' || i, i * 10 from generate_series(1, 1000) as i;
"""

VALUES = {
    "int2": "-7",
    "int4": "42",
    "int8": "9223372036854775807",
    "oid": "4294967295",
    "float4": "1.1",
    "float8": "1e300",
    "numeric": "12345678901234567890.12345678901234567890",
    "numeric(10,2)": "1.50",
    "money": "$1,234.50",
    "bool": "true",
    "text": 'with "quotes", comma\nand line',
    "varchar(20)": "wide ✓",
    "char(5)": "ab",
    '"char"': "x",
    "name": "a name",
    "bytea": "\\x00ff",
    "date": "2026-11-22",
    "time": "13:05:10.5",
    "timetz": "13:05:10+02",
    "timestamp": "2026-11-22 13:05:10.25",
    "timestamptz": "2026-11-22 13:05:10+02",
    "interval": "1 year 2 mons 3 days 04:05:06.7",
    "uuid": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    "json": '{"a":\n [1.10, "x"]}',
    "jsonb": '{"b": 1.10, "a": null}',
    "xml": "<a>1</a>",
    "inet": "10.1.2.3",
    "cidr": "10.1.0.0/16",
    "macaddr": "08:00:2b:01:02:03",
    "bit(3)": "101",
    "varbit": "10101",
    "point": "(1,2)",
    "box": "(3,4),(1,2)",
    "tsvector": "'a' 'b':2",
    "tsquery": "'a' & 'b'",
    "pg_lsn": "16/B374D848",
    "regclass": "pg_class",
    "int4range": "[1,5)",
    "tstzrange": "[2026-01-01 00:00:00+00,)",
    "int4[]": "{1,NULL,3}",
    "int4[][]": "{{1,2},{3,4}}",
    "text[]": '{"a b","c,d",NULL,"e\\"f"}',
    "numeric[]": "{1.10,2}",
    "timestamptz[]": '{"2026-11-22 13:05:10+00"}',
    "inet[]": "{10.1.2.3}",
    "mood": 'ha"ppy',
    "mood[]": "{sad,ok}",
    "positive": "5",
    "pair": '(1,"a b")',
    "pair[]": '{"(1,x)"}',
    "int2vector": "1 2 3",
    "xid": "7",
}

NEEDS_CAST = {"regclass", "pair"}
"""Types whose `=` the server finds for another type: oid, record."""


@pytest_asyncio.fixture(loop_scope="session")
async def url(database: str) -> str:
    """A database with the schema above."""
    session = await asyncpg.connect(database)
    await session.execute(SCHEMA)
    await session.close()
    return database


@asynccontextmanager
async def connected(url: str, *, read_only: bool = False) -> AsyncIterator[Connection]:
    """A session of the driver."""
    connection = await open_driver(url, application_name="bulkq test", read_only=read_only).connect()
    try:
        yield connection
    finally:
        await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def connection(url: str) -> AsyncIterator[Connection]:
    """A session of the driver on the database with the schema."""
    async with connected(url) as session:
        yield session


@pytest_asyncio.fixture(loop_scope="session")
async def outside(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else on the same database."""
    session = await asyncpg.connect(url)
    yield session
    await session.close()


async def prepared(
    connection: Connection, sql: str | Query, decoding: Decoding = Decoding.PYTHON, *, typed: bool = False
) -> Statement:
    """Prepare inline SQL."""
    query = inline(sql) if isinstance(sql, str) else sql
    return await connection.prepare(query, decoding, typed=typed, identifiers={})


async def answers(
    connection: Connection, sql: str, sets: Sequence[tuple[object, ...]] = ((),), decoding: Decoding = Decoding.PYTHON
) -> list[tuple[object, ...]]:
    """Position and values of every row."""
    reply = await connection.attempt(await prepared(connection, sql, decoding), sets, READS)
    return list(zip(reply.positions, *reply.values, strict=True))


def declared(sql: str, *parameters: Parameter) -> Query:
    """Inline SQL with declared parameters."""
    query = inline(sql)
    return Query(query.name, query.sql, parameters, query.placeholders, statement=query.statement, verb=query.verb)


# --- values ---------------------------------------------------------------------------------------------------------


async def test_text_goes_in_and_comes_out_as_copy_writes_it(
    connection: Connection, outside: asyncpg.Connection
) -> None:
    """Text of every type is bound by the server, and TEXT decoding equals COPY; NULL is NULL."""
    libxml = await outside.fetchval(
        "select count(*) from pg_config() where name = 'CONFIGURE' and setting ~ '--with-libxml'"
    )
    for number, (kind, text) in enumerate(VALUES.items()):
        if kind == "xml" and not libxml:
            continue
        await outside.execute(f"create table t{number} (n serial, v {kind})")
        statement = await prepared(connection, f"insert into t{number} (v) values (:v)")
        assert (await connection.attempt(statement, [(text,), (None,)], WRITES)).changed == 2, kind
        reading = f"select v from t{number} order by n"
        found = [value for _, value in await answers(connection, reading, decoding=Decoding.TEXT)]
        copied = io.BytesIO()
        await outside.copy_from_query(reading, output=copied, format="csv")
        assert [_as_csv(found[0])] == next(csv.reader(io.StringIO(copied.getvalue().decode()))), kind
        assert found[1] is None, kind


async def test_text_finds_what_it_equals(connection: Connection, outside: asyncpg.Connection) -> None:
    """A WHERE clause over text finds the row again, for every type that has an equality."""
    for number, (kind, text) in enumerate(VALUES.items()):
        if kind in {"json", "xml", "point", "box"}:
            continue  # no equality by value
        await outside.execute(f"create table t{number} (v {kind})")
        await connection.attempt(await prepared(connection, f"insert into t{number} values (:v)"), [(text,)], WRITES)
        cast = f"::{kind}" if kind in NEEDS_CAST else ""
        found = await answers(connection, f"select count(*) from t{number} where v = :v{cast}", [(text,), (None,)])
        assert found == [(0, 1), (1, 0)], kind


async def test_json_decoding(connection: Connection) -> None:
    """JSON keeps integers and floats numbers, numerics text, times ISO 8601, and embeds JSON and arrays."""
    sql = """select 1::int8, 1.1::float4 as f4, 0.1::float8, 1.10::numeric, true, 'x'::text, '\\x00ff'::bytea,
        '2026-11-22 13:05:10+00'::timestamptz, 'infinity'::timestamptz, '20000-01-01'::date, '2026-11-22 13:05:10'::timestamp,
        '{"a":\n1}'::json, '{"a": 1}'::jsonb, '{1,2}'::int4[], '{1.10}'::numeric[], '{"a\\"b"}'::text[], '10.0.0.1'::inet,
        '1 day'::interval, '[1,5)'::int4range, row(1, 'x')::pair, 'ok'::mood, null::jsonb, '{2026-11-22 13:05:10}'::timestamp[]"""
    statement = await prepared(connection, "set timezone = 'UTC'", Decoding.JSON)
    await connection.attempt(statement, [()], READS)
    statement = await prepared(connection, sql, Decoding.JSON)
    reply = await connection.attempt(statement, [()], READS)
    values = [column[0] for column in reply.values]
    zone = re.compile(r"T13:05:10\+00:00|T\d\d:\d\d:10[+-]\d\d:\d\d")
    assert zone.search(str(values[7]))
    del values[7]
    assert values == [
        1, 1.1, 0.1, "1.10", True, "x", b"\x00\xff",
        "infinity", "20000-01-01", "2026-11-22T13:05:10",
        '{"a":\n1}', '{"a": 1}', "[1,2]", '["1.10"]', '["a\\"b"]', "10.0.0.1",
        "1 day", "[1,5)", "(1,x)", "ok", None, '["2026-11-22T13:05:10"]',
    ]  # fmt: skip
    raw = [column.raw for column in reply.columns]
    assert [i for i, value in enumerate(raw) if value] == [11, 12, 13, 14, 15, 21, 22]


async def test_python_decoding_gives_what_asyncpg_gives(connection: Connection) -> None:
    """Decoding.PYTHON is the library's own."""
    assert await answers(connection, "select 1.10::numeric::text, array[1,2], null") == [(0, "1.10", [1, 2], None)]


async def test_a_value_beyond_python_fails_alone(connection: Connection) -> None:
    """A date that Python cannot hold is an error of the statement, the session goes on."""
    with pytest.raises(DatabaseError, match="cannot be read by Python") as caught:
        await answers(connection, "select '20000-01-01'::date")
    assert caught.value.phase is Phase.SENT
    assert not caught.value.connection_lost
    assert await answers(connection, "select 1") == [(0, 1)]


async def test_catalog_oddities_decode(connection: Connection) -> None:
    """Pseudo-types and statistics have text as COPY writes it."""
    for sql in (
        "select pg_sleep(0) as v",
        "select row(1, null, 'x y') as v",
        "select most_common_vals as v from pg_stats where most_common_vals is not null limit 3",
        "select 'x' as v",
        "select null as v",
        "select array[]::int4[] as v",
    ):
        for decoding in (Decoding.TEXT, Decoding.JSON):
            assert await answers(connection, sql, decoding=decoding)


async def test_typed_values(connection: Connection) -> None:
    """Typed sets are bound without conversion; JSON objects are serialized; a float stays what it looks like."""
    sql = "select :n + 0, :j::jsonb ->> 'a', (:d::numeric)::text, :s::text[]"
    statement = await prepared(connection, sql, typed=True)
    with pytest.raises(DatabaseError):
        await connection.attempt(statement, [("1", {}, 1, [])], READS)
    reply = await connection.attempt(statement, [(1, {"a": "é"}, 1.1, ["x", None])], READS)
    assert [column[0] for column in reply.values] == [1, "é", "1.1", ["x", None]]


async def test_a_typed_value_of_the_wrong_type_names_its_set(connection: Connection) -> None:
    """An encoding error tells parameter, type and set; nothing ran; the session goes on."""
    statement = await prepared(connection, "select name from items where id = :id", typed=True)
    for sets, culprit in (([(1,), ("2",), (3,)], 1), ([("1",)], 0), ([(1,), (2,), (2**40,)], 2)):
        with pytest.raises(DatabaseError, match=":id cannot be sent as integer") as caught:
            await connection.attempt(statement, sets, READS)
        assert caught.value.phase is Phase.ENCODING
        assert caught.value.position == culprit
        assert not caught.value.connection_lost
    assert (await connection.attempt(statement, [(1,)], READS)).values[0][0] == "item 1"


async def test_an_unencodable_text_names_its_set(connection: Connection) -> None:
    """A lone surrogate is found before anything is sent, a NUL by the server; both name their set."""
    statement = await prepared(connection, "select count(*) from items where name = :name")
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("a",), ("\ud800",)], READS)
    assert (caught.value.phase, caught.value.position) == (Phase.ENCODING, 1)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("a",), ("b",), ("a\0b",)], READS)
    assert (caught.value.sqlstate, caught.value.position) == ("22021", 2)
    assert (await connection.attempt(statement, [("item 1",)], READS)).values[0][0] == 1


async def test_declared_types_help_where_the_server_cannot_tell(connection: Connection) -> None:
    """`:x is null` needs a type: without one the hint says how to declare it, with one it works."""
    sql = "select count(*) from items where :x is null or id = 7"
    with pytest.raises(DatabaseError) as caught:
        await prepared(connection, sql)
    assert caught.value.sqlstate == "42P18"
    assert "parameter :x" in str(caught.value)
    assert "declare" in str(caught.value.hint)
    statement = await prepared(connection, declared(sql, Parameter("x", type="bigint")))
    assert statement.parameter_types == ("bigint",)
    assert list((await connection.attempt(statement, [("1",), (None,)], READS)).values[0]) == [1, 1000]


async def test_parameter_types_are_the_servers_names(connection: Connection) -> None:
    """Built-in, domain, enum and array types as `format_type` writes them."""
    sql = "select 1 where now() > :t and :m = 'ok'::mood and array[1] @> :a and id_of(:p)"
    async with connected_schema(
        connection, "create function id_of(positive) returns bool language sql as 'select true'"
    ):
        statement = await prepared(connection, sql)
        assert statement.parameter_types == ("timestamp with time zone", "mood", "integer[]", "positive")


@asynccontextmanager
async def connected_schema(connection: Connection, ddl: str) -> AsyncIterator[None]:
    """Execute DDL through the driver."""
    await connection.attempt(await prepared(connection, ddl), [()], WRITES)
    yield


async def test_casts_keep_the_index(connection: Connection) -> None:
    """Text parameters do not cost the index scan."""
    statement = await prepared(connection, "select name from items where id = :id")
    sql = f"explain execute {statement.handle.get_name()}('5', 0)"
    plan = "\n".join(str(row[1]) for row in await answers(connection, sql))
    assert "Index" in plan


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


# --- time and cancellation ------------------------------------------------------------------------------------------


async def active(outside: asyncpg.Connection) -> int:
    """Sessions of the driver under test that are at something."""
    return await outside.fetchval(
        "select count(*) from pg_stat_activity where application_name = 'bulkq test' and state <> 'idle'"
        " and datname = current_database()"
    )


async def gone(outside: asyncpg.Connection) -> bool:
    """Whether nothing is active within two seconds."""
    for _ in range(100):
        if await active(outside) == 0:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_the_clients_deadline(
    connection: Connection, outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that forgets its timeout is cancelled by the client, and the cancellation is confirmed."""
    monkeypatch.setattr("bulkq.drivers.asyncpg.attempt.MARGIN_S", -4.7)
    statement = await prepared(connection, "select pg_sleep(60)")
    with pytest.raises(DatabaseError, match="no answer within") as caught:
        await connection.attempt(statement, [(), ()], Limits(timeout_s=5))
    assert (caught.value.sqlstate, caught.value.confirmed, caught.value.connection_lost) == ("57014", True, False)
    assert await active(outside) == 0
    monkeypatch.undo()
    assert await answers(connection, "select 1") == [(0, 1)]


async def test_no_timeout(connection: Connection) -> None:
    """None is no limit, on both sides."""
    sql = "select current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
    statement = await prepared(connection, sql)
    reply = await connection.attempt(statement, [()], Limits(timeout_s=None, lock_timeout_s=None))
    assert [column[0] for column in reply.values] == ["0", "30s"]


@pytest.mark.parametrize("count", [1, 3, 30_000])
async def test_a_cancelled_task_leaves_nothing_behind(
    connection: Connection, outside: asyncpg.Connection, count: int
) -> None:
    """Cancelled while executing, or while still sending a batch larger than the socket takes: the server stops."""
    statement = await prepared(connection, "select pg_sleep(60), :pad::text")
    task = asyncio.create_task(connection.attempt(statement, [("x" * 100,)] * count, Limits(timeout_s=60)))
    while not await active(outside):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    started = asyncio.get_running_loop().time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.get_running_loop().time() - started < 3.5
    assert await gone(outside)


async def test_random_cancellations(url: str, outside: asyncpg.Connection) -> None:
    """Wherever a cancellation hits, the session answers with its own answers afterwards, or is closed."""
    async with connected(url) as first:
        connection = first
        for i in range(60):
            statement = await prepared(connection, "select :a::int, pg_sleep(0.002)")
            task = asyncio.create_task(connection.attempt(statement, [(str(i),), (str(i + 1),)], READS))
            await asyncio.sleep(i * 0.0002)
            task.cancel()
            await asyncio.wait([task])
            try:
                assert await answers(connection, "select :b::int", [(str(i),)]) == [(0, i)]
            except DatabaseError as error:
                assert error.connection_lost
                await connection.close()
                connection = await open_driver(url, application_name="bulkq test", read_only=False).connect()
        await connection.close()
    assert await gone(outside)


async def test_a_killed_backend(connection: Connection, outside: asyncpg.Connection) -> None:
    """The server ends our session: 57P01, the connection is lost, and says so ever after."""
    statement = await prepared(connection, "select pg_sleep(60)")
    task = asyncio.create_task(connection.attempt(statement, [()], Limits(timeout_s=60)))
    while not await active(outside):
        await asyncio.sleep(0.01)
    await outside.fetchval("select pg_terminate_backend($1)", connection.server.pid)
    with pytest.raises(DatabaseError) as caught:
        await task
    assert (caught.value.sqlstate, caught.value.connection_lost, caught.value.phase) == ("57P01", True, Phase.SENT)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [()], READS)
    assert (caught.value.connection_lost, caught.value.phase) == (True, Phase.PREPARING)


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


async def test_a_commit_after_our_deadline(
    connection: Connection, outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That the session is idle again does not tell what became of COMMIT: unknown."""
    await outside.execute(AT_COMMIT.format("perform pg_sleep(1)"))
    statement = await prepared(connection, "insert into slow values (:a)")
    monkeypatch.setattr("bulkq.drivers.asyncpg.attempt.MARGIN_S", -4.7)
    with pytest.raises(DatabaseError, match="no answer within") as caught:
        await connection.attempt(statement, [("1",), ("2",)], WRITES)
    assert (caught.value.phase, caught.value.sqlstate) == (Phase.COMMITTING, None)
    assert retry.outcome(caught.value, transaction=True) is Outcome.UNKNOWN


@pytest.mark.parametrize("state", ["08006", "57P01"])
async def test_an_answer_to_commit_about_the_connection(
    connection: Connection, outside: asyncpg.Connection, state: str
) -> None:
    """Whoever says that the connection is gone, server or pooler, does not say what became of COMMIT."""
    await outside.execute(AT_COMMIT.format(f"raise exception using errcode = ''{state}''"))
    statement = await prepared(connection, "insert into slow values (:a)")
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("1",), ("2",)], WRITES)
    assert (caught.value.sqlstate, caught.value.phase, caught.value.connection_lost) == (
        state,
        Phase.COMMITTING,
        True,
    )
    assert retry.outcome(caught.value, transaction=True) is Outcome.UNKNOWN


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
    error = await lock_holders.refused(connection._session, Claim("r", "us", 0, 1, 2, tables))  # type: ignore[attr-defined]
    assert (type(error), error.sqlstate, error.phase) == (DatabaseError, "40001", Phase.CLAIMING)


@pytest.mark.parametrize("asking", [lock_holders.HOLDERS, "select 1/0 -- {:.0f}", "select pg_sleep(60) -- {:.0f}"])
async def test_who_holds_a_lock_may_stay_unknown(
    url: str, outside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, asking: str
) -> None:
    """No transaction of ours, or no answer to the question: the error is the same without a hint."""
    monkeypatch.setattr(lock_holders, "HOLDERS", asking)
    monkeypatch.setattr(lock_holders, "ASK_S", 0.2)
    async with connected(url) as connection:
        async with outside.transaction():
            await outside.execute("lock table items")
            with pytest.raises(DatabaseError) as caught:
                await connection.administer(["update items set qty = 1 where id = 1"], lock_timeout_s=0.1)
        assert (caught.value.sqlstate, caught.value.hint, caught.value.connection_lost) == ("55P03", None, False)
        assert await answers(connection, "select qty from items where id = 1") == [(0, 10)]


async def test_administering_can_be_called_back(connection: Connection, outside: asyncpg.Connection) -> None:
    """Waiting for a lock without limit, and cancelled: nothing lasts, the session goes on."""
    async with outside.transaction():
        await outside.execute("lock table items")
        statements = ["create table made (a int)", "update items set qty = 1 where id = 1"]
        task = asyncio.create_task(connection.administer(statements, lock_timeout_s=None))
        _, late = await asyncio.wait([task], timeout=0.2)
        assert late
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await answers(connection, "select qty, to_regclass('made')::text from items where id = 1") == [(0, 10, None)]


class BlackHole:
    """A relay to the server that at some moment loses everything, and does not even say that a side has left."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._ways: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        onward, backward = await asyncio.open_connection(*self._target)
        self._writers += [writer, backward]
        self._ways |= {
            asyncio.create_task(self._pump(reader, backward)),
            asyncio.create_task(self._pump(onward, writer)),
        }

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not self.silent:
                writer.write(data)
        if not self.silent:
            writer.close()

    async def close(self) -> None:
        """Give up every connection."""
        for way in self._ways:
            way.cancel()
        await asyncio.gather(*self._ways, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


async def test_a_silent_network(postgres: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes back: after deadline and grace the socket is cut, and nothing is claimed to be known."""
    monkeypatch.setattr("bulkq.drivers.asyncpg.attempt.MARGIN_S", -4.7)
    hole = BlackHole(postgres.host, postgres.port)
    relay = await asyncio.start_server(hole.serve, "127.0.0.1", 0)
    around = re.sub(r"[^@/]*(/[^/]*)$", rf"127.0.0.1:{relay.sockets[0].getsockname()[1]}\1", url)
    connection = await open_driver(around, application_name="bulkq test", read_only=False).connect()
    statement = await prepared(connection, "select pg_sleep(1), :a::text")
    started = asyncio.get_running_loop().time()
    task = asyncio.create_task(connection.attempt(statement, [("x",)] * 20, Limits(timeout_s=5)))
    await asyncio.sleep(0.1)
    hole.silent = True
    with pytest.raises(DatabaseError) as caught:
        await task
    assert asyncio.get_running_loop().time() - started < 4
    assert (caught.value.connection_lost, caught.value.confirmed, caught.value.sqlstate) == (True, False, None)
    assert caught.value.pid == connection.server.pid
    await connection.close()
    relay.close()
    await hole.close()


async def test_closing_leaves_no_session(url: str, outside: asyncpg.Connection) -> None:
    """After `close` the server has nothing of us."""
    async with connected(url) as connection:
        await answers(connection, "select 1")
    for _ in range(100):
        count = await outside.fetchval(
            "select count(*) from pg_stat_activity where application_name = 'bulkq test' and pid = $1",
            connection.server.pid,
        )
        if not count:
            return
        await asyncio.sleep(0.02)
    pytest.fail("the session is still there")


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


# --- through a pooler -----------------------------------------------------------------------------------------------


async def test_through_a_pooler(pgbouncer: PgBouncer, url: str, outside: asyncpg.Connection) -> None:
    """Many sessions over few: right answers, culprits, timeouts, and no setting left behind for strangers."""
    connections = [
        await open_driver(pgbouncer.through(url), application_name="bulkq test", read_only=False).connect()
        for _ in range(20)
    ]
    assert all(connection.server.pooled for connection in connections)
    assert all(connection.server.free_connections is None for connection in connections)

    async def work(connection: Connection, lane: int) -> None:
        for i in range(15):
            statement = await prepared(connection, "select name, 'ok'::mood from items where id = :id", Decoding.TEXT)
            sets = [(str(lane * 20 + j + 1),) for j in range(20)]
            reply = await connection.attempt(statement, sets, READS)
            assert list(reply.values[0]) == [f"item {lane * 20 + j + 1}" for j in range(20)]
            if i % 5 == lane % 5:
                with pytest.raises(DatabaseError) as caught:
                    await connection.attempt(statement, [("1",), ("x",), ("2",)], READS)
                assert caught.value.position == 1

    await asyncio.gather(*(work(connection, lane) for lane, connection in enumerate(connections)))
    sleeper = await prepared(connections[0], "select pg_sleep(60)")
    with pytest.raises(DatabaseError) as caught:
        await connections[0].attempt(sleeper, [()], Limits(timeout_s=0.2))
    assert caught.value.sqlstate == "57014"
    task = asyncio.create_task(connections[0].attempt(sleeper, [(), ()], Limits(timeout_s=60)))
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.wait([task])
    assert await gone(outside)
    big = await prepared(connections[1], "select i from generate_series(1, 12000) as i")
    assert sum([len(piece.positions) async for piece in connections[1].stream(big, (), READS)]) == 12000
    assert await connections[1].copy(big, ",", READS, len) == 12000
    assert [
        b.position
        for b in await connections[1].check(
            await prepared(connections[1], "select 1 from items where id = :id"), [("1",), ("x",)]
        )
    ] == [1]
    single = inline("vacuum items")
    with pytest.raises(RefusedError, match="pooler"):
        await prepared(connections[1], Query("v", single.sql, statement=StatementClass.MAINTENANCE, transaction=False))
    for connection in connections:
        await connection.close()
    for _ in range(12):
        stranger = await asyncpg.connect(pgbouncer.through(url), statement_cache_size=0)
        row = await stranger.fetchrow(
            "select current_setting('statement_timeout') as a, current_setting('jit') as b, current_setting('lock_timeout') as c"
        )
        assert tuple(row) == ("0", await outside.fetchval("show jit"), "0")
        await stranger.close()


# --- connecting -----------------------------------------------------------------------------------------------------


async def refused(url: str) -> str:
    """What connecting says."""
    with pytest.raises(TargetError) as caught:
        await open_driver(url, application_name="bulkq test", read_only=True).connect()
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_what_connecting_may_say(postgres: PostgresServer, url: str) -> None:
    """Each part that can be wrong is told by name."""
    address = f"{postgres.host}:{postgres.port}"
    assert 'no such host "no-such-host.invalid"' in await refused(
        "postgresql://u:hunter2@no-such-host.invalid/db?sslmode=disable"
    )
    assert "connection refused: 127.0.0.1:1" in await refused("postgresql://u:hunter2@127.0.0.1:1/db")
    assert 'user "nobody here"' in await refused(f"postgresql://nobody%20here:hunter2@{address}/postgres")
    assert "no server socket" in await refused("postgresql:///db?host=/nonexistent")
    assert "TLS refused" in await refused(re.sub(r"$", "?sslmode=require", url))


async def test_what_a_server_is(connection: Connection, url: str) -> None:
    """The first query tells what people and the runner want to know."""
    server = connection.server
    assert server.product == "postgresql"
    assert server.version_number // 10000 == int(server.version.split(".")[0])
    assert (server.pooled, server.in_recovery, server.tls) == (False, False, "off")
    assert server.superuser
    assert 0 < (server.free_connections or 0) < (server.max_connections or 0)
    assert url.endswith(server.database)


async def test_sessions_notice_a_dead_client(connection: Connection) -> None:
    """On a session of our own the server looks for us every second."""
    found = await answers(
        connection, "select setting, source from pg_settings where name = 'client_connection_check_interval'"
    )
    assert found == [(0, "1000", "session")]


async def test_a_plain_role_has_fewer_connections_free(url: str, outside: asyncpg.Connection) -> None:
    """Reserved connections are not ours."""
    role = f"plain_{outside.get_server_pid()}"
    await outside.execute(f"create role {role} login password 'right'")
    try:
        async with connected(re.sub(r"//[^@/]*@", f"//{role}:right@", url)) as connection:
            most = connection.server.max_connections or 0
            assert not connection.server.superuser
            assert 0 < (connection.server.free_connections or 0) <= most - 3
            assert await answers(connection, "select 1") == [(0, 1)]
    finally:
        execute(url, f"drop role {role}")


async def test_wrong_options_are_usage_errors(postgres: PostgresServer) -> None:
    """What cannot be understood is exit 2."""
    address = f"{postgres.host}:{postgres.port}"
    driver = open_driver(
        f"postgresql://postgres@{address}/postgres?sslmode=sometimes", application_name="t", read_only=True
    )
    with pytest.raises(UsageError, match="sslmode"):
        await driver.connect()


def _as_csv(value: object) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
