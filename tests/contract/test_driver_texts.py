"""Values that Python has no type for, over every driver of a database: the database's own text comes out, never another value."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import open_driver
from bulkq.errors import DatabaseError
from bulkq.model import Batch, BatchResult, Decoding, Limits
from bulkq.query import inline
from bulkq.sinks.delimited import Delimited
from bulkq.sinks.json_rows import JsonLines
from tests.databases import SCHEMES, fresh

if TYPE_CHECKING:
    from bulkq.model import Query
    from bulkq.protocols import Connection
    from tests.databases import Database

ONCE = Batch(0, 1, [()])
LAYOUTS = {Decoding.JSON: JsonLines(), Decoding.TEXT: Delimited(",")}

LITERALS = {
    "bool": ("true", "false"),
    "bytea": (r"\x00ff", ""),
    '"char"': ("a", ""),
    "name": ("a b",),
    "int8": ("9223372036854775807", "-1"),
    "int2": ("-32768",),
    "int2vector": ("1 2 3",),
    "int4": ("0", "2147483647"),
    "regproc": ("now",),
    "text": ("", 'a "b" \\ ,{}\nc', "NULL", "é😀\x7f\t"),
    "oid": ("4294967295",),
    "tid": ("(1,2)",),
    "xid": ("7",),
    "cid": ("7",),
    "oidvector": ("1 2",),
    "json": ('{"a" : [1,\n2.50]}',),
    "xid8": ("18446744073709551615",),
    "point": ("(1,2.5)",),
    "lseg": ("[(1,2),(3,4)]",),
    "path": ("((1,2),(3,4))",),
    "box": ("(3,4),(1,2)",),
    "polygon": ("((1,2),(3,4))",),
    "line": ("{1,2,3}",),
    "float4": ("1.1", "NaN", "-Infinity", "1e20", "-0"),
    "float8": ("1.1", "NaN", "Infinity", "1e300", "12345678901234567", "-0"),
    "money": ("12.34", "-1"),
    "macaddr": ("08:00:2b:01:02:03",),
    "inet": ("10.0.0.1", "10.0.0.0/8", "::1"),
    "cidr": ("10.0.0.0/8", "10.0.0.1/32"),
    "macaddr8": ("08:00:2b:01:02:03:04:05",),
    "aclitem": ("=r/postgres",),
    "char(5)": ("ab",),
    "varchar": ("ab ",),
    "date": ("2026-02-28", "infinity", "-infinity", "0044-03-15 BC", "12026-01-01"),
    "time": ("24:00", "13:05:10.25"),
    "timestamp": ("2026-02-28 13:05:10.250", "infinity", "-infinity", "0044-03-15 10:00 BC", "12026-01-01"),
    "timestamptz": ("2026-02-28 13:05:10.25+01", "infinity", "-infinity", "0044-03-15 10:00+00 BC", "12026-01-01"),
    "interval": ("1 year", "1 mon", "-1 mon 2 days -03:00:00.5", "365 days", "0"),
    "timetz": ("24:00+00", "13:05:10.25+05:30"),
    "bit(3)": ("101",),
    "varbit": ("10",),
    "numeric": ("1.50", "NaN", "Infinity", "-0.0000000000000000001"),
    "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",),
    "pg_lsn": ("16/B374D848",),
    "tsvector": ("'a':1 'b c':2",),
    "tsquery": ("'a' & 'b'",),
    "jsonb": ('{"n": 1234567890.123456789010}', "[1]"),
    "txid_snapshot": ("10:20:10,14",),
    "pg_snapshot": ("10:20:10,14",),
    "int4range": ("[1,5)", "empty", "(,)"),
    "numrange": ("[1.5,2.50)",),
    "tsrange": ('["2026-01-01 00:00:00",infinity)',),
    "tstzrange": ('["2026-01-01 00:00:00+00",)',),
    "daterange": ("[2026-01-01,infinity)",),
    "int8range": ("[1,2)",),
    "int4multirange": ("{[1,2),[5,7)}",),
    "datemultirange": ("{[2026-01-01,infinity)}",),
    "jsonpath": ('$."a"',),
    "regclass": ("pg_class",),
    "regtype": ("integer",),
    "mood": ("fine", "not so"),
    "pair": ("(1,infinity)",),
    "small": ("7",),
    "never": ("infinity",),
}
"""Of every type that a column of PostgreSQL may have (xml is not in every build), and of types that somebody made."""

OWN = (
    "create type mood as enum ('fine', 'not so')",
    "create type pair as (a int, b date)",
    "create domain small as int",
    "create domain never as date",
)


def quoted(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


def values_of(kind: str) -> tuple[str, ...]:
    """Expressions of a type: its values, NULL, and arrays of them: flat, nested, with bounds of their own, empty."""
    single = [f"{quoted(text)}::{kind}" for text in LITERALS[kind]]
    items = f"array[{', '.join(single)}, null]::{kind}[]"
    nested = f"array[array[{single[0]}, null], array[{single[-1]}, {single[0]}]]::{kind}[]"
    return (
        *single,
        f"null::{kind}",
        items,
        nested,
        f"array_fill({single[0]}, array[2], array[5])",
        f"'{{}}'::{kind}[]",
    )


async def connected(base: Database, driver: str) -> Connection:
    """A session that can write."""
    return await open_driver(base.url(SCHEMES[driver]), application_name="bulkq test", read_only=False).connect()


async def written(connection: Connection, query: Query, form: Decoding, *, stream: bool = False) -> bytes:
    """The bytes of a file."""
    statement = await connection.prepare(query, form, typed=True, identifiers={})
    limits = Limits(timeout_s=20, read_only=query.verb != "INSERT")
    pieces = [piece async for piece in connection.stream(statement, (), limits)] if stream else []
    found = b""
    for reply in pieces or [await connection.attempt(statement, ONCE.sets, limits)]:
        assert not reply.errors
        result = BatchResult(ONCE, query, "t", reply.columns, reply.values, reply.positions, ok=1)
        found += LAYOUTS[form].encode(result.columns, result.values, result.rows)
    return found


@pytest.fixture(scope="module")
def postgres_types(request: pytest.FixtureRequest) -> Database:
    """A database with types of somebody's."""
    base = fresh("postgresql", request)
    base.execute(*OWN)
    return base


@pytest.mark.parametrize("kind", LITERALS)
async def test_every_type_is_the_same_bytes_through_every_driver_of_postgresql(
    postgres_types: Database, kind: str
) -> None:
    """Alone and in arrays, in JSON and in CSV, fetched whole and in pieces: what asyncpg writes, and in CSV what COPY would."""
    query = inline("select " + ", ".join(f"{value} as v{n}" for n, value in enumerate(values_of(kind))))
    found: dict[tuple[str, Decoding], bytes] = {}
    for driver in ("asyncpg", "psycopg", "psycopg2"):
        connection = await connected(postgres_types, driver)
        try:
            for form in LAYOUTS:
                found[driver, form] = await written(connection, query, form)
                assert await written(connection, query, form, stream=True) == found[driver, form]
        finally:
            await connection.close()
    for form in LAYOUTS:
        assert found["psycopg", form] == found["asyncpg", form]
        assert found["psycopg2", form] == found["asyncpg", form]


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg", "psycopg2"])
async def test_what_a_write_returns_is_the_servers_text(postgres_types: Database, driver: str) -> None:
    """RETURNING is described by its answer only, and an array of somebody's type is looked up then."""
    postgres_types.execute("drop table if exists kept", "create table kept (d date, i interval, m mood[], b bytea)")
    query = inline("insert into kept values ('infinity', '1 year', '{fine,\"not so\"}', '\\x00ff') returning *")
    connection = await connected(postgres_types, driver)
    try:
        assert await written(connection, query, Decoding.JSON) == (
            b'{"d":"infinity","i":"1 year","m":["fine","not so"],"b":"AP8="}\n'
        )
        assert await written(connection, query, Decoding.TEXT) == b'infinity,1 year,"{fine,""not so""}",\\x00ff\n'
    finally:
        await connection.close()


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg", "psycopg2"])
async def test_moments_are_iso_whatever_the_role_prefers(request: pytest.FixtureRequest, driver: str) -> None:
    """A style of dates that a database was given does not reach JSON."""
    base = fresh("postgresql", request)
    ((name,),) = base.execute("select current_database()")
    base.execute(f"alter database {name} set datestyle = 'German'")
    try:
        connection = await connected(base, driver)
        query = inline("select timestamptz '2026-02-28 13:05:10+00' at time zone 'UTC' as t, date '2026-02-28' as d")
        assert await written(connection, query, Decoding.JSON) == b'{"t":"2026-02-28T13:05:10","d":"2026-02-28"}\n'
        await connection.close()
    finally:
        base.execute(f"alter database {name} reset datestyle")


DUCKDB = {
    "date 'infinity'": '"infinity"',
    "date '-infinity'": '"-infinity"',
    "date '9999-12-31'": '"9999-12-31"',
    "date '0044-03-15 (BC)'": '"0044-03-15 (BC)"',
    "timestamp 'infinity'": '"infinity"',
    "timestamp '2026-02-28 13:05:10.25'": '"2026-02-28T13:05:10.25"',
    "timestamptz '2026-02-28 13:05:10+00'": '"2026-02-28T13:05:10+00:00"',
    "timestamp_ns '2026-02-28 13:05:10.123456789'": '"2026-02-28T13:05:10.123456789"',
    "timestamp_s '2026-02-28 13:05:10'": '"2026-02-28T13:05:10"',
    "time '24:00'": '"24:00:00"',
    "interval 1 month": '"1 month"',
    "interval '30 days'": '"30 days"',
    "[date 'infinity', null]": '["infinity",null]',
    "{'date': interval 1 year, 'Name': 1}": '{"date":"1 year","Name":1}',
    "map {'a': date 'infinity'}": '{"a":"infinity"}',
    "'date'::enum('date', 'x')": '"date"',
    "null::interval": "null",
    "7": "7",
}


async def test_duckdb_writes_times_itself(request: pytest.FixtureRequest) -> None:
    """Infinity, months and nanoseconds, also inside of lists and structs, beside values that stay what they are."""
    connection = await connected(fresh("duckdb", request), "duckdb")
    try:
        await connection.administer(["SET timezone = 'UTC'"])
        query = inline("select " + ", ".join(f"{value} as v{n}" for n, value in enumerate(DUCKDB)))
        expected = ",".join(f'"v{n}":{text}' for n, text in enumerate(DUCKDB.values()))
        assert (await written(connection, query, Decoding.JSON)).decode() == f"{{{expected}}}\n"
        assert await written(connection, query, Decoding.JSON, stream=True) == f"{{{expected}}}\n".encode()
        short = inline("select date 'infinity' as d, interval 1 month as i, timestamp '2026-01-01 10:00:00' as t")
        assert await written(connection, short, Decoding.TEXT) == b"infinity,1 month,2026-01-01 10:00:00\n"
    finally:
        await connection.close()


async def test_what_is_put_around_a_duckdb_query_keeps_its_order(request: pytest.FixtureRequest) -> None:
    """An ORDER BY, a LIMIT, a comment at the end and a list of values hold inside."""
    connection = await connected(fresh("duckdb", request), "duckdb")
    text = "select i, date '2026-01-01' as d from range(200000) as t(i) where i % 3 = 1 order by i % 7, i desc limit 9999 -- so"
    bare = inline(text.replace(", date '2026-01-01' as d", ""))
    try:
        found = await written(connection, inline(text), Decoding.TEXT)
        plain = await written(connection, bare, Decoding.TEXT)
        assert found == plain.replace(b"\n", b",2026-01-01\n")
        assert plain.count(b"\n") == 9999
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("value", "kind"),
    [("'infinity'", "date"), ("'-infinity'", "timestamp"), ("'1 month'", "interval"), ("['infinity'::date]", "date[]")],
)
async def test_a_value_of_duckdb_that_may_be_another_fails_its_set(
    request: pytest.FixtureRequest, value: str, kind: str
) -> None:
    """RETURNING cannot be wrapped: one line says which column and what to write, and nothing was written."""
    base = fresh("duckdb", request)
    base.execute(f"create table kept (v {kind})")
    connection = await connected(base, "duckdb")
    try:
        with pytest.raises(DatabaseError, match=r'column "v": .* cast it to text in the query') as caught:
            await written(connection, inline(f"insert into kept values ({value}) returning v"), Decoding.JSON)
        assert caught.value.position == 0
        assert await written(connection, inline("select count(*) as n from kept"), Decoding.JSON) == b'{"n":0}\n'
    finally:
        await connection.close()


async def test_a_value_of_asyncpg_that_may_be_another_fails_its_set(postgres_types: Database) -> None:
    """What the server takes no wrapper around comes as Python's values, and one that infinity also becomes is not believed."""
    postgres_types.execute("drop table if exists kept", "create table kept (d date, i interval)")
    connection = await connected(postgres_types, "asyncpg")
    text = "with x as (insert into kept values ({}) returning *) select d, i, null::date as n from x"
    try:
        for values, column in (("'infinity', '1 day'", "d"), ("'2026-01-01', '1 mon'", "i")):
            query = replace(inline(text.format(values)), verb="INSERT")
            with pytest.raises(DatabaseError, match=rf'column "{column}": .* cast it to text in the query') as caught:
                await written(connection, query, Decoding.JSON)
            assert caught.value.position == 0
        query = replace(inline(text.format("'2026-01-01', '1 day'")), verb="INSERT")
        assert await written(connection, query, Decoding.TEXT) == b"2026-01-01,1 day,\n"
        assert postgres_types.execute("select count(*) from kept") == [(1,)]
    finally:
        await connection.close()
