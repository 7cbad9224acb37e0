"""`bulkq run`: build a request from the options and execute it."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.display.metrics_file import metrics_path
from bulkq.cli.execute_task import carry_out, files_of, wanted_reports
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_run as requests
from bulkq.cli.options.config_defaults import config_of
from bulkq.cli.options.option import typed
from bulkq.cli.options.run_options import START, RunOptions, run_options
from bulkq.cli.options.safety import warn_of_password
from bulkq.cli.options.shard_output_paths import filled_reports, own_file
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from bulkq.model import Run


@click.command(
    "run",
    cls=DocumentedCommand,
    start=START,
    short_help="Run queries for each parameter set.",
    examples=(
        (
            "run a query for each line of ids.csv",
            "bulkq run users.sql -t sqlite:///app.db -p ids.csv -o users.csv",
        ),
        (
            "change a table in ranges of 1000 ids, 8 at a time",
            "bulkq run fix.sql:norm_phone -t prod -p range:id=1..1000000/1000 --write",
        ),
        (
            "run a query on each target of a group, without parameters",
            'bulkq run -e "select count(*) from users" -t replicas --include target',
        ),
        ("see what a run would do", "bulkq plan run users.sql -t sqlite:///app.db -p ids.csv"),
    ),
)
@run_options
@click.pass_context
def command(ctx: click.Context, /, **options: Unpack[RunOptions]) -> int:
    """Run queries for each parameter set: one row of a file, one number or key range, one row of another query.

    Each option can be set by an environment variable: BULKQ_LOCK_TIMEOUT for --lock-timeout. Durations are written 250ms,
    30s, 5m or 2h.
    """
    messages = Messages(as_json=options["log_format"] == "json")
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    request = requests.build(options, ctx)
    refused = requests.refusal(request, options["confirm"])
    if refused is not None:
        raise refused
    rows = ", or the rows with -o FILE" if _rows_on_stdout(request) else None
    reports = wanted_reports(filled_reports(options["report"], options["shard"]), rows=rows)
    metrics = metrics_path(own_file("--metrics", options["metrics"], options["shard"]))
    if sys.stdout is None and request.output.path in {None, "-"}:
        raise UsageError("stdout is closed: write with -o FILE")
    from bulkq.tasks.run import run

    request = replace(request, output=replace(request.output, reports=files_of(reports, metrics)))
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    task = partial(run, request, stdin=stdin, config=config_of(ctx))
    ledger = options["ledger"] if typed(ctx, "ledger") else None
    return carry_out(
        task,
        progress=options["progress"],
        reports=reports,
        messages=messages,
        ledger=ledger,
        metrics=metrics,
    )


def _rows_on_stdout(request: Run) -> bool:
    return request.output.path in {None, "-"} and request.output.format != "none"
