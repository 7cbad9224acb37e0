"""`bulkq run`: options become a request, and the request a run."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.commands.ledger import warn_of_password
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_run as requests
from bulkq.cli.options.defaults import config_of
from bulkq.cli.options.groups import RunOptions, run_options, typed
from bulkq.cli.run_task import carry_out, files_of, wanted_reports
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from bulkq.model import Run


@click.command("run", short_help="Run queries for every parameter set.")
@run_options
@click.pass_context
def command(ctx: click.Context, /, **options: Unpack[RunOptions]) -> int:
    """Run queries for every parameter set.

    \b
    bulkq run users.sql -t sqlite:///app.db -p ids.csv -o users.csv
    bulkq run fix.sql:norm_phone -t postgresql://db/app -p range:id=1..1000000/1000 --write

    Every option is also an environment variable: --lock-timeout is BULKQ_LOCK_TIMEOUT.
    Times are written 250ms, 30s, 5m, 2h; none switches a limit off.
    """  # noqa: D301 - Click reads a real backspace
    messages = Messages(as_json=options["log_format"] == "json")
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    request = requests.build(options, ctx)
    refused = requests.refusal(request, options["confirm"])
    if refused is not None:
        raise refused
    rows = ", or the rows with -o FILE" if _rows_on_stdout(request) else None
    reports = wanted_reports(options["report"], rows=rows)
    if sys.stdout is None and request.output in {None, "-"}:
        raise UsageError("stdout is closed: write with -o FILE")
    from bulkq.tasks.run import run

    request = replace(request, reports=files_of(reports))
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    task = partial(run, request, stdin=stdin, config=config_of(ctx))
    ledger = options["ledger"] if typed(ctx, "ledger") else None
    return carry_out(task, progress=options["progress"], reports=reports, messages=messages, ledger=ledger)


def _rows_on_stdout(request: Run) -> bool:
    return request.output in {None, "-"} and request.format != "none"
