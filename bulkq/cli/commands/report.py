"""`bulkq report`: write a report of a recorded run."""

from __future__ import annotations

import asyncio
import sys
from io import BytesIO

import click

from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options.option import option, together
from bulkq.cli.options.output import DEBUG, LOG_FORMAT
from bulkq.cli.options.safety import LEDGER, warn_of_password
from bulkq.cli.options.types import PathText, ReportText, RunText
from bulkq.errors import OutputClosed, UsageError


@click.command(
    "report",
    cls=DocumentedCommand,
    short_help="Write a report of a recorded run.",
    examples=(
        ("write a report as a web page", "bulkq report 01kb4x --format html -o report.html"),
        ("write a report of the newest run for a CI server", "bulkq report --last --format junit -o junit.xml"),
    ),
)
@click.argument("run", required=False, type=RunText(), metavar="[RUN]")
@together(
    option("--last", is_flag=True, envvar=None, help="Use the newest run that has ended instead of a run id."),
    option(
        "--format",
        "form",
        type=ReportText(),
        default="text",
        show_default=True,
        envvar=None,
        metavar="FORMAT",
        help="Format of the report: text, json, junit, github, gitlab, sarif, tap, markdown or html.",
    ),
    option(
        "-o", "--output", type=PathText(), envvar=None, metavar="FILE|-", help="File for the report. Default: stdout."
    ),
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
    """Write a report of a recorded run: verdicts, values, counts and times. The ledger does not record result rows."""
    from bulkq.reports import parse_report, write_report
    from bulkq.tasks.report import recall_summary

    messages = Messages(as_json=log_format == "json")
    warn_of_password(ledger, messages)
    if last is (run is not None):
        wrong = f'"{run}" and --last: name one of them' if last else "no run"
        raise UsageError(f"{wrong}: {ctx.command_path} RUN, or --last for the newest (bulkq runs lists them)")
    if ":" in form:
        raise UsageError(f'--format "{form}": name the format alone, and the file with -o')
    wanted = parse_report(form if output in {None, "-"} else f"{form}:{output}", "--format")
    summary = asyncio.run(recall_summary(run, ledger))
    stdout = sys.stdout.buffer if sys.stdout is not None else BytesIO()
    stderr = sys.stderr.buffer if sys.stderr is not None else BytesIO()
    try:
        write_report(wanted, summary, stdout, stderr)
    except OutputClosed:
        return 0
    if wanted.path is not None:
        messages.say("info", f'wrote "{wanted.path}": run {summary.run}, {summary.status}')
    return 0
