"""What commands that run something have in common: signals, display, failures, reports, the last line."""

from __future__ import annotations

import asyncio
import gc
import os
import shlex
import sys
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from bulkq.cli.messages import Messages, Notices
from bulkq.errors import BulkqError, OutputClosed, StoppedError, UsageError
from bulkq.model import Status
from bulkq.text.urls import MASK, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.control import Control
    from bulkq.model import RunSummary
    from bulkq.protocols import Observer
    from bulkq.reports import ReportRequest

SHOWN_FAILURES = 10
SHOWN_CHECKS = 30


class Task(Protocol):
    """A function of `bulkq.tasks`, with what the command line asks for bound to it."""

    async def __call__(
        self, *, control: Control, observers: Sequence[Observer], stdout: BinaryIO | None, terminal: bool
    ) -> RunSummary:
        """Do it."""
        ...


def carry_out(
    task: Task, *, progress: str, reports: Sequence[ReportRequest], messages: Messages, ledger: str | None
) -> int:
    """Do `task`, tell what came of it, and return the exit code.

    Args:
        task: does it, once signals are looked after.
        progress: `--progress`.
        reports: written when it has ended.
        messages: where lines for people go.
        ledger: of `--ledger` where it was typed: then the command that goes on needs it too.
    """
    gc.freeze()  # what was imported stays: the garbage collector need not look at it again
    summary = asyncio.run(_attended(task, progress, messages))
    if summary.resume and ledger is not None:
        summary = replace(summary, resume=f"{summary.resume} --ledger {shlex.quote(without_password(ledger))}")
    return _tell(summary, reports, messages)


def without_password(argument: str) -> str:
    """`argument` as it can be shown and typed again: a URL in it has lost its password."""
    shown = safe(argument)
    if shown == argument:
        return argument
    return shown.replace(f":{MASK}@", "@") if f":{MASK}@" in shown else shown


def wanted_reports(specs: Sequence[str], *, rows: str | None) -> list[ReportRequest]:
    """The reports of `--report`, understood before anything runs; files by their whole path.

    Args:
        specs: as typed.
        rows: how rows could be kept from stdout; None where none go there.

    Raises:
        UsageError: a report is not understood, would stand among the rows on stdout, or where another one stands.
    """
    if not specs:
        return []
    from bulkq.reports import parse_report

    wanted = [parse_report(spec) for spec in specs]
    printed = [report.format for report in wanted if report.to_stdout]
    if printed and rows is not None:
        raise UsageError(
            f"--report {printed[0]} goes to stdout, where the rows go: write --report {printed[0]}:FILE{rows}"
        )
    if len(printed) > 1:
        raise UsageError(
            f"--report {printed[0]} and --report {printed[1]} both go to stdout: write --report {printed[1]}:FILE"
        )
    _each_its_own_file(wanted)
    # A resumed run works in the folder of the one that it continues.
    return [replace(report, path=str(Path(report.path).absolute())) if report.path else report for report in wanted]


def files_of(reports: Sequence[ReportRequest]) -> tuple[str, ...]:
    """The files that reports are written to."""
    return tuple(report.path for report in reports if report.path is not None)


def _each_its_own_file(wanted: Sequence[ReportRequest]) -> None:
    taken: dict[str, str] = {}
    for report in wanted:
        if report.path is None or report.path.startswith("/dev/"):
            continue
        path = str(Path(report.path).absolute())
        if path in taken:
            raise UsageError(
                f'--report {taken[path]} and --report {report.format} both name "{report.path}": name two files'
            )
        taken[path] = report.format


async def _attended(task: Task, progress: str, messages: Messages) -> RunSummary:
    """Do the task while SIGINT, SIGTERM and SIGHUP drain it at first and cancel it the second time."""
    from bulkq.cli.display.progress import data_stream, make_progress
    from bulkq.cli.signals import Signals
    from bulkq.engine.control import Control

    control, signals = Control(), Signals()
    display = make_progress("none" if sys.stderr is None else progress, sys.stderr or StringIO())
    shown: Observer = Notices(messages, display) if messages.as_json else display
    try:
        signals.attach(control, shown)
        return await task(
            control=control,
            observers=[signals, shown],
            stdout=data_stream(sys.stdout.buffer, display) if sys.stdout is not None else None,
            terminal=sys.stdout is not None and sys.stdout.isatty(),
        )
    except asyncio.CancelledError:
        if signals.received and not signals.begun:
            raise signals.too_early() from None
        raise
    finally:
        display.close()


def _tell(summary: RunSummary, reports: Sequence[ReportRequest], messages: Messages) -> int:
    """Failures, reports, and always as the last line the summary. Returns the exit code."""
    from bulkq.reports import failure_lines, summary_line, target_lines

    messages.raw(failure_lines(summary, SHOWN_FAILURES))
    if summary.checks:
        from bulkq.reports.text_report import notable_lines

        messages.raw(notable_lines(summary, SHOWN_CHECKS))
    messages.raw(target_lines(summary))
    if summary.reason and (summary.exit_code or not summary.attempts):  # or there was nothing to do
        messages.say("info", f"{summary.status}: {summary.reason}")
    summary = write_all(reports, summary, messages)
    messages.raw([summary_line(summary)])
    return summary.exit_code


def write_all(reports: Sequence[ReportRequest], summary: RunSummary, messages: Messages) -> RunSummary:
    """Write every report that is wanted; `summary`, or with another exit code where one could not be written."""
    for report in (*reports, *_by_themselves(summary, reports)):
        summary = _report(report, summary, messages)
    return summary


def _by_themselves(summary: RunSummary, reports: Sequence[ReportRequest]) -> list[ReportRequest]:
    """GitHub's report of checks, where GitHub runs us and nobody has asked for it or sent it elsewhere."""
    from bulkq.reports import ReportRequest

    wanted = (summary.checks or summary.mode == "check") and os.environ.get("GITHUB_ACTIONS") == "true"
    return [ReportRequest("github")] if wanted and not any(report.format == "github" for report in reports) else []


def _report(report: ReportRequest, summary: RunSummary, messages: Messages) -> RunSummary:
    """Write one report. A report that cannot be written must not end with 0: somebody waits for it."""
    from bulkq.reports import write_report

    stdout = sys.stdout.buffer if sys.stdout is not None else BytesIO()
    stderr = sys.stderr.buffer if sys.stderr is not None else BytesIO()
    try:
        write_report(report, summary, stdout, stderr)
    except OutputClosed:
        return summary
    except BulkqError as error:
        messages.say("error", str(error))
        if summary.exit_code == 0:
            return replace(summary, status=Status.STOPPED, exit_code=StoppedError.exit_code)
    return summary
