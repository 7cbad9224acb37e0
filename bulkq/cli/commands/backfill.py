"""`bulkq backfill`: build a request from the options and execute it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from functools import partial
from io import StringIO
from typing import TYPE_CHECKING, Unpack, cast

import click

from bulkq.cli.display.metrics_file import metrics_path
from bulkq.cli.display.rehearsal_text import lines
from bulkq.cli.execute_task import carry_out, files_of, wanted_reports
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_backfill
from bulkq.cli.options import build_run as requests
from bulkq.cli.options.backfill_options import START, BackfillCommandValues, backfill_options
from bulkq.cli.options.option import typed
from bulkq.cli.options.plan_file import planned_context, read_plan
from bulkq.cli.options.safety import warn_of_password

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from bulkq.engine.stop_control import Control
    from bulkq.lifecycle.backfill.plan_file import PlannedBackfill
    from bulkq.model import Run, RunSummary
    from bulkq.protocols import Observer
    from bulkq.tasks.rehearse import TableRehearsal


@click.command(
    "backfill",
    cls=DocumentedCommand,
    start=START,
    short_help="Change or delete the rows of a table by ranges of its key.",
    examples=(
        (
            "fill a column where it is empty",
            'bulkq backfill -t prod --over users --set "a = f(b)" --where "a is null"',
        ),
        (
            "delete old rows",
            "bulkq backfill -t prod --over events --delete --where \"day < '2024-01-01'\"",
        ),
        (
            "execute 10 ranges, roll them back, and see how long the whole takes",
            "bulkq backfill users.sql:norm_phone -t prod --rehearse 10",
        ),
        (
            "write a plan for a review",
            "bulkq plan backfill users.sql:norm_phone -t prod -o plan.json",
        ),
        ("carry out exactly that plan", "bulkq backfill --plan plan.json"),
        (
            "keep what the rows were",
            "bulkq backfill users.sql:norm_phone -t prod --capture",
        ),
        ("give the rows of that run their old values back", "bulkq undo 01kb4x"),
        ("run a statement of a file", "bulkq backfill users.sql:norm_phone -t prod"),
    ),
)
@backfill_options
@click.pass_context
def command(ctx: click.Context, /, **options: Unpack[BackfillCommandValues]) -> int:
    """Change or delete the rows of a table by ranges of its key, each range exactly once and in a transaction of its own.

    The table is cut while it is worked on, so that the transaction of a range takes about --target-time. A run that was stopped
    or killed goes on with bulkq resume, a failed range is done again by bulkq retry.
    """
    planned = None
    if options["plan"] is not None:
        planned = read_plan(options["plan"])
        ctx = planned_context(ctx, planned, options["plan"])
        options = cast("BackfillCommandValues", ctx.params)
    messages = Messages(as_json=options["log_format"] == "json")
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    request = build_backfill.build(options, ctx)
    refused = requests.refusal(request, options["confirm"])
    if refused is not None:
        raise refused
    if options["rehearse"] is not None:
        return _rehearse(request, options["rehearse"], planned)
    reports = wanted_reports(options["report"], rows=None)
    metrics = metrics_path(options["metrics"])
    request = replace(request, output=replace(request.output, reports=files_of(reports, metrics)))
    ledger = options["ledger"] if typed(ctx, "ledger") else None
    task = partial(_execute, request, planned)
    return carry_out(
        task,
        progress=options["progress"],
        reports=reports,
        messages=messages,
        ledger=ledger,
        metrics=metrics,
    )


def _rehearse(request: Run, ranges: int, planned: PlannedBackfill | None) -> int:
    """Execute ranges that are rolled back, print what they have shown, and return the exit code."""
    from bulkq.cli.display.progress import make_progress
    from bulkq.tasks.rehearse import rehearse

    display = make_progress("none", sys.stderr or StringIO())
    found = asyncio.run(rehearse(request, ranges, [display], planned))
    for line in (line for one in found for line in lines(one)):
        click.echo(line)
    click.echo("nothing was changed or recorded. To run it, leave out --rehearse")
    codes = [_code_of(one) for one in found]
    return next((code for code in (4, 3, 5, 1) if code in codes), 0)


def _code_of(made: TableRehearsal) -> int:
    """Return the exit code: that of the error if the target was not reached, 1 if a range failed that a run would not try again, else 0."""
    if made.lost is not None:
        return made.lost.exit_code
    waves = made.rehearsal.waves if made.rehearsal is not None else ()
    return int(any(one.error and not one.passing for wave in waves for one in wave.ranges))


async def _execute(
    request: Run,
    planned: PlannedBackfill | None,
    *,
    control: Control,
    observers: Sequence[Observer],
    stdout: BinaryIO | None,
    terminal: bool,
) -> RunSummary:
    from bulkq.tasks.backfill import backfill

    del stdout, terminal  # a backfill gives no rows
    return await backfill(request, control=control, observers=observers, planned=planned)
