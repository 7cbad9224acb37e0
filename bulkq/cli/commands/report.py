"""`bulkq report`: any report of a run again, from the ledger."""

from __future__ import annotations

import asyncio
import sys
from io import BytesIO

import click

from bulkq.cli.commands.ledger import LEDGER, warn_of_password
from bulkq.cli.messages import Messages
from bulkq.cli.options.groups import DEBUG, LOG_FORMAT, option, together
from bulkq.cli.options.types import PathText, Text
from bulkq.errors import OutputClosed, UsageError


@click.command("report", short_help="Any report of a run again, from the ledger.")
@click.argument("run", required=False, type=Text(), metavar="[RUN]")
@together(
    option("--last", is_flag=True, envvar=None, help="The newest run that has ended, instead of its id."),
    option("--format", "form", type=Text(), default="text", show_default=True, envvar=None, help="As of --report."),
    option("-o", "--output", type=PathText(), envvar=None, metavar="FILE|-", help="Where to; stdout by default."),
    LEDGER,
    LOG_FORMAT,
    DEBUG,
)
@click.pass_context
def command(
    ctx: click.Context,
    /,
    run: str | None,
    last: bool,
    form: str,
    output: str | None,
    ledger: str,
    log_format: str,
    **_: object,
) -> int:
    """Render a report of a run again: verdicts, values, counts and times, without rows, which the ledger does not keep.

    \b
    bulkq report 01kb4x --format html -o report.html
    bulkq report --last --format junit -o junit.xml
    """  # noqa: D301 - Click reads a real backspace
    from bulkq.reports import parse_report, write_report
    from bulkq.tasks.report import recalled

    messages = Messages(as_json=log_format == "json")
    warn_of_password(ledger, messages)
    if last is (run is not None):
        wrong = f'"{run}" and --last: name one of them' if last else "no run"
        raise UsageError(f"{wrong}: {ctx.command_path} RUN, or --last for the newest (bulkq runs lists them)")
    if ":" in form:
        raise UsageError(f'--format "{form}": name the format alone, and the file with -o')
    wanted = parse_report(form if output in {None, "-"} else f"{form}:{output}")
    summary = asyncio.run(recalled(run, ledger))
    stdout = sys.stdout.buffer if sys.stdout is not None else BytesIO()
    stderr = sys.stderr.buffer if sys.stderr is not None else BytesIO()
    try:
        write_report(wanted, summary, stdout, stderr)
    except OutputClosed:
        return 0
    if wanted.path is not None:
        messages.say("info", f'wrote "{wanted.path}": run {summary.run}, {summary.status}')
    return 0
