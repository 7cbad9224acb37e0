"""Rehearse a backfill: execute some of its ranges, and roll each back. Nothing is recorded."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.stop_control import Control
from bulkq.lifecycle.backfill.rehearse import Rehearsal
from bulkq.lifecycle.backfill.rehearse import rehearse as rehearse_table
from bulkq.lifecycle.command_steps import RunJob
from bulkq.lifecycle.open_run import open_run
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.pace import Pace
from bulkq.policy.rehearsal_forecast import ForecastPace, forecast
from bulkq.tasks.backfill import prepare_planned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.errors import BulkqError
    from bulkq.lifecycle.backfill.plan_file import PlannedBackfill
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Run
    from bulkq.policy.rehearsal_forecast import Forecast
    from bulkq.protocols import Ledger, Observer


@frozen(kw_only=True)
class TableRehearsal:
    """The rehearsal of a backfill on one target.

    Attributes:
        target: without a password.
        table: its name.
        lost: why the target could not be reached; None if it could.
        rehearsal: None of a table without rows.
        forecast: None if no range went well.
    """

    target: str
    table: str = ""
    lost: BulkqError | None = None
    rehearsal: Rehearsal | None = None
    forecast: Forecast | None = None


async def rehearse(
    request: Run, ranges: int, observers: Sequence[Observer] = (), planned: PlannedBackfill | None = None
) -> tuple[TableRehearsal, ...]:
    """Execute `ranges` ranges of the table on each target, one target after the other, each in a transaction that is rolled back.

    Raises:
        BulkqError: the backfill would not begin, or cannot be rehearsed: usage (2), target (3), refused (4).
    """
    quiet = replace(request, output=replace(request.output, failures=None, reports=()))
    ledger: asyncio.Future[Ledger] = asyncio.get_running_loop().create_future()
    job = RunJob(request=quiet, run="rehearsal", ledger=ledger, control=Control(), observers=observers)
    async with AsyncExitStack() as stack:
        opened = await open_run(job, stack)
        try:
            await prepare_planned(planned, opened)
            found: list[TableRehearsal] = []
            for target in opened.targets:
                if target.lost is not None:
                    found.append(TableRehearsal(target=target.label, lost=target.lost))
                    continue
                shown = await rehearse_table(opened, target, ranges)
                table = opened.backfills[target.parts[0].spec.number].facts.key.table
                seen = (
                    None
                    if shown is None
                    else forecast(shown.waves, shown.total, shown.lanes, _pace(opened, target.label))
                )
                found.append(TableRehearsal(target=target.label, table=table, rehearsal=shown, forecast=seen))
            return tuple(found)
        finally:
            opened.discard()


def _pace(opened: OpenRun, label: str) -> ForecastPace:
    """What a run would rest, and its rate, on the target with this label."""
    pace = opened.throttles.pace or Pace(None)
    return ForecastPace(
        nice=pace.nice, rows_per_s=None if pace.rate is None else pace.rate.per_s, auto=label in pace.gentle
    )
