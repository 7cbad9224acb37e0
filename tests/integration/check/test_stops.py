"""The order of checks, and runs that stop before their end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import TargetError
from bulkq.model import Target, Threshold
from tests.support.checks import run
from tests.support.servers.silence import silence

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile


async def test_the_slowest_come_first_and_reports_are_in_file_order(postgres_url: str, tmp_path: Path) -> None:
    """By the last run's times; one that nobody knows yet comes before all others."""
    ledger = str(tmp_path / "ledger.db")
    sleep = "select g from pg_sleep({}) as g where g::text = 'x'"
    text = f"-- name: fast\nselect 1 where false;\n-- name: slow\n{sleep.format(0.2)};\n-- name: sleepy\n{sleep.format(0.1)};"
    await run(text, postgres_url, ledger=ledger, concurrency=1)
    again = await run(text + "\n-- name: new\nselect 1 where false", postgres_url, ledger=ledger, concurrency=1)
    assert [result.name for result in again.checks] == ["fast", "slow", "sleepy", "new"]
    began = sorted(again.checks, key=lambda result: result.began_s)
    assert [result.name for result in began] == ["new", "slow", "sleepy", "fast"]


async def test_what_did_not_run_is_an_error_in_the_report(postgres_url: str) -> None:
    """After -x, --max-failures, a deadline, a signal: exit 5, and nothing looks green."""
    text = "-- name: bad\nselect 1;\n" + "\n".join(
        f"-- name: later{i}\nselect pg_sleep(0.01) where false;" for i in range(5)
    )
    stopped = await run(text, postgres_url, concurrency=1, fail_fast=True)
    assert (stopped.exit_code, stopped.failed, stopped.skipped) == (5, 1, 5)
    assert {r.message for r in stopped.checks[1:]} == {"not run: a check failed, and --fail-fast is set"}
    assert {str(r.verdict) for r in stopped.checks[1:]} == {"error"}
    assert (await run(text, postgres_url, concurrency=1, max_failures=Threshold(1))).exit_code == 5
    slow = "-- name: slow\nselect pg_sleep(30);\n-- name: later\nselect 1 where false;"
    late = await run(slow, postgres_url, concurrency=1, deadline_s=0.2)
    assert (late.exit_code, late.checks[0].message) == (5, "did not end: the deadline of 0.2s passed")
    control = Control()
    control.drain("interrupted", 5)
    early = await run(slow, postgres_url, control=control)
    assert [r.message for r in early.checks] == ["not run: interrupted"] * 2


async def test_fifteen_hundred_failures_do_not_stop_a_run(sqlite_file: SqliteFile) -> None:
    """The rule that gives up after a thousand failures is for parameter sets, not for checks."""
    url = f"sqlite:///{sqlite_file()}"
    summary = await run("select :n", url, params=("range:n=1..1100",))
    assert (summary.exit_code, summary.failed, summary.skipped) == (1, 1100, 0)


async def test_a_deadline_counts_while_connecting(postgres_url: str) -> None:
    """A silent target is waited for no longer than that, and what was not asked any more did not run: exit 5."""
    text = "-- name: a\nselect 1 where false;\n-- name: b\n-- @expect same as a on other\nselect 1 where false"
    async with silence() as url, asyncio.timeout(4):
        summary = await run("select 1 where false", postgres_url, url, deadline_s=0.3)
        other: dict[str, object] = {"other_targets": {"other": Target(url=url, name="other")}}
        compared = await run(text, postgres_url, checks=other, deadline_s=0.3)
        with pytest.raises(TargetError):
            await run("select 1 where false", url, schemas=("%",), deadline_s=0.3)
    assert [str(result.verdict) for result in summary.checks] == ["error", "error"]
    assert summary.checks[0].message.endswith(": the deadline of 0.3s passed")
    assert "did not answer within the deadline of 0.3s" in summary.checks[1].message
    assert (summary.exit_code, summary.skipped, summary.unknown) == (5, 2, 0)
    assert (compared.exit_code, compared.skipped, compared.elapsed_s < 2) == (5, 2, True)


async def test_a_deadline_of_a_run_that_is_in_time(postgres_url: str) -> None:
    """It is forgotten with the run."""
    assert (await run("select 1 where false", postgres_url, deadline_s=60.0)).exit_code == 0
