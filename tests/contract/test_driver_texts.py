"""Values that Python has no type for, over every driver of a database: the database's own text comes out, never another value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Batch, BatchResult, Decoding, Limits
from bulkq.query import inline
from bulkq.sinks.csv_tsv import Delimited
from bulkq.sinks.json_rows import JsonLines
from tests.support.databases import connect, fresh

if TYPE_CHECKING:
    from bulkq.model import Query
    from bulkq.protocols import Connection

ONCE = Batch(0, 1, [()])
LAYOUTS = {Decoding.JSON: JsonLines(), Decoding.TEXT: Delimited(",")}


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
    connection = await connect(fresh("duckdb", request), "duckdb")
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
    connection = await connect(fresh("duckdb", request), "duckdb")
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
    connection = await connect(base, "duckdb")
    try:
        with pytest.raises(DatabaseError, match=r'column "v": .* cast it to text in the query') as caught:
            await written(connection, inline(f"insert into kept values ({value}) returning v"), Decoding.JSON)
        assert caught.value.position == 0
        assert await written(connection, inline("select count(*) as n from kept"), Decoding.JSON) == b'{"n":0}\n'
    finally:
        await connection.close()
