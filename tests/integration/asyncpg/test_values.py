"""Values of every type: text, JSON and Python, in and out."""

from __future__ import annotations

import csv
import io
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq.errors import DatabaseError
from bulkq.model import (
    Decoding,
    Parameter,
    Phase,
)
from tests.support.asyncpg_sessions import READS, WRITES, answers, declared, prepared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.protocols import Connection


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
    in_list = await prepared(connection, "select count(*) from (select 1.1 as d) q where d in (:d*)", typed=True)
    assert (await connection.attempt(in_list, [([1.1, 2],)], READS)).values == [(1,)]
    domains = await prepared(connection, "select :d::information_schema.cardinal_number[]::text", typed=True)
    with pytest.raises(DatabaseError, match="it has a fraction"):
        await connection.attempt(domains, [([1, 2.5],)], READS)
    statement = await prepared(connection, sql, typed=True)
    with pytest.raises(DatabaseError):
        await connection.attempt(statement, [("1", {}, 1, [])], READS)
    reply = await connection.attempt(statement, [(1, {"a": "é"}, 1.1, ["x", None])], READS)
    assert [column[0] for column in reply.values] == [1, "é", "1.1", ["x", None]]


async def test_no_fraction_is_cut_inside_of_own_types(connection: Connection) -> None:
    """Composite types, their arrays and domains, and ranges of a type of the user."""
    for text in (
        "create type whole_range as range (subtype = int4)",
        "create type place as (n int4, x float8, many int8[])",
        "create domain spot as place",
        "create type trip as (name text, stops place[])",
    ):
        await connection.administer([text])
    exact, cut = (1, 2.5, [3]), (1.5, 2.5, [3])
    sql = "select to_json(:a::place), to_json(:b::spot), to_json(:c::trip), to_json(:d::place[]), :e::whole_range::text"
    statement = await prepared(connection, sql, typed=True)
    good = (exact, exact, ("a", [exact, None]), [exact], asyncpg.Range(1, 5))
    reply = await connection.attempt(statement, [good, (None,) * 5], READS)
    assert reply.values[4][0] == "[1,5)"
    bad = (cut, (1, 2, [3, 4.5]), ("a", [exact, cut]), (exact, cut), asyncpg.Range(1, 5.5))
    for at, value in enumerate(bad):
        with pytest.raises(DatabaseError, match="it has a fraction") as caught:
            await connection.attempt(statement, [good, (*good[:at], value, *good[at + 1 :])], READS)
        assert caught.value.position == 1


async def test_a_typed_value_of_the_wrong_type_names_its_set(connection: Connection) -> None:
    """An encoding error tells parameter, type and set; nothing ran; the session goes on."""
    statement = await prepared(connection, "select name from items where id = :id", typed=True)
    wrong = [([(1,), ("2",), (3,)], 1), ([("1",)], 0), ([(1,), (2,), (2**40,)], 2), ([(1,), (2.0,), (2.9,)], 2)]
    for sets, culprit in wrong:
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


def _as_csv(value: object) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
