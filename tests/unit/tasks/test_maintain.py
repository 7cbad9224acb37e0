"""Maintenance of a SQLite file, from a request to its summary."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bulkq.cli.commands.maintain import command
from bulkq.cli.options import build_maintain
from bulkq.engine.stop_control import Control
from bulkq.errors import UsageError
from bulkq.model.maintenance import ObjectState
from bulkq.tasks.maintain import maintain
from bulkq.tasks.resume import resume
from bulkq.tasks.retry import retry

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from bulkq.model import Run


def request(folder: Path, *arguments: str) -> Run:
    """`bulkq maintain` of `app.db`, recorded in `ledger.db`."""
    common = ["-t", f"sqlite:///{folder}/app.db", "--ledger", f"sqlite:///{folder}/ledger.db", "--retries", "0"]
    with cast("click.Command", command).make_context("maintain", [*common, *arguments]) as ctx:
        return build_maintain.build(cast("Any", ctx.params), ctx)


def database(folder: Path) -> sqlite3.Connection:
    """`app.db` with tables `a` and `b`."""
    opened = sqlite3.connect(folder / "app.db", isolation_level=None)
    opened.executescript(
        "create table a (id int); create index ai on a (id); create table b (id int); insert into a values (1)"
    )
    return opened


async def test_each_object_is_done_once(tmp_path: Path) -> None:
    """Its name is that of the object, and the summary has all of them."""
    opened = database(tmp_path)
    summary = await maintain(request(tmp_path, "analyze"), control=Control())
    assert (summary.exit_code, summary.ok, summary.mode) == (0, 2, "maintenance")
    assert [(one.name, one.state) for one in summary.objects] == [("a", ObjectState.DONE), ("b", ObjectState.DONE)]
    assert opened.execute("select tbl from sqlite_stat1").fetchall() == [("a",)]


async def test_an_object_that_is_locked_is_done_by_a_resume(tmp_path: Path) -> None:
    """It is skipped with its reason, and the run is not finished."""
    opened = database(tmp_path)
    opened.execute("begin immediate")
    summary = await maintain(request(tmp_path, "analyze", "--lock-timeout", "10ms"), control=Control())
    assert (summary.exit_code, summary.ok, summary.skipped, summary.failed) == (1, 0, 2, 0)
    assert summary.resume == f"bulkq resume {summary.run}"
    assert {str(one.outcome) for one in summary.failures} == {"skipped"}
    assert [one.source for one in summary.failures] == ["a", "b"]
    opened.execute("rollback")
    again = await resume(summary.run, ledger=f"sqlite:///{tmp_path}/ledger.db", changes={}, control=Control())
    assert (again.exit_code, again.ok, again.skipped, again.resume) == (0, 2, 0, None)


async def test_an_object_that_failed_is_done_by_a_retry(tmp_path: Path) -> None:
    """The retry is the same run; a resume leaves the failure."""
    opened = database(tmp_path)
    opened.execute("begin immediate")
    wanted = request(tmp_path, "vacuum", "--lock-timeout", "10ms", "--after-lock-tries", "fail")
    summary = await maintain(wanted, control=Control())
    assert (summary.exit_code, summary.failed, summary.resume) == (1, 1, f"bulkq retry {summary.run}")
    opened.execute("rollback")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    again = await resume(summary.run, ledger=ledger, changes={}, control=Control())
    assert (again.exit_code, again.failed) == (1, 1)
    again = await retry(summary.run, ledger=ledger, changes={}, control=Control())
    assert (again.run, again.exit_code, again.ok) == (summary.run, 0, 1)


async def test_a_table_that_is_gone_is_nothing_to_do(tmp_path: Path) -> None:
    """The resume names it and is at its end; an object that another command no longer lists is not looked for in vain."""
    opened = database(tmp_path)
    opened.execute("begin immediate")
    summary = await maintain(request(tmp_path, "analyze", "--lock-timeout", "10ms"), control=Control())
    opened.execute("rollback")
    opened.execute("drop table b")
    again = await resume(summary.run, ledger=f"sqlite:///{tmp_path}/ledger.db", changes={}, control=Control())
    assert (again.exit_code, again.ok) == (0, 2)
    assert [(one.name, one.state) for one in again.objects] == [("a", ObjectState.DONE), ("b", ObjectState.GONE)]


async def test_other_databases_of_a_file(tmp_path: Path) -> None:
    """A file has none."""
    database(tmp_path)
    with pytest.raises(UsageError, match="leave out --all-databases"):
        await maintain(request(tmp_path, "vacuum"), control=Control(), all_databases=True)


async def test_a_run_without_a_record(tmp_path: Path) -> None:
    """It does the same, and cannot be resumed."""
    database(tmp_path)
    made = request(tmp_path, "integrity")
    made = replace(made, safety=replace(made.safety, ledger="none"))
    summary = await maintain(made, control=Control())
    assert (summary.exit_code, summary.ok, summary.resume) == (0, 1, None)
