"""MySQL, DuckDB and PostgreSQL through SQLAlchemy: kills, schemas, tables, streams, errors."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

import bulkq
from bulkq.drivers import open_driver
from bulkq.drivers.dbapi import sqlalchemy_urls
from bulkq.drivers.dbapi.adapters.base import Adapter
from bulkq.drivers.dbapi.adapters.duckdb import DuckDB
from bulkq.drivers.dbapi.adapters.mysql import MySQL
from bulkq.engine.stop_control import Control
from bulkq.errors import AlreadyApplied, DatabaseError
from bulkq.lifecycle import target_markers
from bulkq.model import Claim, Decoding, Limits, StatementClass
from bulkq.model.run import set_fields
from bulkq.query import inline
from bulkq.tasks.run import run as new_run
from tests.support.databases import DRIVERS, SCHEMES, fresh
from tests.support.servers import passwords
from tests.support.sqlalchemy_sessions import READS, WRITES, asked, connected, run

# --- sessions that end ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pymysql", "aiomysql"])
async def test_a_killed_session_is_lost_and_another_goes_on(request: pytest.FixtureRequest, driver: str) -> None:
    """Inside a transaction nothing of it lasts; the next session works."""
    base = fresh(DRIVERS[driver].kind, request)
    base.execute("create table t (a integer)")
    connection = await connected(base, driver)
    pid = connection.server.pid
    kill = f"kill {pid}" if base.kind == "mariadb" else f"select pg_terminate_backend({pid})"

    def before_commit(_changed: int) -> None:
        base.execute(kill)

    statement = await connection.prepare(
        inline("insert into t values (1)"), Decoding.PYTHON, typed=True, identifiers={}
    )
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [()], WRITES, before_commit=before_commit)
    assert caught.value.connection_lost
    await connection.close()
    again = await connected(base, driver)
    assert [list(c) for c in (await run(again, "select count(*) as n from t")).values] == [[0]]
    await again.close()


@pytest.mark.parametrize("driver", ["pymysql", "aiomysql"])
async def test_a_statement_is_killed_from_another_session(request: pytest.FixtureRequest, driver: str) -> None:
    """Where the server has no limit of its own (MySQL, outside of SELECT), another session ends the statement."""
    connection = await connected(fresh("mariadb", request), driver)
    adapter = connection._session.adapter  # type: ignore[attr-defined]
    adapter.limits_time = adapter._mariadb = False
    with pytest.raises(DatabaseError, match="timed out after 0.3s") as caught:
        await run(connection, "select sleep(30) as x", limits=Limits(timeout_s=0.3))
    assert (caught.value.sqlstate, caught.value.connection_lost) == ("57014", False)
    assert [list(c) for c in (await run(connection, "select 5 as x")).values] == [[5]]
    await connection.close()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
async def test_a_query_may_belong_to_a_schema(request: pytest.FixtureRequest, driver: str) -> None:
    """Its names are looked up there and nowhere else, inside a transaction and outside, and the next query's are not."""
    base = fresh("postgresql", request)
    base.execute("drop schema if exists other cascade", "create schema other", "create table other.t (a integer)")
    connection = await connected(base, driver)
    for query in (replace(inline("insert into t values (1)"), schema="other"),):
        for wanted in (query, replace(query, transaction=False)):
            statement = await connection.prepare(wanted, Decoding.PYTHON, typed=True, identifiers={})
            assert (await connection.attempt(statement, [()], WRITES)).changed == 1
    with pytest.raises(DatabaseError, match='"t" does not exist'):
        await run(connection, "select * from t")
    await connection.close()
    assert base.execute("select count(*) from other.t") == [(2,)]
    base.execute("drop schema other cascade")


@pytest.mark.parametrize(
    "sql",
    [
        "update kept set a = :a",
        "insert into `kept` (a) select :a",
        "delete from other using other join kept on kept.a = other.a where kept.a = :a",
    ],
)
async def test_a_table_without_transactions(request: pytest.FixtureRequest, tmp_path: Path, sql: str) -> None:
    """Exactly once is refused with the ways out, before anything is sent; one that is only read does no harm."""
    base = fresh("mariadb", request)
    base.execute("create table kept (a integer) engine=MyISAM")
    base.execute("create table other (a integer) engine=InnoDB")
    kind = StatementClass.WRITE
    writing = asked(base.url("mysql+pymysql"), sql, tmp_path, constants={"a": "1"}, write=True, statement=kind)
    refused = await new_run(writing, control=Control())
    assert (refused.exit_code, refused.ok, refused.skipped) == (4, 0, 1)
    assert 'the table "kept" uses the engine MyISAM, which has no transactions' in refused.reason
    repeatable = await new_run(set_fields(writing, {"idempotent": True}), control=Control())
    assert (repeatable.exit_code, repeatable.ok) == (0, 1)
    reading = inline("insert into other select a from kept")
    connection = await connected(base, "pymysql")
    statement = await connection.prepare(reading, Decoding.PYTHON, typed=True, identifiers={})
    assert not statement.single
    await connection.close()


async def test_a_select_that_writes_in_mysql_is_refused(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The read-only transaction is the guard there too: exit 4 with the option that says yes, and nothing was written."""
    base = fresh("mariadb", request)
    base.execute("create table t (a integer)")
    base.execute("create function f() returns int modifies sql data begin insert into t values (1); return 1; end")
    for driver in ("pymysql", "aiomysql"):
        summary = await new_run(asked(base.url(SCHEMES[driver]), "select f() as x", tmp_path), control=Control())
        assert (summary.exit_code, summary.failed, summary.skipped) == (4, 0, 1)
        assert (
            "READ ONLY transaction: the run is read-only; add --write if it is meant to change data" in summary.reason
        )
    assert base.execute("select count(*) from t") == [(0,)]


async def test_a_stream_has_one_deadline(request: pytest.FixtureRequest) -> None:
    """The time of all pieces together is the query's; whoever reads them takes none of it."""
    connection = await connected(fresh("duckdb", request), "duckdb")
    query = inline("select i from range(30000) as t(i)")
    statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    got = 0
    async for piece in connection.stream(statement, (), Limits(timeout_s=1.5)):
        got += len(piece.positions)
        await asyncio.sleep(0.35)
    assert got == 30_000
    await connection.close()


async def test_reading_and_writing_one_duckdb_file(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """In one process: a reader beside a writer still writes nothing, and the library reads, writes and reads again."""
    base = fresh("duckdb", request)
    base.execute("create table t (a integer)")
    writer = await connected(base, "duckdb")
    reader = await open_driver(base.url("duckdb"), application_name="x", read_only=True).connect()
    with pytest.raises(DatabaseError) as caught:
        await run(reader, "insert into t values (1)", limits=WRITES)
    assert caught.value.sqlstate == "25006"
    with pytest.raises(DatabaseError, match="may change data"):
        await run(reader, f"copy t to '{tmp_path}/x.csv'", limits=WRITES)
    await reader.close()
    await writer.close()
    async with bulkq.open(base.url("duckdb"), concurrency=2) as db:
        for expected in (0, 2, 4):
            async with db.run("select count(*) as n from t") as rows:
                assert [row["n"] async for row in rows] == [expected]
            await db.execute("insert into t values (:a)", [{"a": 1}, {"a": 2}], write=True)


async def test_pg8000_speaks_as_the_others(request: pytest.FixtureRequest) -> None:
    """States and words of errors are the server's, and a claim is granted once."""
    pytest.importorskip("pg8000")
    base = fresh("postgresql", request)
    base.execute("create table t (id integer primary key, n integer)", "insert into t values (1, 0)")
    url = base.url("postgresql+pg8000").replace("://postgres@", f"://postgres:{passwords.of('postgres')}@")
    connection = await open_driver(url, application_name="x", read_only=False).connect()
    for sql, limits, state, words in (
        ("select 1 / :a", READS, "22012", "division by zero"),
        ("select pg_sleep(:a + 60)", Limits(timeout_s=0.3), "57014", "timed out after 0.3s"),
    ):
        with pytest.raises(DatabaseError) as caught:
            await run(connection, sql, [(0,)], limits)
        assert (caught.value.sqlstate, caught.value.connection_lost) == (state, False)
        assert words in str(caught.value) or state == "57014"
    query = inline("select '{\"a\": 1.10}'::json, '{\"a\": 1.10}'::jsonb", "postgres")
    statement = await connection.prepare(query, Decoding.TEXT, typed=False, identifiers={})
    json_texts = await connection.attempt(statement, [()], READS)
    assert [list(column) for column in json_texts.values] == [['{"a": 1.10}']] * 2  # Python's number is 1.1
    tables = await target_markers.make_tables(connection, url, None)
    await target_markers.begin(connection, tables, "r", "me")
    statement = await connection.prepare(
        inline("update t set n = n + 1 where id = :id"), Decoding.PYTHON, typed=True, identifiers={}
    )
    claim = Claim("r", "me", 1, 1, 1, tables)
    assert (await connection.attempt(statement, [(1,)], WRITES, claim=claim)).changed == 1
    with pytest.raises(AlreadyApplied):
        await connection.attempt(statement, [(1,)], WRITES, claim=claim)
    await connection.close()
    assert base.execute("select n from t") == [(1,)]


async def test_no_answer_follows_a_value_that_pg8000_cannot_read(request: pytest.FixtureRequest) -> None:
    """The session is given up: what is asked next would be told the answer of an earlier set. What was open is undone."""
    pytest.importorskip("pg8000")
    base = fresh("postgresql", request)
    base.execute("create table t (id integer primary key, n time)", "insert into t values (1, '10:00'), (2, '24:00')")
    url = base.url("postgresql+pg8000").replace("://postgres@", f"://postgres:{passwords.of('postgres')}@")
    driver = open_driver(url, application_name="x", read_only=False)
    for sql, limits in (
        ("select n from t where id = :a", READS),
        ("update t set id = id + 10 where id = :a returning n", WRITES),
    ):
        connection = await driver.connect()
        statement = await connection.prepare(inline(sql), Decoding.PYTHON, typed=True, identifiers={})
        with pytest.raises(DatabaseError, match="pg8000 cannot read a value") as caught:
            await connection.attempt(statement, [(1,), (2,), (3,)], limits)
        assert (caught.value.sqlstate, caught.value.connection_lost, caught.value.position) == ("22000", True, 1)
        with pytest.raises(DatabaseError, match="the connection is closed"):
            await connection.attempt(statement, [(1,)], limits)
        await connection.close()
    assert base.execute("select id from t order by id") == [(1,), (2,)]


async def test_bad_values_are_found_before_the_run(request: pytest.FixtureRequest) -> None:
    """DuckDB is asked about values of declared types; PostgreSQL about all of them."""
    for driver in ("duckdb", "psycopg", "psycopg2"):
        base = fresh(DRIVERS[driver].kind, request)
        base.execute("create table t (a integer)")
        connection = await connected(base, driver)
        query = inline("-- name: q(a: integer)\nselect a from t where a = :a")
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        bad = await connection.check(statement, [("1",), ("x'y",), (None,), ("3",), ("4z",)])
        assert [(one.position, one.parameter) for one in bad] == [(1, 0), (4, 0)], driver
        await connection.close()


def test_errors_of_duckdb_and_mysql() -> None:
    """Numbers and classes become the states that policy knows."""
    import duckdb

    adapter = DuckDB(sqlalchemy_urls.ask_sqlalchemy("duckdb:///:memory:").dialect)
    assert adapter.trouble(duckdb.TransactionException("Conflict on tuple deletion!")).sqlstate == "40001"
    assert adapter.trouble(duckdb.TransactionException("cannot rollback")).sqlstate == "25000"
    assert adapter.trouble(duckdb.FatalException("database was invalidated")).lost
    mysql = MySQL(sqlalchemy_urls.ask_sqlalchemy("mysql+pymysql://h/d").dialect)
    error = Exception
    assert mysql.trouble(error(1213, "Deadlock found")).sqlstate == "40001"
    assert mysql.trouble(error(1205, "Lock wait timeout exceeded")).sqlstate == "55P03"
    assert mysql.trouble(error(2013, "Lost connection")).lost
    assert (
        mysql.trouble(
            error(
                0,
            )
        ).message
        == "connection lost"
    )
    assert "lower -j" in mysql.why_not(error(1040, "Too many connections"), "h")
    assert "ssl_disabled" in mysql.why_not(error(2026, "SSL connection error"), "h")
    plain = Adapter(sqlalchemy_urls.ask_sqlalchemy("sqlite+pysqlite:///x").dialect)
    assert plain.trouble(sqlite3.OperationalError("no\nsuch")).message == "no such"
    assert plain.why_not(sqlite3.OperationalError("no"), '"h"') == '"h": no'
