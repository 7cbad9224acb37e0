"""The key that is found for a table cuts it into ranges that hold each of its rows once."""

from __future__ import annotations

import pytest

from bulkq import query as queries
from bulkq.dialects import dialect_for, key_ranges
from bulkq.lifecycle.backfill.cutter import KeyCutter
from bulkq.lifecycle.backfill.describe_table import describe
from bulkq.model import Decoding, Limits
from tests.support.databases import DRIVERS, KINDS, connected, fresh

LIMITS = Limits(timeout_s=10, lock_timeout_s=1, read_only=True)
PAIRS = ", ".join(f"('{'aAbB'[n % 4]}{n % 3}', {n}, {n})" for n in range(60))

CASES = [
    (
        "asyncpg",
        '"Odd.T"',
        'create table "Odd.T" (a varchar(9) not null, "B ""b" int not null, n int, unique ("B ""b", a))',
    ),
    ("asyncpg", "t", "create table t (a char(9) not null, b numeric(5, 1) not null, n int, primary key (a, b))"),
    ("asyncpg", "t", 'create table t (a text not null collate "C", b int, n int, unique (a, n), primary key (b, a))'),
    (
        "aiosqlite",
        "t",
        "create table t (a text collate nocase, b int not null, n int, primary key (a, b)) without rowid",
    ),
    ("aiosqlite", "t", "create table t (a, rowid, n int)"),
    (
        "pymysql",
        "`o``t`",
        "create table `o``t` (a varchar(9) collate utf8mb4_general_ci, b decimal(40, 1), n int, primary key (a, b))",
    ),
    ("duckdb", '"o""t"', 'create table "o""t" (a varchar collate nocase, b decimal(9, 1), n int, primary key (a, b))'),
]


@pytest.mark.parametrize(("driver", "over", "statement"), CASES)
async def test_a_table_is_cut_by_its_key(
    request: pytest.FixtureRequest, driver: str, over: str, statement: str
) -> None:
    """Whatever its names, types and collations."""
    kind = DRIVERS[driver].kind
    base = fresh(kind, request)
    base.execute(statement, f"insert into {over} values {PAIRS}")
    dialect = dialect_for(KINDS[kind].dialect)
    found: list[int] = []
    async with connected(base, driver) as connection, connected(base, driver) as asking:
        key = (await describe(connection, dialect.name, over)).key
        cutter = KeyCutter(asking, dialect, key)
        position, end = (), await cutter.greatest()
        while (piece := await cutter.next_range(position, end, 7)) is not None:
            position = piece.upto
            text = f"select n from {key.table} where {key_ranges.condition(key, piece.form, dialect)}"
            query = queries.inline(text, dialect.name)
            prepared = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
            values = tuple(piece.values[parameter.name] for parameter in query.parameters)
            reply = await connection.attempt(prepared, [values], LIMITS)
            found += [int(str(n)) for n in reply.values[0]]
    assert sorted(found) == list(range(60))
