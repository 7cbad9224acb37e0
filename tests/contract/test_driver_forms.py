"""Every type from every form of statement, over every driver of PostgreSQL: the bytes of COPY, and one JSON for all."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio

from bulkq.drivers import open_driver
from bulkq.model import Batch, BatchResult, Decoding, Limits, StatementClass
from bulkq.query import inline
from bulkq.sinks.csv_tsv import Delimited
from bulkq.sinks.json_rows import JsonLines
from tests.support.databases import connect, fresh
from tests.support.postgres_types import LITERALS, OPTIONAL, OWN, WITHOUT_INPUT, quoted, values_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from bulkq.model import Query
    from bulkq.protocols import Connection
    from tests.support.databases import Database

DRIVERS = ("asyncpg", "psycopg", "psycopg2")
LAYOUTS = {Decoding.JSON: JsonLines(), Decoding.TEXT: Delimited(",")}
FORMS = {
    "select": "select {}",
    "values": "values ({})",
    "returning": "insert into sink values (1) returning {}",
    "cte": "with x as (insert into sink values (1) returning n) select {} from x",
}
"""Forms of statements that give any expressions; the server takes no wrapper around the last."""


async def written(connection: Connection, query: Query, form: Decoding, *, stream: bool = False) -> bytes:
    """The bytes of a file without its header."""
    statement = await connection.prepare(query, form, typed=False, identifiers={})
    limits = Limits(timeout_s=20, read_only=query.statement is StatementClass.READ)
    if stream and limits.read_only:
        replies = [reply async for reply in connection.stream(statement, (), limits)]
    else:
        replies = [await connection.attempt(statement, [()], limits)]
    found = b""
    for reply in replies:
        assert not reply.errors
        result = BatchResult(Batch(0, 1, [()]), query, "t", reply.columns, reply.values, reply.positions, ok=1)
        found += LAYOUTS[form].encode(result.columns, result.values, result.rows)
    return found


async def copied(url: str, sql: str) -> bytes:
    """What COPY writes for `sql`."""
    connection = await asyncpg.connect(url)
    try:
        buffer = io.BytesIO()
        await connection.copy_from_query(sql, output=buffer, format="csv")
        return buffer.getvalue()
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def types(request: pytest.FixtureRequest) -> tuple[Database, Mapping[str, bool]]:
    """A database with the types that users make, and which of the optional ones it has."""
    base = fresh("postgresql", request)
    ((name,),) = base.execute("select current_database()")
    base.execute(*OWN, "create table sink (n int)", f"alter database {name} set synchronous_commit = off")
    return base, {name: _takes(base, sql) for name, sql in OPTIONAL.items()}


def _takes(base: Database, sql: str) -> bool:
    try:
        base.execute(sql)
    except asyncpg.PostgresError:
        return False
    return True


@pytest_asyncio.fixture(scope="module")
async def connections(types: tuple[Database, Mapping[str, bool]]) -> AsyncIterator[Mapping[str, Connection]]:
    """A session of every driver."""
    found = {driver: await connect(types[0], driver) for driver in DRIVERS}
    yield found
    for connection in found.values():
        await connection.close()


@pytest.mark.parametrize("kind", [*LITERALS, *WITHOUT_INPUT])
async def test_every_form_of_statement_gives_the_text_of_copy(
    types: tuple[Database, Mapping[str, bool]], connections: Mapping[str, Connection], kind: str
) -> None:
    """CSV is byte for byte COPY's; JSON is that of a plain SELECT, and the same from every driver."""
    base, optional = types
    if not optional.get(kind, True):
        pytest.skip(f"this server is without {kind}")
    values = ", ".join(f"{value} as v{n}" for n, value in enumerate(values_of(kind)))
    expected = {Decoding.TEXT: await copied(base.url("postgresql"), f"select {values}")}
    for driver, connection in connections.items():
        for name, form in FORMS.items():
            query = inline(form.format(", ".join(values_of(kind)) if name == "values" else values))
            for decoding in LAYOUTS:
                found = await written(connection, query, decoding, stream=name == "select")
                if name == "values" and decoding is Decoding.JSON:
                    found = _named(found)
                assert found == expected.setdefault(decoding, found), (driver, name, decoding)


def _named(line: bytes) -> bytes:
    """VALUES calls its columns column1, ...; a SELECT of the test v0, ..."""
    for n in range(20):
        line = line.replace(b'"column%d":' % (n + 1), b'"v%d":' % n)
    return line


CALLED = {
    "int4range": "[1,5)",
    "float4": "1.1",
    "float4[]": "{1.1,NULL}",
    "interval": "-1 mon 2 days",
    "timestamptz": "0044-03-15 10:00+00 BC",
    "pair": "(1,infinity)",
    "mood[]": '{fine,"not so"}',
    "jsonb": '{"n": 1.50}',
    "numeric": "1.50",
    "bytea": r"\x00ff",
    "inet": "10.0.0.1",
}


@pytest.mark.parametrize("kind", CALLED)
async def test_a_procedure_gives_the_text_of_copy(
    types: tuple[Database, Mapping[str, bool]], connections: Mapping[str, Connection], kind: str
) -> None:
    """CALL with an INOUT argument, which no wrapper goes around."""
    base, _ = types
    base.execute(f"create or replace procedure give(inout v0 {kind}) language plpgsql as 'begin end'")
    value = f"{quoted(CALLED[kind])}::{kind}"
    expected = {Decoding.TEXT: await copied(base.url("postgresql"), f"select {value} as v0")}
    try:
        for connection in connections.values():
            plain = inline(f"select {value} as v0")
            expected.setdefault(Decoding.JSON, await written(connection, plain, Decoding.JSON))
            for decoding in LAYOUTS:
                assert await written(connection, inline(f"call give({value})"), decoding) == expected[decoding]
    finally:
        base.execute("drop procedure give")


SETTINGS = {
    "datestyle": ("German", "SQL, DMY", "Postgres, MDY"),
    "intervalstyle": ("iso_8601", "sql_standard", "postgres_verbose"),
    "bytea_output": ("escape",),
    "extra_float_digits": ("0", "3"),
    "timezone": ("Asia/Kathmandu",),
    "xmloption": ("document",),
}
SHAPED = (
    "date '2026-11-22'",
    "timestamp '2026-11-22 13:05:10.25'",
    "timestamptz '2026-11-22 13:05:10+00'",
    "array[timestamptz '2026-11-22 13:05:10+00', 'infinity']",
    "array[date '2026-11-22']",
    "daterange('2026-11-22', '2026-11-24')",
    "row(date '2026-11-22', interval '1 mon -2 days')",
    "interval '1 year 2 mons -3 days 04:05:06.7'",
    r"'\x00ff41'::bytea",
    r"array['\x00ff41'::bytea]",
    "1.1::float4",
    "array[0.1::float4]",
    "time '13:05:10'",
    "timetz '13:05:10+05:30'",
)
"""Expressions whose text settings of the session shape."""


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, many in SETTINGS.items() for value in many])
async def test_what_shapes_the_text_of_copy_shapes_ours(
    types: tuple[Database, Mapping[str, bool]], name: str, value: str
) -> None:
    """A setting of the database: CSV follows it as COPY does, JSON is one for all forms and drivers."""
    base, _ = types
    ((database,),) = base.execute("select current_database()")
    base.execute(f"alter database {database} set {name} = {quoted(value)}")
    values = ", ".join(f"{expression} as v{n}" for n, expression in enumerate(SHAPED))
    try:
        expected = {Decoding.TEXT: await copied(base.url("postgresql"), f"select {values}")}
        for driver in DRIVERS:
            connection = await connect(base, driver)
            for form in ("select", "returning", "cte"):
                for decoding in LAYOUTS:
                    found = await written(connection, inline(FORMS[form].format(values)), decoding)
                    assert found == expected.setdefault(decoding, found), (driver, form, decoding)
            await connection.close()
    finally:
        base.execute(f"alter database {database} reset {name}")


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("decoding", LAYOUTS)
async def test_a_list_parameter_beside_a_column_of_its_type(
    connections: Mapping[str, Connection], decoding: Decoding, typed: bool
) -> None:
    """The parameter of a list placeholder is an array of text, and so is the column that the server prints."""
    texts = ['a "b"', "c\\d,{}", "NULL", ""]
    query = inline("select array[:one::text, null] as v where :one::text in (:all*)")
    expected = {
        Decoding.TEXT: '"{""a \\""b\\"""",NULL}"\n"{""c\\\\d,{}"",NULL}"\n"{""NULL"",NULL}"\n"{"""",NULL}"\n',
        Decoding.JSON: '{"v":["a \\"b\\"",null]}\n{"v":["c\\\\d,{}",null]}\n{"v":["NULL",null]}\n{"v":["",null]}\n',
    }
    for connection in connections.values():
        statement = await connection.prepare(query, decoding, typed=typed, identifiers={})
        reply = await connection.attempt(
            statement, [(text, texts) for text in texts], Limits(timeout_s=20, read_only=True)
        )
        assert (
            LAYOUTS[decoding].encode(reply.columns, reply.values, len(reply.positions)).decode() == expected[decoding]
        )


async def test_python_values_stay_python_values(connections: Mapping[str, Connection]) -> None:
    """What one statement on a session gives as text, the next gives as Python's values."""
    sql = "select date '2026-11-22' as d, 1.50 as n, array[1, 2] as a, int4range(1, 5) as r, '{x}'::text[] as t"
    connection = connections["asyncpg"]
    for decoding in (Decoding.TEXT, Decoding.PYTHON, Decoding.JSON, Decoding.PYTHON):
        statement = await connection.prepare(
            inline(f"{sql}, '{decoding}' as form"), decoding, typed=True, identifiers={}
        )
        reply = await connection.attempt(statement, [()], Limits(timeout_s=20, read_only=True))
        if decoding is Decoding.PYTHON:
            day, number, items, span, texts, _ = (cells[0] for cells in reply.values)
            assert (day, number, items, texts) == (dt.date(2026, 11, 22), Decimal("1.50"), [1, 2], ["x"])
            assert span == asyncpg.Range(1, 5)


@pytest.mark.parametrize("driver", DRIVERS)
async def test_outside_a_transaction_the_style_is_the_same(request: pytest.FixtureRequest, driver: str) -> None:
    """CALL outside a transaction: dates of JSON in ISO 8601, of CSV as COPY writes them, and the session keeps its style."""
    base = fresh("postgresql", request)
    base.execute("create procedure give(inout d date) language plpgsql as 'begin end'")
    ((name,),) = base.execute("select current_database()")
    base.execute(f"alter database {name} set datestyle = 'German'")
    connection = await connect(base, driver)
    try:
        query = replace(inline("call give(date '2026-11-22')"), transaction=False)
        for _ in range(2):
            for decoding, expected in ((Decoding.JSON, b'{"d":"2026-11-22"}\n'), (Decoding.TEXT, b"22.11.2026\n")):
                assert await written(connection, query, decoding) == expected
                assert await written(connection, inline("select date '2026-11-22' as d"), decoding) == expected
    finally:
        await connection.close()
        base.execute(f"alter database {name} reset datestyle")


@pytest.mark.parametrize("decoding", LAYOUTS)
@pytest.mark.parametrize("pooled", [False, True])
async def test_the_sessions_of_a_driver_print_alike(
    request: pytest.FixtureRequest, pooled: bool, decoding: Decoding
) -> None:
    """A second session prepares what the first has found out; through a pooler the statement travels with each execution."""
    base = fresh("postgresql", request)
    base.execute("create table sink (n int)")
    url = base.url("postgresql")
    if pooled:
        url = request.getfixturevalue("pgbouncer").through(url)
    driver = open_driver(url, application_name="bulkq test", read_only=False)
    query = inline(FORMS["cte"].format("1.1::float4 as f, int4range(1, 5) as r, array[date '2026-11-22'] as d"))
    expected = {
        Decoding.TEXT: b'1.1,"[1,5)",{2026-11-22}\n',
        Decoding.JSON: b'{"f":1.1,"r":"[1,5)","d":["2026-11-22"]}\n',
    }
    for _ in range(2):
        connection = await driver.connect()
        assert connection.server.pooled is pooled
        for _ in range(2):
            assert await written(connection, query, decoding) == expected[decoding]
        await connection.close()
