"""DuckDB rounds a text that meets an integer: '2.5' is row 3. bulkq refuses such a value in both forms, for reads and writes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest
import pytest_asyncio

from bulkq.drivers import open_driver
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits
from bulkq.query import inline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bulkq.protocols import Connection
    from tests.support.command import Cli

READS = Limits(read_only=True)
WRITES = Limits(read_only=False)
ALTERED = ["2.5", "2.4", "1e0", "0x2", "2.0", "1_0", ".9"]
SAME = {"2": 2, " 2 ": 2, "+2": 2, "002": 2, None: None}

QUERIES = [
    "select id from t where id = :v",
    "select id from t where id = :v::int",
    "-- @param v bigint\nselect id from t where id = :v",
    "select name, :v || name as x, id from t where big = :v",
]
CHANGES = [
    "delete from t where id = :v",
    "delete from t where id = :v::int",
    "-- @param v bigint\ndelete from t where id = :v",
    "update t set name = 'x' where id = :v",
    "update t set big = :v where name = 'a'",
    "insert into t (id) values (:v) on conflict do nothing",
    "insert into t (id, name) select :v as id, 'x' on conflict do nothing",
    "with q as (select :v as k) delete from t using q where q.k = t.id",
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with the rows 1, 2 and 3."""
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table t (id int primary key, big bigint, name varchar, price decimal(9, 2), tags int[])"
        )
        connection.execute("insert into t values (1, 1, 'a', 1, [1]), (2, 2, 'b', 2, [2]), (3, 3, 'c', 3, [3])")
    return path


@pytest_asyncio.fixture(loop_scope="session")
async def connection(file: Path) -> AsyncIterator[Connection]:
    """A session that may write."""
    session = await open_driver(f"duckdb:///{file}", application_name="", read_only=False).connect()
    yield session
    await session.close()


@pytest.mark.parametrize("sql", QUERIES)
async def test_reads_in_both_forms(connection: Connection, sql: str) -> None:
    """A refused value fails its set, and a batch in one statement as a whole; the session goes on."""
    statement = await connection.prepare(inline(sql, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
    for value in ALTERED:
        for together in (False, True):
            with pytest.raises(DatabaseError) as found:
                await connection.attempt(statement, [("1",), (value,)], replace(READS, together=together))
            assert (found.value.together, found.value.position) == (together, None if together else 1), value
        assert "not written as an integer" in str(found.value) or found.value.together
    for together in (False, True):
        reply = await connection.attempt(statement, [(v,) for v in SAME], replace(READS, together=together))
        assert [int(str(number)) for number in reply.values[-1]] == [n for n in SAME.values() if n is not None]
        assert reply.together is together


@pytest.mark.parametrize("sql", CHANGES)
async def test_writes(connection: Connection, sql: str) -> None:
    """Nothing is changed, and the message names the parameter."""
    statement = await connection.prepare(inline(sql, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
    for value in ALTERED:
        with pytest.raises(DatabaseError, match=":v: is not written as an integer") as found:
            await connection.attempt(statement, [("1",), (value,)], WRITES)
        assert found.value.position == 1
        assert await connection.check(statement, [("1",), (value,)])
    assert not await connection.check(statement, [(v,) for v in SAME])
    asked = await connection.prepare(inline("select count(*) as n, sum(id) as s, sum(big) as b from t", "duckdb"), Decoding.TEXT, typed=False, identifiers={})  # fmt: skip
    assert [str(column[0]) for column in (await connection.attempt(asked, [()], READS)).values] == ["3", "6", "6"]
    await connection.attempt(statement, [(" +2 ",)], WRITES)


async def test_what_is_no_integer_keeps_its_text(connection: Connection) -> None:
    """Texts, decimals and lists of texts are DuckDB's; a list of integers is refused with one bad item."""
    sql = "update t set name = :v, price = :v where id = 2"
    statement = await connection.prepare(inline(sql, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
    assert (await connection.attempt(statement, [("2.5",)], WRITES)).changed == 1
    for sql in ("select id from t where tags = :v::int[]", "select id from t where id in (:v*)"):
        statement = await connection.prepare(inline(sql, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
        assert len((await connection.attempt(statement, [("[2]",)], READS)).positions) == 1
        with pytest.raises(DatabaseError, match="not written as an integer"):
            await connection.attempt(statement, [("[1, 1.5]",)], READS)


@pytest.mark.parametrize(
    "sql", ["select id from t order by id limit :v", "select n from t, range(:v) as r(n) where id = 1"]
)
async def test_a_value_that_duckdb_needs_for_its_plan(connection: Connection, sql: str) -> None:
    """DuckDB converts it before it has a plan."""
    statement = await connection.prepare(inline(sql, "duckdb"), Decoding.TEXT, typed=False, identifiers={})
    assert len((await connection.attempt(statement, [("2",)], READS)).positions) == 2
    with pytest.raises(DatabaseError, match="not written as an integer"):
        await connection.attempt(statement, [("1.5",)], READS)


@pytest.mark.parametrize("value", ["2.5", 2.5])
async def test_values_of_python(connection: Connection, value: object) -> None:
    """A number that is not an integer is equal to no row; a declared type would round it."""
    for sql, fails in (
        ("select id from t where id = :v", isinstance(value, str)),
        ("-- @param v int\nselect id from t where id = :v", True),
    ):
        statement = await connection.prepare(inline(sql, "duckdb"), Decoding.PYTHON, typed=True, identifiers={})
        try:
            assert not fails | bool((await connection.attempt(statement, [(value,)], READS)).positions)
        except DatabaseError as error:
            assert fails, error


def test_a_file_with_a_bad_value(file: Path, cli: Cli, tmp_path: Path) -> None:
    """It is reported with its line before anything is executed, as a number of JSON is."""
    (tmp_path / "ids.csv").write_text("id\n1\n2.5\n")
    (tmp_path / "ids.jsonl").write_text('{"id": 9007199254740993}\n{"id": 2.5}\n')
    for name in ("ids.csv:3", "ids.jsonl:2"):
        source = name.partition(":")[0]
        done = cli("run", "-e", "delete from t where big = :id", "-t", f"duckdb:///{file}", "-p", source, "--write")
        assert (done.code, f'{name}: column "id": "2.5" is not a' in done.err) == (2, True), done.err
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("select count(*) from t").fetchall() == [(3,)]
