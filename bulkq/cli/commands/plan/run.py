"""`bulkq plan run`: show what a run would do: its statements, their plans, its limits and its output."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.display import shared_plan_lines as text
from bulkq.cli.display.run_plan_text import plan_lines
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_run as requests
from bulkq.cli.options.config_defaults import named_config
from bulkq.cli.options.run_options import START, RunOptions, run_options
from bulkq.cli.options.safety import warn_of_password
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.errors import BulkqError
    from bulkq.tasks.plan.plan_run import Plan

FAILED, UNKNOWN = 1, 3


@click.command(
    "run",
    cls=DocumentedCommand,
    start=START,
    short_help="Show what bulkq run would do.",
    examples=(
        ("see what a run would do", "bulkq plan run users.sql -t postgresql://host/database -p ids.csv"),
        (
            "see what a write would do",
            "bulkq plan run fix.sql:norm_phone -t prod -p range:id=1..1000000/1000 --write",
        ),
    ),
)
@run_options
@click.pass_context
def run(ctx: click.Context, /, **options: Unpack[RunOptions]) -> int:
    """Show what bulkq run would do: connect, prepare and explain each query, and check the first parameter sets.

    No query is executed. The schemas of --schemas are listed. The query of --targets-sql is prepared, but not executed.
    """
    from bulkq.tasks.plan.plan_run import plan as make

    messages = Messages(as_json=options["log_format"] == "json")
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    request = requests.build(options, ctx)
    refused = requests.refusal(request, options["confirm"])
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    terminal = sys.stdout is not None and sys.stdout.isatty()
    made = asyncio.run(make(request, config=named_config(ctx), stdin=stdin, terminal=terminal))
    for line in plan_lines(made):
        click.echo(line)
    for line in text.warning_lines(made.queries):
        messages.say("warning", line)
    problems = [
        error
        for error in (refused, made.crowded, made.output.problem, *(query.problem for query in made.queries))
        if error is not None
    ]
    for line in [*text.refusals(problems), text.ending(ctx.obj, (query.query for query in made.queries))]:
        click.echo(line)
    return _code(problems, made)


def _code(problems: Sequence[BulkqError], made: Plan) -> int:
    """Return the exit code of the run: a usage error counts before a refusal, and a failure counts last."""
    codes = [error.exit_code for error in problems]
    codes += [FAILED for query in made.queries if query.finding is not None]
    codes += [FAILED for other in made.others if other.findings]
    codes += [UsageError.exit_code] if made.asking is not None else []
    codes += [other.error.exit_code for other in made.others if other.error is not None]
    if not made.queries and not made.others and made.request.targets.sql is None:
        codes.append(UNKNOWN)  # every query would be skipped
    return next((code for code in (2, 4, 3, 1) if code in codes), 0)
