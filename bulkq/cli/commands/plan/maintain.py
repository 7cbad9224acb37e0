"""`bulkq plan maintain`: list the objects that a maintenance run would work on, and why some would be skipped."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.display import shared_plan_lines as text
from bulkq.cli.display.maintenance_plan_text import plan_lines
from bulkq.cli.display.progress import make_progress
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages, Notices
from bulkq.cli.options import build_run as requests
from bulkq.cli.options.build_maintain import build
from bulkq.cli.options.maintain_options import START, MaintainValues, maintain_options
from bulkq.cli.options.safety import warn_of_password

if TYPE_CHECKING:
    from bulkq.tasks.plan.plan_maintenance import MaintenancePlan


@click.command(
    "maintain",
    cls=DocumentedCommand,
    start=START,
    short_help="Show what bulkq maintain would do.",
    examples=(("see which tables would be vacuumed", "bulkq plan maintain vacuum -t prod --select 'dead > 10%'"),),
)
@maintain_options
@click.pass_context
def maintain(ctx: click.Context, /, **options: Unpack[MaintainValues]) -> int:
    """Show what bulkq maintain would do: the objects in their order, what the catalog says of each, and its statement.

    Only the catalog is read. Nothing is executed.
    """
    from bulkq.tasks.plan.plan_maintenance import plan_maintenance

    messages = Messages(as_json=options["log_format"] == "json")
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    request = build(options, ctx)
    refused = requests.refusal(request, options["confirm"])
    notices = Notices(messages, make_progress("none", sys.stderr))
    plan = plan_maintenance(request, observers=(notices,), all_databases=options["all_databases"])
    made: MaintenancePlan = asyncio.run(plan)
    for line in [*plan_lines(made), *text.refusals([refused] if refused is not None else [])]:
        click.echo(line)
    click.echo(text.ending(ctx.obj, request.queries.selected))
    return refused.exit_code if refused is not None else made.code
