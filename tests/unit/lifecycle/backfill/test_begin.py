"""The row of a failed range."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bulkq import markers
from bulkq.drivers import open_driver
from bulkq.engine.pool import ConnectionPool
from bulkq.errors import StoppedError
from bulkq.lifecycle.backfill.begin import _insert
from bulkq.lifecycle.backfill.patient_cutter import PatientCutter
from bulkq.model.key_range import KeyColumn, KeyRange, TableFacts, TableKey

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill

KEY = TableKey("t", (KeyColumn("id", "integer"),))
TABLES = markers.tables(None)
ROW = markers.range_row(TABLES, "run-1", 1, markers.RANGE_FAILED, 4, KeyRange((), ("i:3",), 9), "sqlite")
RECORDED = markers.recorded_range(TABLES, "run-1", 1, 4)


async def test_a_failed_range_is_recorded_once(tmp_path: Path) -> None:
    """A row that is there stays, whatever it says; a database that takes none stops the run."""
    database = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    driver = open_driver(f"sqlite:///{tmp_path}/app.db", application_name="test", read_only=False)
    sessions = ConnectionPool(driver, outage_s=5, say=lambda _: None)
    cutter = PatientCutter(sessions, await driver.connect(), "sqlite", KEY)
    made = cast("TableBackfill", SimpleNamespace(cutter=cutter, facts=TableFacts(KEY)))
    try:
        with pytest.raises(StoppedError, match="t: a failed range cannot be recorded: no such table"):
            await _insert(made, ROW, RECORDED)
        database.execute(markers.create_ranges(TABLES, "sqlite"))
        await _insert(made, ROW, RECORDED)
        database.execute(f"update bulkq_ranges set state = {markers.RANGE_DONE}")
        await _insert(made, ROW, RECORDED)
        assert database.execute("select first, state from bulkq_ranges").fetchall() == [(4, markers.RANGE_DONE)]
    finally:
        await cutter.close()
