"""`bulkq plan backfill`: show the statement, the key, the ranges, the locks and the plans of a backfill."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from bulkq import __version__
from bulkq.cli.display import shared_plan_lines as text
from bulkq.cli.display.backfill_plan_text import plan_lines
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_backfill
from bulkq.cli.options import build_run as requests
from bulkq.cli.options.backfill_options import START, PlanBackfillValues, plan_backfill_options
from bulkq.cli.options.plan_file import planned_options
from bulkq.cli.options.safety import warn_of_password
from bulkq.errors import UsageError
from bulkq.lifecycle.backfill.plan_file import PlannedBackfill, settings_of, to_json

if TYPE_CHECKING:
    from bulkq.model import Run
    from bulkq.tasks.plan.plan_backfill import BackfillPlan


@click.command(
    "backfill",
    cls=DocumentedCommand,
    start=START,
    short_help="Show what bulkq backfill would do.",
    examples=(
        (
            "see the plan of a backfill",
            'bulkq plan backfill -t prod --over users --set "a = f(b)" --where "a is null"',
        ),
        (
            "write the plan for a review, and carry it out later",
            'bulkq plan backfill -t prod --over users --set "a = f(b)" -o plan.json',
        ),
    ),
)
@plan_backfill_options
@click.pass_context
def backfill(ctx: click.Context, /, **options: Unpack[PlanBackfillValues]) -> int:
    """Show what bulkq backfill would do: its statement, key, ranges, locks, throttles, verification, and the plans of a few ranges.

    The statement is prepared and explained, but not executed. No table is made.
    """
    from bulkq.tasks.plan.plan_backfill import plan_backfill

    messages = Messages(as_json=options["log_format"] == "json")
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    request = build_backfill.build(options, ctx)
    refused = requests.refusal(request, options["confirm"])
    made = asyncio.run(plan_backfill(request))
    problems = [refused, *(None if safety_allows(request) else table.problem for table in made.tables)]
    found = [error for error in problems if error is not None]
    for line in plan_lines(made, request):
        click.echo(line)
    for line in text.refusals(found):
        click.echo(line)
    codes = [error.exit_code for error in found] + [error.exit_code for _, error in made.lost]
    code = next((code for code in (2, 4, 3) if code in codes), 0)
    if options["output"] is None:
        click.echo(text.ending(ctx.obj, request.queries.selected))
    elif code:
        click.echo(f"no query was executed, and {options['output']} was not written")
    else:
        _write(made, ctx, options["output"])
    return code


def _write(made: BackfillPlan, ctx: click.Context, path: str) -> None:
    """Write the plan to a file, and print how to carry it out.

    Raises:
        UsageError: the file cannot be written.
    """
    (query,) = made.run.queries.selected
    options, secret = planned_options(ctx, query)
    plan = PlannedBackfill(options=options, secret=secret, settings=settings_of(made.run), tables=made.planned)
    try:
        Path(path).write_text(to_json(plan, __version__), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"-o {path}: {(error.strerror or str(error)).lower()}: name another file") from error
    click.echo(
        f"no query was executed. The plan is in {path}. To carry it out: bulkq backfill --plan {shlex.quote(path)}"
    )


def safety_allows(request: Run) -> bool:
    """Return whether `--allow seqscan` is given."""
    return "seqscan" in request.safety.allow
