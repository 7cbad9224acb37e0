"""Execute a recorded backfill, and see meanwhile which sessions its ranges wait for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.errors import BulkqError
from bulkq.lifecycle.execute_run import execute

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure

LOOK_S = 1.0
"""A run in which no range has ended for so many seconds is asked about."""

SHOWN = 3
"""Sessions that are named at most."""


async def execute_backfill(recorded: RecordedRun) -> Sequence[Failure]:
    """Execute a run, and put into its progress whom it waits for.

    Returns:
        The first failures, those of earlier processes before them.
    """
    opened = recorded.opened
    watches = [
        asyncio.create_task(_watch(opened, opened.backfills[part.spec.number], query))
        for target in opened.targets
        for part in target.parts
        if part.spec.number in opened.backfills and (query := dialect_for(dialect_of(target.definition.url)).blockers)
    ]
    try:
        return await execute(recorded)
    finally:
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)


async def _watch(opened: OpenRun, made: TableBackfill, query: str) -> None:
    """Ask which sessions hold locks that the run waits for, while none of its ranges ends. An answer that fails is none."""
    rows = opened.progress.row_progress
    if rows is None:
        return
    asked = query.format(application=f"bulkq/{opened.run}")
    done = -1
    while True:
        await asyncio.sleep(LOOK_S)
        done, before = rows.done, done
        if done != before or opened.progress.state:
            continue
        try:
            found = await made.cutter.administer([asked])
        except BulkqError:
            return
        pids = ", ".join(str(pid) for (pid,) in found[:SHOWN])
        if pids and rows.done == done:
            rows.holds = f"waiting for locks: pid {pids}"
