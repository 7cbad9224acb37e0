"""`bulkq backfill`: change or delete the rows of a table by ranges of its key, each range exactly once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError
from bulkq.ledger import open_recorder
from bulkq.lifecycle.backfill.begin import begin_backfill
from bulkq.lifecycle.backfill.execute import execute_backfill
from bulkq.lifecycle.backfill.plan_file import refuse_differences, refuse_other_databases
from bulkq.lifecycle.backfill.prepare import prepare_backfill
from bulkq.lifecycle.backfill.verify import verify_and_finish
from bulkq.lifecycle.command_steps import RunJob, Steps, carry_out, new_run_id
from bulkq.lifecycle.execute_run import first_line
from bulkq.lifecycle.open_run import open_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.stop_control import Control
    from bulkq.lifecycle.backfill.plan_file import PlannedBackfill
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure, Run, RunSummary
    from bulkq.protocols import Observer

BACKFILL: Steps[RunJob, OpenRun, OpenRun, RecordedRun, Sequence[Failure]] = Steps(
    open=open_run,
    preflight=prepare_backfill,
    record=begin_backfill,
    first_line=first_line,
    execute=execute_backfill,
    finish=verify_and_finish,
)
"""The steps of a backfill, new, resumed or retried."""


async def prepare_planned(planned: PlannedBackfill | None, opened: OpenRun) -> OpenRun:
    """Look at the tables, and compare what is found with a plan, if there is one.

    Raises:
        BulkqError: see `prepare_backfill`; a line for each difference from the plan (4).
    """
    try:
        await prepare_backfill(opened)
    except BulkqError:
        if planned is not None:  # another database may have no such table
            refuse_other_databases(opened, planned)
        raise
    if planned is not None:
        await refuse_differences(opened, planned)
    return opened


async def backfill(
    request: Run, *, control: Control, observers: Sequence[Observer] = (), planned: PlannedBackfill | None = None
) -> RunSummary:
    """Change a table as `request.backfill` says, as a new run.

    Args:
        request: the statement, targets, limits, and `backfill` with the table and its ranges.
        control: stops the run from outside.
        observers: are notified of each range.
        planned: a plan that must still hold; None if there is none.

    Raises:
        BulkqError: nothing of the user's was executed: usage (2), target (3), refused (4).
    """
    job = RunJob(
        request=request,
        run=new_run_id(),
        ledger=asyncio.create_task(open_recorder(request.safety.ledger)),
        control=control,
        observers=observers,
    )
    return await carry_out(replace(BACKFILL, preflight=partial(prepare_planned, planned)), job)
