"""A cutter whose connections break."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import open_driver
from bulkq.engine.pool import ConnectionPool
from bulkq.errors import DatabaseError
from bulkq.lifecycle.backfill.patient_cutter import MOST_BREAKS, PatientCutter
from bulkq.model import Phase
from bulkq.model.key_range import KeyColumn, TableKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bulkq.lifecycle.backfill.cutter import KeyCutter
    from bulkq.protocols import Connection

KEY = TableKey("t", (KeyColumn("id", "integer"),))
LOST = DatabaseError("gone", sqlstate=None, phase=Phase.SENT, connection_lost=True)


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[PatientCutter]:
    """The cutter of a table with ids 1 to 3."""
    made = sqlite3.connect(tmp_path / "app.db")
    made.executescript("create table t (id integer primary key); insert into t values (1), (2), (3)")
    driver = open_driver(f"sqlite:///{tmp_path}/app.db", application_name="test", read_only=False)
    sessions = ConnectionPool(driver, outage_s=5, say=lambda _: None)
    cutter = PatientCutter(sessions, await driver.connect(), "sqlite", KEY)
    yield cutter
    await cutter.close()


async def test_questions_and_statements(patient: PatientCutter) -> None:
    """They have one connection, one after the other."""
    assert await patient.greatest() == ("i:3",)
    cut = await patient.next_range((), ("i:3",), 2)
    assert cut is not None
    assert (cut.upto, cut.rows) == (("i:2",), 2)
    assert "<=" in patient.describe(cut)
    assert await patient.administer(["insert into t values (9)", "select max(id) from t"]) == [(9,)]
    with pytest.raises(DatabaseError, match="no such table"):
        await patient.administer(["select 1 from missing"])


async def test_a_broken_connection_is_replaced(patient: PatientCutter) -> None:
    """The question is asked again on another one."""
    met: list[Connection] = []

    async def ask(connection: Connection, _: KeyCutter) -> int:
        met.append(connection)
        if len(met) == 1:
            raise LOST
        return 5

    assert await patient._again(ask) == 5
    assert met[0] is not met[1]


async def test_a_question_that_breaks_every_connection_ends(patient: PatientCutter) -> None:
    """A server that dies of it is not asked for ever."""
    met: list[Connection] = []

    async def ask(connection: Connection, _: KeyCutter) -> int:
        met.append(connection)
        raise LOST

    with pytest.raises(DatabaseError, match="gone"):
        await patient._again(ask)
    assert len(met) == MOST_BREAKS
