"""`bulkq run`, and runs of the Python API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.ledger import open_recorder
from bulkq.lifecycle.command_steps import ENGINE, Console, RunJob, Steps, carry_out, new_run_id
from bulkq.lifecycle.expand_targets import expand_targets
from bulkq.lifecycle.open_run import open_run
from bulkq.lifecycle.preflight import look_first
from bulkq.lifecycle.resume_state import ResumeState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from bulkq.engine.stop_control import Control
    from bulkq.lifecycle.command_steps import CallerResources
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure, Run, RunSummary
    from bulkq.protocols import Observer
    from bulkq.targets import Config

LATER = ("bulkq.lifecycle.record", "bulkq.lifecycle.execute_run", "bulkq.lifecycle.finish")
"""Modules of the steps behind the first answers of the targets."""


async def _begin(opened: OpenRun) -> RecordedRun:
    """Record the run; see `bulkq.lifecycle.record`."""
    from bulkq.lifecycle.record import begin

    return await begin(opened)


def _first_line(recorded: RecordedRun) -> str:
    """Return the first line of the run; see `bulkq.lifecycle.execute_run`."""
    from bulkq.lifecycle.execute_run import first_line

    return first_line(recorded)


async def _execute(recorded: RecordedRun) -> Sequence[Failure]:
    """Execute all parts; see `bulkq.lifecycle.execute_run`."""
    from bulkq.lifecycle.execute_run import execute

    return await execute(recorded)


async def _finish(recorded: RecordedRun, failures: Sequence[Failure]) -> RunSummary:
    """Close the run; see `bulkq.lifecycle.finish`."""
    from bulkq.lifecycle.finish import finish

    return await finish(recorded, failures)


RUN: Steps[RunJob, OpenRun, OpenRun, RecordedRun, Sequence[Failure]] = Steps(
    open=open_run,
    preflight=look_first,
    record=_begin,
    first_line=_first_line,
    execute=_execute,
    finish=_finish,
    later=(*ENGINE, *LATER),
)
"""The steps of a run, new, resumed or a retry, on the command line or from Python."""


async def run(
    request: Run,
    *,
    control: Control,
    observers: Sequence[Observer] = (),
    stdout: BinaryIO | None = None,
    stdin: BinaryIO | None = None,
    terminal: bool = False,
    given: CallerResources | None = None,
    repeats: ResumeState | None = None,
    config: Config | None = None,
) -> RunSummary:
    """Do what `request` says, as a new run.

    Args:
        request: queries, target, parameters, limits, output.
        control: stops the run from outside.
        observers: told what happens, per batch.
        stdout: where rows go when no file is named; nothing else is ever written to it.
        stdin: read by `-p -`.
        terminal: whether `stdout` is one, and a table is wanted.
        given: source, sink and connections of a caller that has them.
        repeats: of a retry, what it takes from the run whose failed sets are done again.
        config: where the names are looked up that `--targets-sql` gives; by default what this folder has.

    Raises:
        BulkqError: nothing of the user's was executed: usage (2), target (3), refused (4).
    """

    def say(text: str) -> None:
        for observer in observers:
            observer.notice(text)

    if repeats is None and given is None:
        request = await expand_targets(request, config, say)
    job = RunJob(
        request=request,
        run=new_run_id(),
        ledger=asyncio.create_task(open_recorder(request.safety.ledger)),
        control=control,
        observers=observers,
        console=Console(stdout, stdin, terminal),
        given=given,
        resume=repeats or ResumeState(),
    )
    return await carry_out(RUN, job)
