"""Failures that are rows, several results, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymysql
import pytest

from bulkq.engine.stop_control import Control
from bulkq.model import Decoding, Limits
from bulkq.query import inline
from bulkq.reports.summary_lines import summary_line
from bulkq.tasks.check.open_check import CheckRequest
from bulkq.tasks.check.run_checks import check
from bulkq.tasks.run import run as new_run
from tests.support.mariadb_sessions import asked, connected, counts
from tests.support.notices import Notices

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.databases import Database


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("analyze table missing", "doesn't exist"),
        ("check table missing", "doesn't exist"),
        ("repair table missing", "doesn't exist"),
        ("optimize table t, missing", "doesn't exist"),
        ("checksum table missing", "no checksum"),
    ],
)
async def test_a_failure_that_is_a_row(base: Database, driver: str, tmp_path: Path, sql: str, words: str) -> None:
    """The set fails with the text of the row, and no row of it counts as an answer."""
    done = await new_run(asked(base, driver, sql, tmp_path), control=Control())
    assert (done.exit_code, done.ok, done.failed, done.unknown) == (1, 0, 1, 0)
    assert words in done.failures[0].message


async def test_a_table_that_another_session_has_locked(base: Database, driver: str, tmp_path: Path) -> None:
    """OPTIMIZE tells of a lock that it did not get in a row, too."""
    assert base.server is not None
    other = pymysql.connect(host=base.server.host, port=base.server.port, user="root", database=base.path)
    other.cursor().execute("lock tables t read")
    done = await new_run(asked(base, driver, "optimize table t", tmp_path, lock_timeout_s=1.0), control=Control())
    other.close()
    assert (done.exit_code, done.failed) == (1, 1)
    assert "Lock wait timeout" in done.failures[0].message


@pytest.mark.parametrize("sql", ["analyze table t", "check table t", "optimize table t", "checksum table t"])
async def test_a_note_is_no_failure(base: Database, driver: str, tmp_path: Path, sql: str) -> None:
    """InnoDB recreates a table in place of OPTIMIZE, and says so in a note."""
    done = await new_run(asked(base, driver, sql, tmp_path), control=Control())
    assert (done.exit_code, done.ok) == (0, 1)


async def test_several_results_of_a_procedure(base: Database, driver: str, tmp_path: Path) -> None:
    """Results of the same columns are written one after the other."""
    base.execute("create procedure p() begin select 1 as a; select 2 as a union select 3; update t set n = 5; end")
    out = tmp_path / "out.csv"
    done = await new_run(asked(base, driver, "call p()", tmp_path, output=str(out), format="csv"), control=Control())
    assert (done.exit_code, done.ok) == (0, 1)
    assert out.read_text() == "a\n1\n2\n3\n"
    assert counts(base)[0] == (1, 5)


async def test_columns_of_a_table_that_was_replaced(base: Database, driver: str) -> None:
    """Names stand over the values of the new table; an unnamed value of a set is no other column."""
    base.execute("create table swapped as select 1 as id, 'a' as a, 'b' as b")
    session = await connected(base, driver)
    query = inline("select *, :v from swapped", "mysql")
    statement = await session.prepare(query, Decoding.TEXT, typed=False, identifiers={})
    reads = Limits(timeout_s=5, read_only=True)
    described = (await session.attempt(statement, [("7",)], reads)).columns
    assert [column.name for column in described[:3]] == ["id", "a", "b"]
    assert (await session.attempt(statement, [("8",)], reads)).columns == described
    base.execute("drop table swapped")
    base.execute("create table swapped as select 'b' as b, 'a' as a, 1 as id")
    reply = await session.attempt(statement, [("7",)], reads)
    found = {column.name: str(values[0]) for column, values in zip(reply.columns, reply.values, strict=True)}
    assert [found[name] for name in ("id", "a", "b")] == ["1", "a", "b"]
    await session.close()


async def test_results_that_no_output_can_hold(base: Database, driver: str, tmp_path: Path) -> None:
    """Nothing is dropped silently: the set was applied, its answer is lost, the run ends with 3 and says why."""
    base.execute("create procedure p() begin select 1 as a; select 'x' as b, 2 as c; update t set n = 5; end")
    out = tmp_path / "out.csv"
    done = await new_run(asked(base, driver, "call p()", tmp_path, output=str(out), format="csv"), control=Control())
    assert (done.exit_code, done.ok, done.unanswered) == (3, 1, 1)
    assert counts(base)[0] == (1, 5)


async def test_an_error_in_a_later_result(base: Database, driver: str, tmp_path: Path) -> None:
    """It is the set's, not that of what is sent next."""
    base.execute("create procedure p(i integer) begin select i; if i = 2 then signal sqlstate '45000'; end if; end")
    wanted = asked(base, driver, "call p(:i)", tmp_path, params=("range:i=1..3",))
    done = await new_run(wanted, control=Control())
    assert (done.exit_code, done.ok, done.failed) == (1, 2, 1)
    assert (done.failures[0].n, done.failures[0].sqlstate) == (2, "45000")


# --- warnings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sets", [1, 20])
async def test_warnings_are_counted_and_shown(base: Database, driver: str, tmp_path: Path, sets: int) -> None:
    """Streamed or in batches: all are counted, the first few are shown, and the set is no failure."""
    sql = "select cast(concat(:i, 'abc') as signed) as a, 1 / 0 as b"
    wanted = asked(base, driver, sql, tmp_path, params=(f"range:i=1..{sets}",), write=False)
    told = Notices()
    done = await new_run(wanted, control=Control(), observers=[told])
    assert (done.exit_code, done.ok, done.warnings) == (0, sets, 2 * sets)
    shown = [line for line in told.lines if line.startswith("warning: ")]
    assert len(shown) == min(2 * sets, 5)
    assert shown[0].startswith("warning: sql: [1292] Truncated incorrect INTEGER value")
    assert f" warnings={2 * sets} " in summary_line(done)


async def test_warnings_of_a_check_are_counted_and_shown(base: Database, driver: str, tmp_path: Path) -> None:
    """A comparison with a text that is no number finds no row, and the server says so."""
    told = Notices()
    request = asked(base, driver, "select 1 where 1 = 'abc'", tmp_path, write=False)
    done = await check(CheckRequest(run=request), control=Control(), observers=[told])
    assert (done.exit_code, done.ok, done.warnings) == (0, 1, 1)
    assert any(line.startswith("warning: sql: [1292] Truncated incorrect") for line in told.lines)


async def test_a_check_that_no_transaction_keeps_from_writing(base: Database, driver: str, tmp_path: Path) -> None:
    """It is not sent; the message does not name an option that checks do not have."""
    base.execute("create procedure p() begin select 1 where false; select 2; end")
    request = asked(base, driver, "call p()", tmp_path, write=False)
    done = await check(CheckRequest(run=request), control=Control())
    assert (done.exit_code, str(done.checks[0].verdict)) == (3, "error")
    assert done.checks[0].message == "outside a transaction, bulkq cannot keep it from changing data"


async def test_warnings_of_a_secret_keep_their_text(base: Database, driver: str, tmp_path: Path) -> None:
    """The server quotes the value."""
    text = "-- @param i text secret\nselect cast(concat(:i, 'abc') as signed) as a"
    told = Notices()
    wanted = asked(base, driver, text, tmp_path, constants={"i": "hush"}, write=False)
    done = await new_run(wanted, control=Control(), observers=[told])
    assert done.warnings == 1
    assert not any("hush" in line for line in told.lines)


async def test_warnings_behind_several_results(base: Database, driver: str, tmp_path: Path) -> None:
    """A procedure has its warnings in its last answer: they are counted and shown, and no result is lost."""
    base.execute("create procedure p() begin select cast('1x' as signed) as a; select cast('2x' as signed) as a; end")
    told = Notices()
    out = tmp_path / "out.jsonl"
    wanted = asked(base, driver, "call p()", tmp_path, output=str(out), format="jsonl")
    done = await new_run(wanted, control=Control(), observers=[told])
    assert (done.exit_code, done.ok, done.warnings) == (0, 1, 1)
    assert any("[1292] Truncated incorrect INTEGER value: '2x'" in line for line in told.lines)
    assert out.read_text() == '{"a":1}\n{"a":2}\n'
