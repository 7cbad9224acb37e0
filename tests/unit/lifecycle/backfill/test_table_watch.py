"""A table that changes while a backfill works."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import open_driver
from bulkq.engine.pool import ConnectionPool
from bulkq.errors import StoppedError
from bulkq.lifecycle.backfill.describe_table import describe
from bulkq.lifecycle.backfill.patient_cutter import PatientCutter
from bulkq.lifecycle.backfill.range_batches import KeyRangeBatches
from bulkq.lifecycle.backfill.table_backfill_state import RecordedRanges, TableBackfill
from bulkq.lifecycle.backfill.table_watch import TableWatch
from bulkq.query import inline

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_key_that_gets_another_order(tmp_path: Path) -> None:
    """The run stops, unless it was looked at a moment ago; a column or an index that is added does not stop it."""
    file = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    file.execute("create table t (a integer not null, b integer not null, v integer, unique (a, b))")
    driver = open_driver(f"sqlite:///{tmp_path}/app.db", application_name="test", read_only=False)
    sessions = ConnectionPool(driver, outage_s=0.1, say=lambda _: None)
    connection = await driver.connect()
    facts = await describe(connection, "sqlite", "t", ("a", "b"))
    cutter = PatientCutter(sessions, connection, "sqlite", facts.key)
    statement = inline("update t set v = 1 where :range", "sqlite")
    batches = KeyRangeBatches(lambda _: statement, {})
    made = TableBackfill(
        facts=facts, statement=statement, cutter=cutter, batches=batches, start=(), end=None, recorded=RecordedRanges()
    )
    watch, later = TableWatch(made, "sqlite", "t", every_s=0), TableWatch(made, "sqlite", "t")
    try:
        file.execute("alter table t add column w text")
        file.execute("create unique index other on t (a collate nocase, b)")
        await watch.look()
        file.execute("drop table t")
        with pytest.raises(StoppedError, match="there is no table"):
            await watch.look()
        file.execute("create table t (a integer not null, b text not null, v integer, unique (a, b))")
        await later.look()
        with pytest.raises(
            StoppedError, match=r"ordered by \(a INTEGER, b INTEGER\), and .* by \(a INTEGER, b TEXT\) now"
        ) as caught:
            await watch.look()
        assert caught.value.final
        file.execute("drop table t")
        file.execute("create table t (a integer, v integer)")
        await watch.look()
    finally:
        await cutter.close()
        file.close()


async def test_what_is_judged_at_the_end(tmp_path: Path) -> None:
    """A table that was made anew does not stop the run, and each event is found once. VACUUM stops one that counts by rowid."""
    file = sqlite3.connect(tmp_path / "app.db", isolation_level=None)
    file.execute("create table t (a integer not null unique, v integer)")
    driver = open_driver(f"sqlite:///{tmp_path}/app.db", application_name="test", read_only=False)
    sessions = ConnectionPool(driver, outage_s=0.1, say=lambda _: None)
    statement = inline("update t set v = 1 where :range", "sqlite")
    batches = KeyRangeBatches(lambda _: statement, {})
    cutters = []
    try:
        made = []
        for key in ("a", "rowid"):
            connection = await driver.connect()
            facts = await describe(connection, "sqlite", "t", (key,))
            cutters.append(PatientCutter(sessions, connection, "sqlite", facts.key))
            made.append(
                TableBackfill(
                    facts=facts,
                    statement=statement,
                    cutter=cutters[-1],
                    batches=batches,
                    start=(),
                    end=None,
                    recorded=RecordedRanges(),
                )
            )
        (by_key, by_rowid), began = made, made[0].facts.traces
        watch, other = (TableWatch(one, "sqlite", "t", every_s=0) for one in made)
        file.execute("vacuum")
        await watch.look()
        assert (by_key.events, by_key.facts.traces == began) == ([], False)
        with pytest.raises(StoppedError, match="VACUUM or a copy of the table may have given its rows other rowids"):
            await other.look()
        assert by_rowid.facts.traces == began
        file.execute("create table n (a integer not null unique, v integer)")
        file.execute("drop table t")
        file.execute("alter table n rename to t")
        await watch.look()
        assert [one.told for one in by_key.events] == ["it was dropped and made anew since the run began"]
    finally:
        for cutter in cutters:
            await cutter.close()
        file.close()
