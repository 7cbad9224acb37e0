"""Rows of a table for the progress."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from bulkq.drivers import open_driver
from bulkq.lifecycle.backfill.count_rows import PassedRows, count_rows, expect_rows
from bulkq.model.key_range import KeyColumn, TableFacts, TableKey
from bulkq.policy.range_size import RangeSize

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.sources.key_range_source import RangeSource

FACTS = TableFacts(TableKey("t", (KeyColumn("id", "integer"),)), rows=40)


def opened() -> OpenRun:
    """The part of a run that is asked here."""
    progress = SimpleNamespace(row_progress=None, throttled_s=0.0, state="")
    return cast("OpenRun", SimpleNamespace(progress=progress))


async def test_rows_are_counted_if_that_is_wanted(tmp_path: Path) -> None:
    """Else the estimate of the catalog counts, or nothing."""
    made = sqlite3.connect(tmp_path / "app.db")
    made.executescript("create table t (id integer primary key); insert into t values (1), (2), (3)")
    connection = await open_driver(f"sqlite:///{tmp_path}/app.db", application_name="test", read_only=True).connect()
    try:
        assert await count_rows(connection, FACTS, "exact") == (3, "exact")
        assert await count_rows(connection, FACTS, "estimate") == (40, "estimate")
        assert await count_rows(connection, FACTS, "none") == (None, "estimate")
    finally:
        await connection.close()


def test_tables_of_several_targets_are_added() -> None:
    """The sum is exact if each is, and not known if one is not."""
    run = opened()
    expect_rows(run, 100, "exact", 10)
    expect_rows(run, 50, "exact", 0)
    rows = run.progress.row_progress
    assert rows is not None
    assert (rows.total, rows.total_kind, rows.done) == (150, "exact", 10)
    expect_rows(run, 50, "estimate", 5)
    rows = run.progress.row_progress
    assert rows is not None
    assert (rows.total, rows.total_kind, rows.done) == (200, "estimate", 15)
    expect_rows(run, None, "estimate", 0)
    assert run.progress.row_progress is not None
    assert run.progress.row_progress.total is None


def test_passed_rows_say_what_holds_the_run() -> None:
    """A target that waits for a lock; the cutter, if a lane waits for it; else the server."""
    source = SimpleNamespace(cutting=True, cut=False, rows=20, position="id <= 20")
    run = opened()
    cast("SimpleNamespace", run).sources = SimpleNamespace(ranges={1: source})
    expect_rows(run, 100, "exact", 0)
    passed = PassedRows(run, cast("RangeSource", source), RangeSize(first=70))
    passed.passed(20, 0.5)
    rows = run.progress.row_progress
    assert rows is not None
    assert (rows.done, rows.range_rows, rows.holds) == (20, 70, "cutting ranges")
    source.cutting = False
    passed.passed(20, 0.5)
    assert (rows.done, rows.holds) == (40, "server")
    rows.locked["b"] = "b: waiting for locks: pid 5"
    passed.passed(20, 0.5)
    assert rows.holds == "b: waiting for locks: pid 5"
