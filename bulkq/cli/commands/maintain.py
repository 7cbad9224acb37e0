"""`bulkq maintain`: build a request from the options and execute it, or list the indexes that need attention."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.display.metrics_file import metrics_path
from bulkq.cli.execute_task import carry_out, files_of, wanted_reports
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_run as requests
from bulkq.cli.options.build_maintain import build
from bulkq.cli.options.maintain_options import START, MaintainValues, maintain_options
from bulkq.cli.options.option import typed
from bulkq.cli.options.safety import warn_of_password

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from bulkq.engine.stop_control import Control
    from bulkq.model import Run, RunSummary
    from bulkq.protocols import Observer


@click.command(
    "maintain",
    cls=DocumentedCommand,
    start=START,
    short_help="Vacuum, analyze, reindex and others, object by object.",
    examples=(
        (
            "vacuum the tables with many dead rows, 4 at a time, at night",
            "bulkq maintain vacuum -t prod -j 4 --select 'dead > 10%' --window 01:00-05:00",
        ),
        (
            "rebuild bloated indexes for at most 4 hours",
            "bulkq maintain reindex -t prod --select 'bloat > 40%' --deadline 4h",
        ),
        ("find what rebuilds have left behind, and mend it", "bulkq maintain indexes -t prod --repair"),
        ("see what would be done", "bulkq plan maintain vacuum -t prod"),
    ),
)
@maintain_options
@click.pass_context
def command(ctx: click.Context, /, **options: Unpack[MaintainValues]) -> int:
    """Execute a command of maintenance for each object of a database: vacuum, freeze, analyze, reindex, cluster, refresh,
    checkpoint, optimize, check, integrity or indexes, as far as the database has it.

    Each object is done at most once and has its own outcome. An object for which the server gave a warning is skipped, with the
    reason, and never counted as done. bulkq resume does those that are missing or skipped, bulkq retry also those that failed.
    """  # noqa: D205 - the first sentence is longer than a line
    messages = Messages(as_json=options["log_format"] == "json")
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    request = build(options, ctx)
    refused = requests.refusal(request, options["confirm"])
    if refused is not None:
        raise refused
    if options["what"] == "indexes" and not options["repair"]:
        return _list(request, all_databases=options["all_databases"])
    reports = wanted_reports(options["report"], rows=None)
    metrics = metrics_path(options["metrics"])
    request = replace(request, output=replace(request.output, reports=files_of(reports, metrics)))
    ledger = options["ledger"] if typed(ctx, "ledger") else None
    task = partial(_execute, request, options["all_databases"])
    return carry_out(
        task,
        progress=options["progress"],
        reports=reports,
        messages=messages,
        ledger=ledger,
        metrics=metrics,
    )


def _list(request: Run, *, all_databases: bool) -> int:
    """Print the indexes that need attention. Return 1 if there are any, so that a job notices."""
    from bulkq.cli.display.maintenance_plan_text import plan_lines
    from bulkq.tasks.plan.plan_maintenance import plan_maintenance

    made = asyncio.run(plan_maintenance(request, all_databases=all_databases))
    for line in plan_lines(made):
        click.echo(line)
    if made.code:
        return made.code
    return 1 if any(one.planned for one in made.targets) else 0


async def _execute(
    request: Run,
    all_databases: bool,
    *,
    control: Control,
    observers: Sequence[Observer],
    stdout: BinaryIO | None,
    terminal: bool,
) -> RunSummary:
    from bulkq.tasks.maintain import maintain

    del stdout, terminal  # maintenance gives no rows
    return await maintain(request, control=control, observers=observers, all_databases=all_databases)
