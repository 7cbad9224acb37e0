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

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.open_targets import OpenTarget
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
        asyncio.create_task(_watch(opened, target, part, query))
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


async def _watch(opened: OpenRun, target: OpenTarget, part: PartState, query: str) -> None:
    """Ask which sessions hold locks that a target waits for, while none of its ranges ends. An answer that fails is none."""
    rows, cutter = opened.progress.row_progress, opened.backfills[part.spec.number].cutter
    if rows is None:
        return
    asked = query.format(application=f"bulkq/{opened.run}")
    whose = f"{target.label}: " if opened.several else ""
    done = -1
    while True:
        await asyncio.sleep(LOOK_S)
        done, before = part.tried, done
        if done != before or opened.progress.state:
            rows.locked.pop(target.label, None)
            continue
        try:
            found = await cutter.administer([asked])
        except BulkqError:
            return
        pids = ", ".join(str(pid) for (pid,) in found[:SHOWN])
        if not pids:
            rows.locked.pop(target.label, None)
        elif part.tried == done:
            rows.locked[target.label] = rows.holds = f"{whose}waiting for locks: pid {pids}"
