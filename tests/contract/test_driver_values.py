"""Values, over every driver: what goes in comes out, and the same query gives the same bytes wherever it is asked."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import dialect_of
from bulkq.model import Batch, BatchResult, Decoding, Limits, Outcome, Phase
from bulkq.policy import retry
from bulkq.query import inline
from bulkq.sinks.csv_tsv import Delimited
from bulkq.sinks.json_rows import JsonLines
from bulkq.sources import Request, open_source
from tests.support.databases import DRIVERS, KINDS, driver_of, fresh

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulkq.model import Query, Reply
    from bulkq.protocols import Connection, Driver
    from tests.support.databases import Database

READS = Limits(timeout_s=20, read_only=True)
WRITES = Limits(timeout_s=20, read_only=False)

SCHEMA = {
    "numbers": "create table numbers (id bigint primary key, name varchar(80), small integer, empty varchar(80))",
    "money": "create table money (id integer primary key, amount decimal(18, 4), day date, moment timestamp{})",
}
SERVERS = {"postgresql", "duckdb", "mariadb"}
BOOLEANS = {"postgresql", "duckdb"}

NUMBERS = (
    "id,name,small,empty\n9223372036854775807,größer,1,\n-9223372036854775808,日本語 😀,-2147483648,x\n"
    '0,"it\'s ""quoted"", %s and \\n",0,\n7,100%,7, \n'
)
MONEY = (
    "id,amount,day,moment\n1,1.50,2026-02-28,2026-11-24 13:05:10\n2,-99999999999999.9999,1999-12-31,\n"
    "3,,,2000-01-01 00:00:00\n4,0.0000,2024-02-29,2024-02-29 23:59:59\n"
)


@pytest.fixture(params=DRIVERS)
def place(request: pytest.FixtureRequest) -> tuple[str, Database]:
    """A driver and an empty database for it."""
    return request.param, fresh(DRIVERS[request.param].kind, request)


def opened(place: tuple[str, Database], *, read_only: bool = False) -> Driver:
    """The driver of `place`."""
    name, base = place
    return driver_of(base, name, read_only=read_only)


async def connected(place: tuple[str, Database]) -> Connection:
    """A session that can write."""
    return await opened(place).connect()


async def execute(connection: Connection, query: Query, batch: Batch, *, typed: bool, form: Decoding) -> Reply:
    """One attempt."""
    statement = await connection.prepare(query, form, typed=typed, identifiers={})
    limits = WRITES if query.verb == "INSERT" else READS
    reply = await connection.attempt(statement, batch.sets, limits)
    assert not reply.errors
    return reply


def written(layout: JsonLines | Delimited, batch: Batch, query: Query, reply: Reply) -> bytes:
    """The bytes of a file."""
    result = BatchResult(batch, query, "t", reply.columns, reply.values, reply.positions, ok=len(batch.sets))
    return layout.encode(result.columns, result.values, result.rows)


async def through(place: tuple[str, Database], folder: Path, table: str, insert: str, csv: str, select: str) -> bytes:
    """A CSV file into `table` and, by the same driver, out of it as JSON Lines: as `bulkq run` does both."""
    name, base = place
    zone = "" if base.kind != "mariadb" else " null"
    base.execute(SCHEMA[table].format(zone))
    path = folder / f"{table}.csv"
    path.write_text(csv, encoding="utf-8")
    driver = opened(place)
    connection = await driver.connect()
    dialect = dialect_of(base.url(DRIVERS[name].scheme))
    try:
        query = inline(insert, dialect)
        source = await open_source(
            Request(specs=(str(path),)), query, text=driver.capabilities.text_parameters, rows=None
        )
        batch = await source.take(100, 0)
        assert batch is not None
        await execute(connection, query, batch, typed=source.typed, form=Decoding.JSON)
        await source.close()
        asked = inline(select, dialect)
        once = Batch(0, 1, [()])
        reply = await execute(connection, asked, once, typed=True, form=Decoding.JSON)
        return written(JsonLines(), once, asked, reply)
    finally:
        await connection.close()


async def test_integers_and_text_are_the_same_bytes_everywhere(place: tuple[str, Database], tmp_path: Path) -> None:
    """Big integers, every script, quotes, percent signs and NULL: one file in, one file out, on all of them."""
    found = await through(
        place,
        tmp_path,
        "numbers",
        "-- name: put(id: bigint, name: text, small: integer, empty: text)\n"
        "insert into numbers (id, name, small, empty) values (:id, :name, :small, :empty)"
        if place[1].kind != "mariadb"
        else "insert into numbers (id, name, small, empty) values (:id, :name, :small, :empty)",
        NUMBERS,
        "select id, name, small, empty, 100 % 7 as rest from numbers order by id",
    )
    assert found.decode() == (
        '{"id":-9223372036854775808,"name":"日本語 😀","small":-2147483648,"empty":"x","rest":2}\n'
        '{"id":0,"name":"it\'s \\"quoted\\", %s and \\\\n","small":0,"empty":null,"rest":2}\n'
        '{"id":7,"name":"100%","small":7,"empty":" ","rest":2}\n'
        '{"id":9223372036854775807,"name":"größer","small":1,"empty":null,"rest":2}\n'
    )


async def test_decimals_and_dates_are_the_same_bytes(place: tuple[str, Database], tmp_path: Path) -> None:
    """Numerics keep the digits of their column in a string; dates are ISO 8601."""
    if place[1].kind not in SERVERS:
        pytest.skip("SQLite has neither")
    found = await through(
        place,
        tmp_path,
        "money",
        "insert into money (id, amount, day, moment) values (:id, :amount, :day, :moment)",
        MONEY,
        "select id, amount, day, moment from money order by id",
    )
    assert found.decode() == (
        '{"id":1,"amount":"1.5000","day":"2026-02-28","moment":"2026-11-24T13:05:10"}\n'
        '{"id":2,"amount":"-99999999999999.9999","day":"1999-12-31","moment":null}\n'
        '{"id":3,"amount":null,"day":null,"moment":"2000-01-01T00:00:00"}\n'
        '{"id":4,"amount":"0.0000","day":"2024-02-29","moment":"2024-02-29T23:59:59"}\n'
    )


async def test_booleans_are_the_same_bytes(place: tuple[str, Database]) -> None:
    """true and false, in JSON; t and f, in CSV."""
    if place[1].kind not in BOOLEANS:
        pytest.skip("has integers instead")
    query = inline("select id > 1 as big, id = 3 as three, null = true as nothing from (values (1), (3)) as q(id)")
    connection = await connected(place)
    once = Batch(0, 1, [()])
    try:
        reply = await execute(connection, query, once, typed=True, form=Decoding.JSON)
        assert written(JsonLines(), once, query, reply) == (
            b'{"big":false,"three":false,"nothing":null}\n{"big":true,"three":true,"nothing":null}\n'
        )
        reply = await execute(connection, query, once, typed=True, form=Decoding.TEXT)
        assert written(Delimited(","), once, query, reply) == b"f,f,\nt,t,\n"
    finally:
        await connection.close()


TYPED = {
    "integer": ("bigint", 2**62, 2**62),
    "text": ("varchar(40)", "é😀 100% \\ ' \" ?", "é😀 100% \\ ' \" ?"),
    "float": ("double precision", 0.1, 0.1),
    "decimal": ("decimal(12, 3)", Decimal("-12.500"), Decimal("-12.500")),
    "date": ("date", dt.date(2026, 2, 28), dt.date(2026, 2, 28)),
    "moment": (
        "timestamp null",
        dt.datetime(2026, 2, 28, 23, 59, 58),  # noqa: DTZ001 - without a zone on purpose
        dt.datetime(2026, 2, 28, 23, 59, 58),  # noqa: DTZ001
    ),
    "blob": ("BLOB", b"\x00\xff'\\%", b"\x00\xff'\\%"),
    "null": ("varchar(10)", None, None),
}


@pytest.mark.parametrize("name", TYPED)
async def test_python_values_come_back(place: tuple[str, Database], name: str) -> None:
    """What the Python API binds is what it reads again; SQLite keeps dates and decimals as text."""
    kind, value, expected = TYPED[name]
    base = place[1]
    kind = kind.replace("BLOB", KINDS[base.kind].blob)
    base.execute(f"create table one (v {kind.removesuffix(' null') if base.kind == 'postgresql' else kind})")
    connection = await connected(place)
    try:
        await execute(
            connection,
            inline("insert into one (v) values (:v)"),
            Batch(0, 1, [(value,)]),
            typed=True,
            form=Decoding.PYTHON,
        )
        reply = await execute(
            connection, inline("select v from one"), Batch(0, 1, [()]), typed=True, form=Decoding.PYTHON
        )
    finally:
        await connection.close()
    ((found,),) = reply.values
    if KINDS[base.kind].dialect == "sqlite" and not isinstance(value, (int, str, float, bytes, type(None))):
        expected = float(value) if isinstance(value, Decimal) else str(value)
    assert (bytes(found) if isinstance(found, memoryview) else found) == expected


async def test_moments_with_a_zone(place: tuple[str, Database]) -> None:
    """A moment is a moment, whatever zone the session shows it in."""
    if place[1].kind not in BOOLEANS:
        pytest.skip("has no such type")
    place[1].execute("create table one (v timestamp with time zone)")
    moment = dt.datetime(2026, 11, 24, 13, 5, 10, 250000, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    connection = await connected(place)
    try:
        await execute(
            connection,
            inline("insert into one (v) values (:v)"),
            Batch(0, 1, [(moment,)]),
            typed=True,
            form=Decoding.PYTHON,
        )
        reply = await execute(
            connection, inline("select v from one"), Batch(0, 1, [()]), typed=True, form=Decoding.PYTHON
        )
        assert reply.values[0][0] == moment
    finally:
        await connection.close()


async def test_json_stays_as_the_server_writes_it(place: tuple[str, Database]) -> None:
    """No digit of a number inside JSON is lost, and it is embedded, not quoted."""
    if place[1].kind != "postgresql":
        pytest.skip("PostgreSQL's")
    query = inline("""select '{"n": 12345678901234567890.10}'::jsonb as j""")
    connection = await connected(place)
    once = Batch(0, 1, [()])
    try:
        reply = await execute(connection, query, once, typed=True, form=Decoding.JSON)
    finally:
        await connection.close()
    assert written(JsonLines(), once, query, reply) == b'{"j":{"n": 12345678901234567890.10}}\n'


async def test_many_rows_stay_in_order(place: tuple[str, Database]) -> None:
    """More rows than are fetched at a time, of several sets: all of them, in order, each with its set."""
    numbers = (
        "with recursive c(i) as (select cast(1 as integer) union all select i + 1 from c where i < cast(:n as integer)) "
        "select i from c"
    )
    connection = await connected(place)
    try:
        reply = await execute(
            connection, inline(numbers), Batch(0, 1, [("5000",), ("5001",), ("2",)]), typed=False, form=Decoding.JSON
        )
    finally:
        await connection.close()
    assert list(reply.positions) == [0] * 5000 + [1] * 5001 + [2, 2]
    assert list(reply.values[0]) == [*range(1, 5001), *range(1, 5002), 1, 2]


MISTAKES: dict[str, tuple[str, Callable[[str | None], bool]]] = {
    "no such table": ("select * from nosuch", lambda state: state is not None),
    "nonsense": ("selekt 1 as x", lambda state: state is None or state.startswith(("42", "SQLITE", "25006"))),
}


@pytest.mark.parametrize("name", MISTAKES)
async def test_mistakes_are_found_before_anything_runs(place: tuple[str, Database], name: str) -> None:
    """The database's words, in phase PREPARING or, where nobody can be asked, undone."""
    sql, right = MISTAKES[name]
    connection = await connected(place)
    try:
        with pytest.raises(Exception, match=r"(?i)nosuch|selekt|syntax") as caught:
            await execute(connection, inline(sql), Batch(0, 1, [()]), typed=True, form=Decoding.JSON)
        error = caught.value
        assert right(error.sqlstate)
        assert retry.outcome(error, transaction=True) in {Outcome.NOT_STARTED, Outcome.ROLLED_BACK}
        assert (error.phase is Phase.PREPARING) or name == "nonsense"
        reply = await execute(connection, inline("select 1 as x"), Batch(0, 1, [()]), typed=True, form=Decoding.JSON)
        assert json.loads(written(JsonLines(), Batch(0, 1, [()]), inline("select 1 as x"), reply)) == {"x": 1}
    finally:
        await connection.close()
