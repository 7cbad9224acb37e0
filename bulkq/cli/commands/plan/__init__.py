"""`bulkq plan COMMAND ...`: print what COMMAND would do with the same arguments. One module for each COMMAND."""

from __future__ import annotations

import click

from bulkq.cli.commands.plan.backfill import backfill
from bulkq.cli.commands.plan.check import check
from bulkq.cli.commands.plan.maintain import maintain
from bulkq.cli.commands.plan.run import run
from bulkq.cli.help import DocumentedGroup


@click.group(
    "plan",
    cls=DocumentedGroup,
    short_help="Show what a command would do, without executing a query.",
    examples=(
        ("see what a run would do", "bulkq plan run users.sql -t sqlite:///app.db -p ids.csv"),
        ("see which checks would run", "bulkq plan check checks/ -t postgresql://host/database"),
        (
            "see the statement, ranges, locks and plans of a backfill",
            'bulkq plan backfill -t prod --over users --set "a = f(b)" --where "a is null"',
        ),
    ),
)
def command() -> None:
    """Show what a command would do with the same arguments. No query is executed."""


command.add_command(backfill)
command.add_command(check)
command.add_command(maintain)
command.add_command(run)
