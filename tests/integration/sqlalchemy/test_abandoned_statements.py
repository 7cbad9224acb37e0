"""Statements that the library cannot stop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

import bulkq
from bulkq.drivers import open_driver
from bulkq.engine.stop_control import Control
from bulkq.errors import DatabaseError, RefusedError, TargetError, UsageError
from bulkq.model import Decoding, Limits, Outcome, StatementClass, Target
from bulkq.model.counts import UNCOUNTED
from bulkq.model.run import set_fields
from bulkq.policy import retry
from bulkq.query import inline
from bulkq.reports.json_report import json_report
from bulkq.reports.summary_lines import summary_line
from bulkq.tasks.resume import resume
from bulkq.tasks.retry import retry as retry_run
from bulkq.tasks.run import run as new_run
from tests.support.notices import Notices
from tests.support.sqlalchemy_sessions import READS, WRITES, asked, run


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


async def test_a_run_says_that_nothing_can_be_cancelled(lazy: str, tmp_path: Path) -> None:
    """In its first line, of one target and of several; it ends in time, and what it left behind is unknown, with the reason."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    request = asked(lazy, "select sleep(6)", tmp_path, timeout_s=0.3)
    told = Notices()
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
    told = Notices()
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
    told = Notices(lambda: asyncio.get_running_loop().call_later(0.3, control.cancel, "interrupted twice", 130))
    first = await new_run(request, control=control, observers=[told])
    assert (first.unknown, first.skipped, first.exit_code) == (1, 0, 130)
    assert any("sql cannot be cancelled and was left behind" in line for line in told.lines)
    await asyncio.sleep(0.7)  # what was left behind holds the lock of the file
    last = await resume(first.run, ledger=str(tmp_path / "ledger.db"), changes={}, control=Control())
    assert (last.ok, last.unknown, last.exit_code) == (1, 0, 0)


async def test_exactly_once_is_not_promised_where_it_is_not_known(lazy: str, tmp_path: Path) -> None:
    """A marker means nothing where nobody knows the locks: one line with the ways out, and nothing is made or sent."""
    request = asked(lazy, "delete from t where 1 = 1", tmp_path, write=True, statement=StatementClass.WRITE)
    with pytest.raises(RefusedError, match=r'exactly once in "sleepy" is not known.*add --idempotent'):
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
    with pytest.raises(DatabaseError, match="DELETE may change data") as caught:
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
    told = Notices()
    summary = await new_run(
        asked(lazy, "insert into t values (1)", tmp_path, **writes), control=Control(), observers=[told]
    )
    assert " counts=no" in told.lines[0]
    assert (summary.ok, summary.changed) == (1, UNCOUNTED)
    assert " changed=? " in summary_line(summary)
    assert json.loads(json_report(summary))["counts"]["changed"] is None
    with contextlib.closing(sqlite3.connect(lazy.removeprefix("sleepy:///"))) as database:
        assert database.execute("select count(*) from t").fetchall() == [(1,)]


async def test_a_look_makes_no_file(lazy: str) -> None:
    """Also of a library that is not known, a file that is not there is said, and not made."""
    missing = lazy.replace("lazy.db", "typo.db")
    with pytest.raises(TargetError, match=r'no such file ".*typo\.db"'):
        await open_driver(missing, application_name="x", read_only=True).connect()
    assert not Path(missing.removeprefix("sleepy:///")).exists()
