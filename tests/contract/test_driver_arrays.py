"""Arrays of PostgreSQL: what bulkq writes of them as JSON, JSON Lines and CSV it reads back, over every driver."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Batch, BatchResult, Decoding, Limits, Phase
from bulkq.query import inline
from bulkq.sinks.csv_tsv import Delimited
from bulkq.sinks.json_rows import JsonLines
from bulkq.sources import Request, open_source
from tests.support.databases import Database, connected, fresh

if TYPE_CHECKING:
    from pathlib import Path


DRIVERS = ("asyncpg", "psycopg", "psycopg2")
READS = Limits(timeout_s=20, read_only=True)
WRITES = Limits(timeout_s=20, read_only=False)

COLUMNS = {
    "text[]": r"""array['a','b c','q"uo','it''s','x,y',null,'','NULL',' l ','b\s','{}','é',E'new\nline','null','[1]']""",
    "int[]": "'{1,null,-2}'",
    "int4[]": "'{{1,2},{3,4}}'",
    "bigint[]": "'{9223372036854775807}'",
    "float8[]": "'{1.5,NaN,Infinity,1e300,0.1}'",
    "float4[]": "'{1.1,NaN}'",
    "numeric[]": "'{1.10,NaN,12345678901234567890.123}'",
    "date[]": "'{2026-01-31,infinity,0044-03-15 BC}'",
    "timestamptz[]": "'{2026-01-31 23:59:59.123456+02,infinity}'",
    "timestamp[]": "'{2026-01-31 23:59:59,-infinity}'",
    "time[]": "'{12:00:00.5,24:00:00}'",
    "interval[]": "array['1 year 2 mons 3 days 04:05:06.7'::interval]",
    "bytea[]": r"array['\x00ff'::bytea, '']",
    "bool[]": "'{t,f,null}'",
    "uuid[]": "'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'",
    "jsonb[]": """array['{"a":[1,2.50]}'::jsonb,'"s"','null','[1]',null]""",
    "json[]": """array['{"a": 1.50}'::json,'"s"','1']""",
    "inet[]": "'{10.0.0.1/8,::1}'",
    "box[]": "'{(1,1),(0,0);(2,2),(0,0)}'",
    "int4range[]": "array['[1,5)'::int4range]",
    "bit(3)[]": "'{101,011}'",
    "mood[]": "'{x y,b}'",
    "pair[]": """array[(1,'a "b",c')::pair,(null,null)::pair]""",
    "words": "'{a,b c}'",
    "code[]": "'{DE,FR}'",
    "varchar(5)[]": "'{}'",
    "char(3)[]": "'{{a,NULL},{b,c}}'",
    "jsonb": """'[1, "a"]'""",
}
"""Types of columns, and a value of each as SQL."""

MADE = (
    "create type mood as enum ('x y', 'b')",
    "create type pair as (a int, b text)",
    "create domain words as text[]",
    "create domain code as varchar(2)",
    f"create table a (id int, {', '.join(f'c{i} {kind}' for i, kind in enumerate(COLUMNS))})",
    f"insert into a values (1, {', '.join(COLUMNS.values())})",
    "insert into a values (2)",
    "create table b (like a)",
)
NAMES = [f"c{i}" for i in range(len(COLUMNS))]


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """A driver of PostgreSQL."""
    return str(request.param)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Database:
    """A table with arrays of every kind, and an empty one like it."""
    made = fresh("postgresql", request)
    made.execute(*MADE)
    return made


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
async def test_what_bulkq_writes_it_reads_back(database: Database, driver: str, suffix: str, tmp_path: Path) -> None:
    """Every array comes back from the file that bulkq made of it, and the check of values finds nothing bad."""
    file = tmp_path / f"out.{suffix}"
    layout, form = (JsonLines(), Decoding.JSON) if suffix == "jsonl" else (Delimited(","), Decoding.TEXT)
    async with connected(database, driver) as connection:
        query = inline(f"select id, {', '.join(NAMES)} from a order by id", "postgres")
        batch = Batch(0, 1, [()])
        statement = await connection.prepare(query, form, typed=False, identifiers={})
        reply = await connection.attempt(statement, batch.sets, READS)
        rows = BatchResult(batch, query, "t", reply.columns, reply.values, reply.positions, ok=1)
        file.write_bytes(layout.head(reply.columns) + layout.encode(rows.columns, rows.values, rows.rows))
        write = inline(f"insert into b values (:id, {', '.join(f':{name}' for name in NAMES)})", "postgres")
        source = await open_source(Request(specs=(str(file),)), write, text=True)
        sets = await source.take(10, 0)
        await source.close()
        assert sets is not None
        statement = await connection.prepare(write, Decoding.PYTHON, typed=False, identifiers={})
        assert await connection.check(statement, sets.sets) == []
        await connection.attempt(statement, sets.sets, WRITES)
    different = "select count(*) from a join b using (id) where a::text <> b::text"
    assert database.execute("select count(*) from b", different) == [(0,)]
    assert database.execute("select count(*) from b") == [(2,)]


async def test_arrays_of_different_lengths_are_refused(database: Database, driver: str) -> None:
    """By the check, by position and with the reason, and by the attempt before anything is sent."""
    async with connected(database, driver) as connection:
        query = inline("insert into b (id, c1) values (:id, :c1)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        sets = [("1", "[[1,2],[3,4]]"), ("2", "[[1,2],[3]]"), ("3", None)]
        (bad,) = await connection.check(statement, sets)
        assert (bad.position, bad.parameter) == (1, 1)
        assert "different lengths" in bad.message
        with pytest.raises(DatabaseError, match="different lengths") as failed:
            await connection.attempt(statement, sets, WRITES)
        assert (failed.value.position, failed.value.phase) == (1, Phase.ENCODING)
        await connection.attempt(statement, [sets[0], sets[2]], WRITES)
    assert database.execute("select c1 from b order by id") == [([[1, 2], [3, 4]],), (None,)]


async def test_an_element_that_its_type_does_not_take_is_named(database: Database, driver: str) -> None:
    """A JSON array is checked as the array that it becomes; an object is not an array."""
    async with connected(database, driver) as connection:
        query = inline("insert into b (c1) values (:c1)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        bad = await connection.check(statement, [('[1,"x"]',), ("[2]",), ('{"a":1}',), ("{3}",), ('["\\u0000"]',)])
    assert [(one.position, one.sqlstate) for one in bad] == [(0, "22P02"), (2, "22P02"), (4, "22021")]


async def test_a_json_array_of_any_parameter(database: Database, driver: str) -> None:
    """Not of a column alone: what is declared or cast as an array takes JSON, what is declared jsonb keeps it."""
    texts = {
        "select array_length(:v::int[], 1) as v": "[1,2]",
        "-- name: q(v: text[])\nselect :v[2] as v": '["a","b"]',
        "-- name: q(v: jsonb)\nselect :v ->> 1 as v": '["a","b"]',
        "select id::text as v from a where c0 @> :v": '["b c"]',
    }
    found = []
    async with connected(database, driver) as connection:
        for text, value in texts.items():
            query = inline(text.replace(":v[2]", "(:v)[2]"), "postgres")
            statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
            reply = await connection.attempt(statement, [(value,)], READS)
            found += [str(value) for value in reply.values[0]]
    assert found == ["2", "b", "b", "1"]


async def test_python_lists(database: Database, driver: str) -> None:
    """Lists and tuples of the Python API become arrays, and JSON for a column of jsonb; a cast takes a negative number."""
    async with connected(database, driver) as connection:
        places = {kind: f"c{i}" for i, kind in enumerate(COLUMNS)}
        chosen = [places[kind] for kind in ("text[]", "int[]", "int4[]", "jsonb", "words")]
        query = inline(f"insert into b ({', '.join(chosen)}) values (:a, :b, :c, :d, :e)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
        sets = [
            (["a", "b c", None, "NULL"], (1, None), [[1, 2], [3, 4]], [1, {"x": None}], ["a"]),
            ([], [], None, [], None),
        ]
        await connection.attempt(statement, sets, WRITES)
        query = inline("select :n::smallint::text, (select 1 where 2 = :n)", "postgres")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
        reply = await connection.attempt(statement, [(-32768,)], READS)
        assert [list(column) for column in reply.values] == [["-32768"], [None]]  # as a value, not as `-(32768::...)`
        # What stands behind a parameter concerns its value, not the cast that its declaration adds.
        query = inline("select :l[2], :n / 2, (select 1 limit :k)", "postgres")
        kinds = {"l": "int[]", "n": "numeric", "k": "int"}
        declared = replace(query, parameters=tuple(replace(p, type=kinds[p.name]) for p in query.parameters))
        statement = await connection.prepare(declared, Decoding.PYTHON, typed=True, identifiers={})
        reply = await connection.attempt(statement, [([5, 6], 7, 1)], READS)
        assert [column[0] for column in reply.values] == [6, Decimal("3.5"), 1]
        statement = await connection.prepare(declared, Decoding.TEXT, typed=False, identifiers={})
        reply = await connection.attempt(statement, [("{5,6}", "7", "1")], READS)
        assert str(reply.values[0][0]) == "6"
        query = inline(
            "insert into b (c1) values (null) on conflict do nothing returning (select 1 order by :n)", "postgres"
        )
        if driver == "psycopg2":  # writes the number into the text, where it would be the number of a column
            with pytest.raises(DatabaseError, match="non-integer constant in ORDER BY"):
                await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
        else:
            assert await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    rows = database.execute(
        f"select {', '.join(f'{name}::text' for name in chosen)} from b order by cardinality({chosen[0]}) desc"
    )
    assert rows == [
        ('{a,"b c",NULL,"NULL"}', "{1,NULL}", "{{1,2},{3,4}}", '[1, {"x": null}]', "{a}"),
        ("{}", "{}", None, "[]", None),
    ]
