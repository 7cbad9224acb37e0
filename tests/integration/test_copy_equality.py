"""CSV and TSV are byte for byte what PostgreSQL's COPY writes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq.model import Batch, BatchResult, Column, Query
from bulkq.query import inline
from bulkq.sinks import open_sink
from bulkq.sources import Request, open_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOSTILE = r"""
    (values (1, 'plain'), (2, ''), (3, null), (4, ' '), (5, '\.'), (6, ','), (7, '"'), (8, 'a"b,c'), (9, E'x\ny'),
            (10, E'x\r\ny'), (11, E'x\ty'), (12, '\N'), (13, 'ünï 🐘'), (14, E'\b\f\x01'), (15, 'NULL'), (16, '%s'),
            (17, E'\r'), (18, '\'), (19, E'\u2028')) as v(i, t)
"""
TYPES = """
    select true as b, false as "B", null::bool as n, 7::int2 as i2, -9223372036854775808 as i8,
           1.50::numeric as num, 'NaN'::numeric as nan, 0.1::float8 as f, 1e15::float8 as f15,
           123456789012345::float8 as f14, 1e-5::float8 as fe, 3::float8 ^ 39 as tie, '-0'::float8
           as zero, '-Infinity'::float8 as inf, date '2026-11-22' as d, timestamp '2026-11-22
           13:05:10.1' as ts, timestamptz '2026-11-22 13:05:10+02' as tz, time '01:02:03.000001' as
           t, interval '1 day 2 hours' as iv, interval '-1 day -4 hours' as ivn,
           'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as u, '\\x00ff'::bytea as by,
           array[1,null,3] as a, array['a,b','"q"',null] as ta, '{"k": "a,b"}'::jsonb as j,
           '10.0.0.1/8'::inet as ip, int4range(1, 5) as r, row(1, 'x y', null) as rec, 'x' as
           "odd,""name"
"""

QUERIES = {
    "hostile strings": f"select i, t from {HOSTILE}",
    "hostile strings alone": f"select t from {HOSTILE}",
    "hostile strings first": f"select t, i from {HOSTILE} order by i desc",
    "types": TYPES,
    "no rows": "select 1 as a, 'x' as b where false",
    "no columns": "select from generate_series(1, 3)",
    "a column called like the end of data": r'select 1 as "\."',
    "two columns of one name": "select 1 as a, 2 as a",
    "nulls only": "select null as x from generate_series(1, 3)",
}


async def copied(connection: asyncpg.Connection, sql: str, delimiter: str) -> bytes:
    """What the server writes."""
    buffer = io.BytesIO()
    await connection.copy_from_query(sql, output=buffer, format="csv", header=True, delimiter=delimiter)
    return buffer.getvalue()


async def encoded(columns: Sequence[str], values: Sequence[Sequence[object]], count: int, name: str) -> bytes:
    """What the sink writes for the same values."""
    stdout = io.BytesIO()
    query = Query("q", "select")
    sink = open_sink(
        path=None, format=name, include=(), run="r", queries=[query], target="t", stdout=stdout, terminal=False
    )
    described = tuple(map(Column, columns))
    sink.describe(query, described)
    result = BatchResult(Batch(0, 1, [()]), query, "t", described, values, [0] * count, ok=1)
    payload, _ = sink.encode(result)
    await sink.write(payload)
    await sink.close(complete=True)
    return stdout.getvalue()


async def as_text(connection: asyncpg.Connection, sql: str) -> tuple[list[str], list[list[object]], int]:
    """Column names, and all values as the server's text, by column."""
    attributes = (await connection.prepare(sql)).get_attributes()
    names = [attribute.name for attribute in attributes]
    aliases = ", ".join(f"c{i}" for i in range(len(names)))
    casts = ", ".join(f"c{i}{'::text' if a.type.name != 'bool' else ''}" for i, a in enumerate(attributes))
    rows = await connection.fetch(f"select {casts} from ({sql}) as q{f'({aliases})' if names else ''}")
    return names, [[row[i] for row in rows] for i in range(len(names))], len(rows)


@pytest.mark.parametrize(("name", "delimiter"), [("csv", ","), ("tsv", "\t")])
@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES.keys())
async def test_text_from_the_server_equals_copy(postgres_url: str, sql: str, name: str, delimiter: str) -> None:
    """Quoting, NULL, the header and every type's text are those of COPY."""
    connection = await asyncpg.connect(postgres_url)
    try:
        names, values, count = await as_text(connection, sql)
        assert await encoded(names, values, count, name) == await copied(connection, sql, delimiter)
    finally:
        await connection.close()


async def test_python_values_equal_copy(postgres_url: str) -> None:
    """Values that a library has decoded are printed as the server would; 24 hours are one day to Python."""
    sql = """
        select i, i::float8 / 7 as f, 10::float8 ^ (i - 20) as p, 3::float8 ^ i as e, i % 2 = 0 as b,
               timestamp '2026-11-22' + i * interval '1.37 s' as ts,
               timestamptz '2026-11-22 00:00Z' + i * interval '0.1 s' as tz,
               time '00:00' + i * interval '1.001 s' as t, date '2026-11-22' + i as d,
               justify_hours((i - 20) * interval '7 hours 0.5 s') as iv, (i * 1.10)::numeric as n,
               decode(lpad(to_hex(i), 2, '0'), 'hex') as y,
               nullif(i % 3, 0) as m, nullif(i::text, '7') as s, md5(i::text)::uuid as u
        from generate_series(1, 40) as i
    """
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("set timezone = 'UTC'")
        rows = await connection.fetch(sql)
        names, values = list(rows[0].keys()), [list(column) for column in zip(*rows, strict=True)]
        assert (await encoded(names, values, len(rows), "csv")).decode() == (
            await copied(connection, sql, ",")
        ).decode()
    finally:
        await connection.close()


@pytest.mark.parametrize("delimiter", [",", "\t"])
async def test_an_empty_line_is_what_it_is_in_copy(postgres_url: str, tmp_path: Path, delimiter: str) -> None:
    """A file of one column, empty lines and all, gives the sets that COPY gives rows."""
    content = b"t\n\n1\n\n\n 2\n\n"
    path = tmp_path / ("rows.csv" if delimiter == "," else "rows.tsv")
    path.write_bytes(content)
    source = await open_source(Request(specs=(str(path),)), inline("select :t"), text=True)
    batch = await source.take(100, 0)
    await source.close()
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.execute("create temporary table rows (t text)")
        await connection.copy_to_table("rows", source=path, format="csv", header=True, delimiter=delimiter)
        copied_rows = await connection.fetch("select t from rows")
    finally:
        await connection.close()
    assert batch is not None
    assert batch.sets == [tuple(row) for row in copied_rows] == [(None,), ("1",), (None,), (None,), (" 2",), (None,)]
