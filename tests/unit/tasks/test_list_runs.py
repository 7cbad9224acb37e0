"""Runs that are read from a ledger, with what a list says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.ledger import LedgerMissing, open_ledger
from bulkq.model import RunState
from bulkq.model.run_event import EventKind
from bulkq.tasks.list_runs import find_run, list_group, list_runs
from tests.support.ledgers import dead_owner, ended, record

if TYPE_CHECKING:
    from pathlib import Path

CAPTURE = '{"run": {"backfill": {"over": "t", "capture": true}}}'


async def test_runs_of_a_ledger(tmp_path: Path) -> None:
    """A dead run is told from a live one, an incomplete one has what was found, and an undone one names its undo."""
    url = str(tmp_path / "l.db")
    with pytest.raises(LedgerMissing):
        await list_runs(url, 5, None, None)
    runs = [
        ended(record("aa", request=CAPTURE, group="g"), RunState.STOPPED, 1),
        ended(record("bb", name="undo aa", retry_of="aa", started_at="2026-11-22T11:00:00Z")),
        record("cc", owner=dead_owner(), started_at="2026-11-22T12:00:00Z"),
    ]
    for run in runs:
        ledger = await open_ledger(url)
        await ledger.begin(replace(run, state=RunState.RUNNING, exit_code=None), ())
        if run.run == "aa":
            ledger.record_event(EventKind.INCOMPLETE, "3 rows are left")
        if run.run != "cc":
            await ledger.finish(run)
        await ledger.close()
    listed = {one.record.run: one for one in await list_runs(url, 5, None, None)}
    assert list(listed) == ["cc", "bb", "aa"]
    assert [one.record.run for one in await list_runs(url, 5, None, "dead")] == ["cc"]
    assert listed["aa"].undone_by == "bb"
    assert listed["aa"].status == "incomplete"
    assert listed["aa"].incomplete is not None
    assert (await find_run(url, "a")).retried_by == "bb"
    assert (await find_run(url, None)).status == "dead"
    assert [one.status for one in await list_group(url, "g")] == ["incomplete"]
    with pytest.raises(UsageError):
        await find_run(url, "zz")
