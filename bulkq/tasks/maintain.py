"""`bulkq maintain`: one command for each of many objects, each at most once, and the truth about each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.ledger import open_recorder
from bulkq.lifecycle.command_steps import ENGINE, RunJob, Steps, carry_out, new_run_id
from bulkq.lifecycle.maintain.prepare import prepare_maintenance
from bulkq.lifecycle.open_run import open_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.stop_control import Control
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure, Run, RunSummary
    from bulkq.protocols import Observer

LATER = ("bulkq.lifecycle.record", "bulkq.lifecycle.maintain.begin", "bulkq.lifecycle.maintain.execute")
"""Modules of the steps behind the first answers of the targets."""


async def _begin_maintenance(opened: OpenRun) -> RecordedRun:
    """Record the run with its objects; see `bulkq.lifecycle.maintain.begin`."""
    from bulkq.lifecycle.maintain.begin import begin_maintenance

    return await begin_maintenance(opened)


def _first_line(recorded: RecordedRun) -> str:
    """Return the first line of the run; see `bulkq.lifecycle.execute_run`."""
    from bulkq.lifecycle.execute_run import first_line

    return first_line(recorded)


async def _execute_maintenance(recorded: RecordedRun) -> Sequence[Failure]:
    """Execute the commands; see `bulkq.lifecycle.maintain.execute`."""
    from bulkq.lifecycle.maintain.execute import execute_maintenance

    return await execute_maintenance(recorded)


async def _finish_maintenance(recorded: RecordedRun, failures: Sequence[Failure]) -> RunSummary:
    """Close the run; see `bulkq.lifecycle.maintain.execute`."""
    from bulkq.lifecycle.maintain.execute import finish_maintenance

    return await finish_maintenance(recorded, failures)


MAINTAIN: Steps[RunJob, OpenRun, OpenRun, RecordedRun, Sequence[Failure]] = Steps(
    open=open_run,
    preflight=prepare_maintenance,
    record=_begin_maintenance,
    first_line=_first_line,
    execute=_execute_maintenance,
    finish=_finish_maintenance,
    later=(*ENGINE, *LATER),
)
"""The steps of a maintenance run, new, resumed or retried."""


async def maintain(
    request: Run, *, control: Control, observers: Sequence[Observer] = (), all_databases: bool = False
) -> RunSummary:
    """Execute the command of `request.maintenance` for each object that it selects, as a new run.

    Args:
        request: targets, limits, and `maintenance` with the command and its objects.
        control: stops the run from outside.
        observers: are notified of each object.
        all_databases: every database of the servers of the targets is a target.

    Raises:
        BulkqError: nothing of the user's was executed: usage (2), target (3), refused (4).
    """
    if all_databases:
        from bulkq.lifecycle.maintain.all_databases import on_all_databases

        request = await on_all_databases(request, observers)
    job = RunJob(
        request=request,
        run=new_run_id(),
        ledger=asyncio.create_task(open_recorder(request.safety.ledger)),
        control=control,
        observers=observers,
    )
    return await carry_out(MAINTAIN, job)
