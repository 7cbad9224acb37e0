"""What only drivers through SQLAlchemy have: threads, a loop that is never blocked, statements that cannot be stopped."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bulkq
from bulkq.drivers import dialect_of, open_driver
from bulkq.drivers.dbapi import sqlalchemy_urls
from bulkq.drivers.dbapi.adapters.base import Adapter
from bulkq.drivers.dbapi.adapters.duckdb import DuckDB
from bulkq.drivers.dbapi.adapters.mysql import MySQL
from bulkq.drivers.threads import DatabaseThread
from bulkq.engine.control import Control
from bulkq.errors import AlreadyApplied, DatabaseError, MissingDriver, RefusedError, TargetError, UsageError
from bulkq.lifecycle import target_markers
from bulkq.model import Claim, Decoding, Limits, Outcome, Run, StatementClass, Target
from bulkq.model.counts import UNCOUNTED
from bulkq.model.run import make_run, set_fields
from bulkq.policy import retry
from bulkq.query import inline
from bulkq.reports.json_report import json_report
from bulkq.reports.summary import summary_line
from bulkq.tasks.resume import resume
from bulkq.tasks.retry import retry as retry_run
from bulkq.tasks.run import run as new_run
from tests.support import odd_libraries, sleepy_library
from tests.support.databases import DRIVERS, SCHEMES, fresh
from tests.support.servers import passwords

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import Reply
    from bulkq.protocols import Connection
    from tests.support.databases import Database
    from tests.support.servers.mariadb import MariaDB


class Told:
    """An observer that keeps what people are told."""

    def __init__(self, when_started: Callable[[], object]) -> None:
        self.lines: list[str] = []
        self._when_started = when_started

    def started(self, progress: object) -> None:
        self._when_started()

    def batch_done(self, result: object) -> None: ...
    def finished(self, summary: object) -> None: ...
    def notice(self, text: str) -> None:
        self.lines.append(text)


READS = Limits(timeout_s=10)
WRITES = Limits(timeout_s=10, read_only=False)
ENDLESS = "select count(*) from range(1000000000000) as t(i) where hash(i) = 7"


async def run(
    connection: Connection, sql: str, sets: list[tuple[object, ...]] | None = None, limits: Limits = READS
) -> Reply:
    """Prepare and attempt."""
    query = inline(sql)
    statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    return await connection.attempt(statement, sets or [()], limits)


async def connected(base: Database, driver: str) -> Connection:
    """A session of `driver`."""
    return await open_driver(base.url(SCHEMES[driver]), application_name="bulkq test", read_only=False).connect()


# --- threads ----------------------------------------------------------------------------------------------------------


async def test_one_thread_for_one_connection(request: pytest.FixtureRequest) -> None:
    """As many private threads as connections, each gone with its connection."""
    base = fresh("duckdb", request)

    def ours() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name == "bulkq duckdb_engine"]

    connections = [await connected(base, "duckdb") for _ in range(3)]
    assert len(ours()) == 3
    await asyncio.gather(*(run(connection, "select 1 as x") for connection in connections))
    assert len(ours()) == 3
    for connection in connections:
        await connection.close()
    assert ours() == []


async def test_context_variables_travel_along() -> None:
    """Like `asyncio.to_thread`: what the caller's context says is said in the thread."""
    variable = contextvars.ContextVar("variable", default="nothing")
    thread = DatabaseThread("test")
    variable.set("something")
    assert await thread.run(variable.get) == "something"
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await thread.run(lambda: next(iter(())))
    thread.end()
    assert thread.join(5)


async def test_the_loop_is_never_blocked(request: pytest.FixtureRequest) -> None:
    """While DuckDB scans with all its threads, and while it turns rows into Python objects, a heartbeat is not late by 100 ms."""
    connection = await connected(fresh("duckdb", request), "duckdb")
    rows = "select i, 'row ' || i as name, i * 2 as twice from range(200000) as t(i)"

    async def latest(work: asyncio.Task[object]) -> float:
        loop = asyncio.get_running_loop()
        late_s = 0.0
        while not work.done():
            before_s = loop.time()
            await asyncio.sleep(0.005)
            late_s = max(late_s, loop.time() - before_s - 0.005)
        return late_s

    found: list[float] = []
    gc.collect()
    for _ in range(6):  # somebody else's load is not ours: one quiet round shows it
        scan = asyncio.create_task(run(connection, ENDLESS, limits=Limits(timeout_s=0.4)))
        late_s = await latest(scan)
        assert isinstance(scan.exception(), DatabaseError)
        fetch = asyncio.create_task(run(connection, rows))
        found.append(max(late_s, await latest(fetch)))
        assert len(fetch.result().positions) == 200_000
        if found[-1] < 0.1:
            break
    await connection.close()
    assert min(found) < 0.1


# --- what cannot be stopped --------------------------------------------------------------------------------------------


@pytest.fixture
def lazy(tmp_path: Path) -> str:
    """A target whose library cannot cancel anything."""
    sleepy_library.register()
    sqlite3.connect(tmp_path / "lazy.db").close()
    return f"sleepy:///{tmp_path}/lazy.db"


async def test_what_cannot_be_stopped_is_left_behind(lazy: str) -> None:
    """The attempt ends, nothing is known, the session is of no use any more, and closing it takes no time."""
    driver = open_driver(lazy, application_name="x", read_only=True)
    assert not driver.capabilities.cancels
    connection = await driver.connect()
    started_s = asyncio.get_running_loop().time()
    with pytest.raises(DatabaseError, match="cannot be cancelled and was left behind") as caught:
        await run(connection, "select sleep(:s)", [(4,)], Limits(timeout_s=0.2))
    error = caught.value
    assert (error.abandoned, error.confirmed, error.connection_lost, error.position) == (True, False, True, 0)
    assert retry.outcome(error, transaction=True) is Outcome.UNKNOWN
    with pytest.raises(DatabaseError, match="closed"):
        await run(connection, "select 1 as x")
    await connection.close()
    assert asyncio.get_running_loop().time() - started_s < 3
    assert driver.left_behind == 1  # type: ignore[attr-defined]


async def test_called_back_and_left_behind(lazy: str) -> None:
    """A cancellation does not wait for what cannot be stopped."""
    connection = await open_driver(lazy, application_name="x", read_only=True).connect()
    task = asyncio.create_task(run(connection, "select sleep(:s)", [(4,)]))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await connection.close()


async def test_lanes_end_with_what_cannot_be_stopped(lazy: str) -> None:
    """Their places stay taken: with the last of them the run ends, and says what is unknown and what was never tried."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    sets = [{"s": 0}, {"s": 5}, {"s": 0}, {"s": 5}, {"s": 0}, {"s": 0}]
    with pytest.raises(TargetError, match="2 statements cannot be stopped and hold every lane"):
        async with bulkq.open(lazy, concurrency=2) as db:
            await db.execute("select sleep(:s)", sets, timeout=0.3)
    assert loop.time() - started_s < 4.5


async def test_one_lane_less(lazy: str) -> None:
    """The other lanes go on to the end."""
    async with bulkq.open(lazy, concurrency=3) as db:
        sets = [{"s": n} for n in (4, 0, 0, 0, 0)]
        rows = db.run("select sleep(:s) is null as x", sets, timeout=0.3, on_error="collect")
        with pytest.raises(TargetError):
            _ = [row async for row in rows]
        summary = rows.summary
    assert summary is not None
    assert (summary.ok, summary.unknown, summary.skipped, summary.exit_code) == (4, 1, 0, 3)


def asked(url: str, sql: str, tmp_path: Path, **more: object) -> Run:
    """A request with a ledger of its own."""
    query = replace(inline(sql), statement=more.pop("statement", StatementClass.READ))
    more = {"ledger": str(tmp_path / "ledger.db"), "format": "none", "concurrency": 2, **more}
    return make_run(queries=(query,), targets=(Target(url=url),), **more)  # type: ignore[arg-type]


async def test_a_run_says_that_nothing_can_be_cancelled(lazy: str, tmp_path: Path) -> None:
    """In its first line, of one target and of several; it ends in time, and what it left behind is unknown, with the reason."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    request = asked(lazy, "select sleep(6)", tmp_path, timeout_s=0.3)
    told = Told(lambda: None)
    summary = await new_run(request, control=Control(), observers=[told])
    assert loop.time() - began_s < 5
    assert " cancel=no" in told.lines[0]
    assert (summary.status, summary.exit_code, summary.unknown, summary.failed) == ("unknown", 3, 1, 0)
    assert summary.failures[0].message == "timed out after 0.3s, cannot be cancelled and was left behind"
    twice = set_fields(
        request,
        {
            "targets": (*request.targets.selected, Target(url="duckdb:///:memory:")),
            "queries": (inline("select 1"),),
        },
    )
    told = Told(lambda: None)
    assert (await new_run(twice, control=Control(), observers=[told])).exit_code == 0
    assert " cancel=no:1" in told.lines[0]


async def test_a_read_that_was_left_behind_is_retried(lazy: str, tmp_path: Path) -> None:
    """Reading again does no harm: `resume` of the finished run says so, and `retry` does it."""
    sql = "select sleep(case :id when 2 then 1.2 else 0 end)"
    request = asked(lazy, sql, tmp_path, params=("range:id=1..4",), timeout_s=0.3)
    first = await new_run(request, control=Control())
    assert (first.ok, first.unknown, first.exit_code, first.resume) == (3, 1, 3, f"bulkq retry {first.run}")
    ledger = str(tmp_path / "ledger.db")
    again = await resume(first.run, ledger=ledger, changes={}, control=Control())
    assert (again.unknown, again.exit_code, again.status, again.resume) == (1, 3, "unknown", first.resume)
    last = await retry_run(first.run, ledger=ledger, changes={"timeout_s": 5.0}, control=Control())
    assert (last.ok, last.unknown, last.exit_code) == (1, 0, 0)


async def test_cancelled_and_left_behind(lazy: str, tmp_path: Path) -> None:
    """It is said, nobody can tell what came of the write, and one that may be repeated is, by `resume`."""
    with contextlib.closing(sqlite3.connect(lazy.removeprefix("sleepy:///"))) as database:
        database.executescript("create table t (a integer); insert into t values (0)")
    sql = "update t set a = a + 1 where sleep(1.2) is null"
    request = asked(lazy, sql, tmp_path, write=True, idempotent=True, statement=StatementClass.WRITE)
    control = Control()
    told = Told(lambda: asyncio.get_running_loop().call_later(0.3, control.cancel, "interrupted twice", 130))
    first = await new_run(request, control=control, observers=[told])
    assert (first.unknown, first.skipped, first.exit_code) == (1, 0, 130)
    assert any("sql cannot be cancelled and was left behind" in line for line in told.lines)
    await asyncio.sleep(0.7)  # what was left behind holds the lock of the file
    last = await resume(first.run, ledger=str(tmp_path / "ledger.db"), changes={}, control=Control())
    assert (last.ok, last.unknown, last.exit_code) == (1, 0, 0)


async def test_exactly_once_is_not_promised_where_it_is_not_known(lazy: str, tmp_path: Path) -> None:
    """A marker means nothing where nobody knows the locks: one line with the ways out, and nothing is made or sent."""
    request = asked(lazy, "delete from t where 1 = 1", tmp_path, write=True, statement=StatementClass.WRITE)
    with pytest.raises(RefusedError, match=r'exactly once in "sleepy" is not known.*say --idempotent'):
        await new_run(request, control=Control())
    with contextlib.closing(sqlite3.connect(lazy.removeprefix("sleepy:///"))) as database:
        assert database.execute("select * from sqlite_master").fetchall() == []


async def test_writes_of_a_database_that_is_not_known(lazy: str) -> None:
    """Nobody knows whether it undoes a transaction, so each set travels alone, and its rows are not counted; a read-only run writes nothing."""
    connection = await open_driver(lazy, application_name="x", read_only=False).connect()
    await run(connection, "create table t (a integer)", limits=WRITES)
    for value in (1, 2):
        assert (await run(connection, "insert into t values (:a)", [(value,)], WRITES)).changed == UNCOUNTED
    with pytest.raises(DatabaseError) as failed:
        await run(connection, "insert into t values (abs(:a))", [(-(2**63),)], WRITES)
    assert retry.outcome(failed.value, transaction=False) is Outcome.UNKNOWN
    with pytest.raises(DatabaseError, match="read-only") as caught:
        await run(connection, "delete from t", limits=READS)
    assert caught.value.sqlstate == "25006"
    query = replace(inline("delete from t where a = :a"), transaction=False)
    statement = await connection.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
    assert (await connection.attempt(statement, [(1,)], WRITES)).changed == UNCOUNTED
    with pytest.raises(RefusedError, match="add --write"):
        await connection.attempt(statement, [(1,)], READS)
    with pytest.raises(UsageError):
        await connection.copy(statement, ",", READS, print)
    assert [list(c) for c in (await run(connection, "select a from t")).values] == [[2]]
    await connection.close()


async def test_rows_that_nobody_counts(lazy: str, tmp_path: Path) -> None:
    """`--max-affected` and `--expect-rows` are refused before the first statement; the summary and the reports say that it is not known."""
    with contextlib.closing(sqlite3.connect(lazy.removeprefix("sleepy:///"))) as database:
        database.execute("create table t (a integer)")
    writes = {"write": True, "idempotent": True, "statement": StatementClass.WRITE}
    for option, words in (("max_affected", "--max-affected"), ("expect_rows", "--expect-rows")):
        request = asked(lazy, "insert into t values (1)", tmp_path, **writes, **{option: 5})
        with pytest.raises(UsageError, match=f"sleepy does not reliably report .* so {words} cannot be enforced"):
            await new_run(request, control=Control())
    told = Told(lambda: None)
    summary = await new_run(
        asked(lazy, "insert into t values (1)", tmp_path, **writes), control=Control(), observers=[told]
    )
    assert " counts=no" in told.lines[0]
    assert (summary.ok, summary.changed) == (1, UNCOUNTED)
    assert " changed=? " in summary_line(summary)
    assert json.loads(json_report(summary))["counts"]["changed"] is None
    with contextlib.closing(sqlite3.connect(lazy.removeprefix("sleepy:///"))) as database:
        assert database.execute("select count(*) from t").fetchall() == [(1,)]


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
    assert 'the table "kept" is kept by MyISAM, which has no transactions' in refused.reason
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
    with pytest.raises(DatabaseError, match="more than a question"):
        await run(reader, f"copy t to '{tmp_path}/x.csv'", limits=WRITES)
    await reader.close()
    await writer.close()
    async with bulkq.open(base.url("duckdb"), concurrency=2) as db:
        for expected in (0, 2, 4):
            async with db.run("select count(*) as n from t") as rows:
                assert [row["n"] async for row in rows] == [expected]
            await db.execute("insert into t values (:a)", [{"a": 1}, {"a": 2}], write=True)


# --- targets ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql+pymysql://root@127.0.0.1:1/x", "is the server running"),
        ("mysql+pymysql://nobody:secret@127.0.0.1:PORT/", "wrong user or password"),
        ("mysql+aiomysql://root@127.0.0.1:PORT/nosuch", "nosuch"),
        ("postgresql+psycopg2://u:secret@127.0.0.1:1/x", "refused"),
        ("postgresql+psycopg://u:secret@127.0.0.1:1/x", "refused"),
    ],
)
async def test_targets_that_do_not_let_us_in(mariadb: MariaDB, url: str, words: str) -> None:
    """One line that says which part it was, without the password."""
    driver = open_driver(url.replace("PORT", str(mariadb.port)), application_name="x", read_only=True)
    with pytest.raises(TargetError, match=words) as caught:
        await driver.connect()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in driver.target


def test_words_of_a_server_that_are_no_utf8() -> None:
    """psycopg2 cannot read what a server says in its own encoding before anybody has logged in; it is shown as far as it can be."""
    adapter = sqlalchemy_urls.ask("postgresql+psycopg2://h/d").adapter
    said = UnicodeDecodeError("utf-8", "FATAL: Rolle »u« existiert nicht".encode("latin-1"), 13, 14, "invalid")
    assert adapter.why_not(said, '"h"') == "FATAL: Rolle \ufffdu\ufffd existiert nicht"


def test_dialects_are_asked_for_their_names() -> None:
    """How SQL is scanned follows from the dialect, whichever library talks to it."""
    assert dialect_of("mysql+pymysql://h/d") == dialect_of("mariadb+pymysql://h/d") == "mysql"
    assert dialect_of("duckdb:///x") == "duckdb"
    assert dialect_of("oracle://h/d") == "oracle"
    assert dialect_of("postgresql+psycopg://h/d") == "postgres"
    assert sqlalchemy_urls.install("psycopg2") == "pip install 'bulkq[psycopg]'"


def test_a_missing_dialect_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named, with the command."""
    monkeypatch.setattr(sqlalchemy_urls, "name_of", lambda _: None)
    with pytest.raises(MissingDriver, match=r"pip install 'bulkq\[duckdb\]'"):
        open_driver("duckdb:///x.duckdb", application_name="x", read_only=True)


async def test_hosts_elsewhere_are_talked_to_with_tls() -> None:
    """Nothing is sent in plain text to another machine unless the URL says so."""
    known = sqlalchemy_urls.ask("postgresql+psycopg2://db.example/x")
    assert known.adapter.url(known.url, read_only=True).query["sslmode"] == "require"
    told = sqlalchemy_urls.ask("postgresql+psycopg2://db.example/x?sslmode=disable")
    assert told.adapter.url(told.url, read_only=True).query["sslmode"] == "disable"
    near = sqlalchemy_urls.ask("postgresql+psycopg2://127.0.0.1/x")
    assert "sslmode" not in near.adapter.url(near.url, read_only=True).query
    far = sqlalchemy_urls.ask("mysql+pymysql://db.example/x")
    assert "ssl" in far.adapter.arguments(far.url, "x")
    assert "ssl" not in sqlalchemy_urls.ask("mysql+pymysql://localhost/x").adapter.arguments(
        sqlalchemy_urls.ask("mysql+pymysql://localhost/x").url, "x"
    )


@pytest.mark.parametrize("driver", ["pymysql", "aiomysql", "pg8000"])
async def test_no_plain_text_to_another_machine(request: pytest.FixtureRequest, driver: str) -> None:
    """A server without TLS behind a name that is not this machine's is refused, unless the URL allows plain text: some libraries fall back to it."""
    pytest.importorskip(driver)
    scheme = {"pg8000": "postgresql+pg8000"}.get(driver) or SCHEMES[driver]
    near = fresh("postgresql" if driver == "pg8000" else DRIVERS[driver].kind, request).url(scheme)
    if driver == "pg8000":  # which reads no password file
        near = near.replace("://postgres@", f"://postgres:{passwords.of('postgres')}@")
    far = near.replace("127.0.0.1", "2130706433").replace("localhost", "2130706433")  # the same address, as a number
    if far == near:
        pytest.skip("the server has another address")
    with pytest.raises(TargetError, match=r"(?i)TLS refused|refuses SSL"):
        await open_driver(far, application_name="x", read_only=True).connect()
    allowed = "ssl_context=false" if driver == "pg8000" else "ssl_disabled=true"
    connection = await open_driver(f"{far}?{allowed}", application_name="x", read_only=True).connect()
    assert connection.server.tls == "off"
    await connection.close()


def test_a_certificate_is_no_leave_for_plain_text() -> None:
    """A URL that names a certificate wants TLS: PyMySQL would go on without."""
    for url, allowed in (
        ("?ssl_ca=x.pem", False),
        ("?ssl_disabled=true", True),
        ("?ssl_mode=DISABLED", True),
        ("", False),
    ):
        known = sqlalchemy_urls.ask(f"mysql+pymysql://db.example/x{url}")
        assert known.adapter.plain_allowed(known.url) is allowed


def test_missing_packages_are_named() -> None:
    """A dialect in a package of its own, a library that is not there, and a dialect that fails before it connects."""
    odd_libraries.register()
    for url, words in (
        ("snowflake://h/d", "pip install snowflake-sqlalchemy"),
        (
            "mysql+nobody://h/d",
            'install the package that brings this SQLAlchemy dialect, or correct the name after "[+]"',
        ),
        (
            "sqlite+unfinished:///x.db",
            r"dialect sqlite\+unfinished cannot be used with SQLAlchemy [\d.]+: NotImplementedError: try",
        ),
    ):
        with pytest.raises(UsageError, match=words):
            open_driver(url, application_name="x", read_only=True)


def test_the_question_of_the_trial_has_an_answer() -> None:
    """MySQL's statement that does nothing gives no row; what is asked at connect of a library that nobody has tried gives one."""
    adapter = sqlalchemy_urls.ask("mysql+pymysql://h/d").adapter
    assert (adapter.nothing, adapter.question) == ("DO 0", "SELECT 1")


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


async def test_a_look_makes_no_file(lazy: str) -> None:
    """Also of a library that is not known, a file that is not there is said, and not made."""
    missing = lazy.replace("lazy.db", "typo.db")
    with pytest.raises(TargetError, match=r'no such file ".*typo\.db"'):
        await open_driver(missing, application_name="x", read_only=True).connect()
    assert not Path(missing.removeprefix("sleepy:///")).exists()


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

    adapter = DuckDB(sqlalchemy_urls.ask("duckdb:///:memory:").dialect)
    assert adapter.trouble(duckdb.TransactionException("Conflict on tuple deletion!")).sqlstate == "40001"
    assert adapter.trouble(duckdb.TransactionException("cannot rollback")).sqlstate == "25000"
    assert adapter.trouble(duckdb.FatalException("database was invalidated")).lost
    mysql = MySQL(sqlalchemy_urls.ask("mysql+pymysql://h/d").dialect)
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
    plain = Adapter(sqlalchemy_urls.ask("sqlite+pysqlite:///x").dialect)
    assert plain.trouble(sqlite3.OperationalError("no\nsuch")).message == "no such"
    assert plain.why_not(sqlite3.OperationalError("no"), '"h"') == '"h": no'
