"""`bulkq plan check`: show which checks would run on which targets, and which of them the server rejects."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.display import shared_plan_lines as text
from bulkq.cli.display.check_plan_text import plan_lines
from bulkq.cli.execute_task import wanted_reports
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_check, build_run
from bulkq.cli.options.check_options import START, CheckOptions, check_options
from bulkq.cli.options.config_defaults import named_config
from bulkq.cli.options.safety import warn_of_password
from bulkq.cli.options.shard_output_paths import filled_reports
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.errors import BulkqError
    from bulkq.tasks.check.selection import ExclusionCounts
    from bulkq.tasks.plan.plan_checks import ChecksPlan

UNKNOWN = 3


@click.command(
    "check",
    cls=DocumentedCommand,
    start=START,
    short_help="Show what bulkq check would do.",
    examples=(
        (
            "see which checks of a tag would run, and where",
            "bulkq plan check checks/ -t postgresql://host/database --tag nightly",
        ),
    ),
)
@check_options
@click.pass_context
def check(ctx: click.Context, /, **options: Unpack[CheckOptions]) -> int:
    """Show which checks would run on which targets. Each server prepares the checks; none is executed.

    The schemas of --schemas are listed. The query of --targets-sql is prepared, but not executed.

    Exit code: 3 if a check cannot be evaluated, 2 and 4 as for bulkq check.
    """
    from bulkq.tasks.plan.plan_checks import plan_checks

    messages = Messages(as_json=options["log_format"] == "json")
    build_run.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    reports = wanted_reports(filled_reports(options["report"], options["shard"]), rows=None)
    build_check.want_paths(options)
    targets = build_check.targets_of(options, ctx)
    selected = build_check.select_checks(options, targets)
    request = build_check.build(options, ctx, selected, targets)
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    made = asyncio.run(plan_checks(request, config=named_config(ctx), stdin=stdin))
    problems = [error for error in (made.snapshot, *(one.made.problem for one in made.checks)) if error is not None]
    lines = [
        *plan_lines(made, request, reports, _left_out(selected.left_out, options)),
        *text.refusals(problems),
        text.ending(ctx.obj, (one.made.query for one in made.checks)),
    ]
    for line in lines:
        click.echo(line)
    for line in text.warning_lines(one.made for one in made.checks):
        messages.say("warning", line)
    return _code(problems, made)


def _code(problems: Sequence[BulkqError], made: ChecksPlan) -> int:
    """Return the exit code of the run, as far as it does not depend on the data."""
    codes = [error.exit_code for error in problems]
    codes += [other.error.exit_code for other in made.others if other.error is not None]
    codes += [UsageError.exit_code] if made.asking is not None else []
    codes += [UNKNOWN for other in made.others if other.findings]
    if any(one.errors or one.findings or one.made.finding is not None for one in made.checks):
        codes.append(UNKNOWN)
    if (
        made.run.queries.selected
        and not made.checks
        and not made.others
        and made.run.targets.sql is None
        and made.first
    ):
        codes.append(UNKNOWN)  # every check would be skipped
    return next((code for code in (2, 4, 3) if code in codes), 0)


def _left_out(without: ExclusionCounts, options: CheckOptions) -> str:
    tags = ", ".join(options["tag"])
    files = f"{without.files} {'file' if without.files == 1 else 'files'}"
    parts = [
        (without.untagged, f"{without.untagged} without --tag {tags}"),
        (without.excluded, f"{without.excluded} by --exclude"),
        (without.files, f"{files} by --exclude"),
        (without.unchanged, f"{without.unchanged} unchanged since {options['changed_since']}"),
    ]
    shown = ", ".join(words for count, words in parts if count)
    compared = f"; {without.compared} only for comparison" if without.compared else ""
    return f"{f'; left out: {shown}' if shown else ''}{compared}"
