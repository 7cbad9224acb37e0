"""Execute the task of a command: signals, progress display, failures, reports, and the summary line."""

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
from bulkq.text.urls import leave_out_password

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.stop_control import Control
    from bulkq.model import RunSummary
    from bulkq.protocols import Observer
    from bulkq.reports import ReportRequest

COLLECTED_AFTER = (50_000, 20, 50)
"""How seldom the garbage collector looks, by generation. Lanes make their objects per batch, which reference counts free: a look after
every 700 allocations costs a tenth of a run of short queries.
"""

SHOWN_FAILURES = 10
SHOWN_CHECKS = 30


class Task(Protocol):
    """A function of `bulkq.tasks` with its request bound to it."""

    async def __call__(
        self, *, control: Control, observers: Sequence[Observer], stdout: BinaryIO | None, terminal: bool
    ) -> RunSummary:
        """Execute the task and return its summary."""
        ...


def carry_out(
    task: Task,
    *,
    progress: str,
    reports: Sequence[ReportRequest],
    messages: Messages,
    ledger: str | None,
    metrics: str | None = None,
) -> int:
    """Execute `task`, print failures, reports and the summary line, and return the exit code.

    Args:
        task: awaited after the signal handlers are installed.
        progress: `--progress`.
        reports: written when the task has ended.
        messages: the writer for stderr.
        ledger: the value of `--ledger` if it was typed; the command that resumes the run needs it too.
        metrics: the path of `--metrics`; None for none.
    """
    gc.freeze()  # imported objects stay alive, so the garbage collector need not visit them
    gc.set_threshold(*COLLECTED_AFTER)
    summary = asyncio.run(_attended(task, progress, messages, metrics))
    if summary.resume and ledger is not None:
        summary = replace(summary, resume=f"{summary.resume} --ledger {shlex.quote(leave_out_password(ledger))}")
    return _tell(summary, reports, messages)


def wanted_reports(specs: Sequence[str], *, rows: str | None) -> list[ReportRequest]:
    """Return the reports of `--report`, with absolute paths. Called before the run starts.

    Args:
        specs: the values of `--report`.
        rows: the advice that moves the rows away from stdout; None if no rows go to stdout.

    Raises:
        UsageError: a report is not valid, or goes where rows or another report go.
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
    # A resumed run changes to the folder of the run that it continues.
    return [replace(report, path=str(Path(report.path).absolute())) if report.path else report for report in wanted]


def files_of(reports: Sequence[ReportRequest], metrics: str | None = None) -> tuple[str, ...]:
    """Return the paths of the reports and of `--metrics`."""
    return tuple(path for path in (*(report.path for report in reports), metrics) if path is not None)


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


async def _attended(task: Task, progress: str, messages: Messages, metrics: str | None) -> RunSummary:
    """Await the task. The first SIGINT, SIGTERM or SIGHUP drains it; the second cancels it."""
    from bulkq.cli.display.metrics_file import MetricsFile
    from bulkq.cli.display.progress import data_stream, make_progress
    from bulkq.cli.signals import Signals
    from bulkq.engine.stop_control import Control

    control, signals = Control(listens=True), Signals()
    display = make_progress("none" if sys.stderr is None else progress, sys.stderr or StringIO())
    shown: Observer = Notices(messages, display) if messages.as_json else display
    observers: list[Observer] = [signals, shown]
    file = None if metrics is None else MetricsFile(metrics, shown.notice)
    try:
        signals.attach(control, shown)
        return await task(
            control=control,
            observers=observers if file is None else [*observers, file],
            stdout=data_stream(sys.stdout.buffer, display) if sys.stdout is not None else None,
            terminal=sys.stdout is not None and sys.stdout.isatty(),
        )
    except asyncio.CancelledError:
        if signals.received and not signals.begun:
            raise signals.too_early() from None
        raise
    finally:
        display.close()
        if file is not None:
            file.close()


def _tell(summary: RunSummary, reports: Sequence[ReportRequest], messages: Messages) -> int:
    """Print failures, reports and, as the last line, the summary. Return the exit code."""
    from bulkq.policy.throttle_waits import waits_text
    from bulkq.reports import failure_lines, summary_line, target_lines

    messages.raw(failure_lines(summary, len(summary.failures) if summary.objects else SHOWN_FAILURES))
    if summary.checks:
        from bulkq.reports.text_report import notable_lines

        messages.raw(notable_lines(summary, SHOWN_CHECKS))
    messages.raw(target_lines(summary))
    if summary.throttles:
        messages.say("info", waits_text(summary.throttled_s, summary.throttles))
    if summary.reason and (summary.exit_code or not summary.attempts):  # or no set was tried
        messages.say("info", f"{summary.status}: {summary.reason}")
    summary = write_all(reports, summary, messages)
    messages.raw([summary_line(summary)])
    return summary.exit_code


def write_all(reports: Sequence[ReportRequest], summary: RunSummary, messages: Messages) -> RunSummary:
    """Write the reports. Return `summary`, with another exit code if a report could not be written."""
    for report in (*reports, *_by_themselves(summary, reports)):
        summary = _report(report, summary, messages)
    return summary


def _by_themselves(summary: RunSummary, reports: Sequence[ReportRequest]) -> list[ReportRequest]:
    """Return the github report of checks if GitHub Actions runs bulkq and `--report` does not name it."""
    wanted = (summary.checks or summary.mode == "check") and os.environ.get("GITHUB_ACTIONS") == "true"
    if not wanted or any(report.format == "github" for report in reports):
        return []
    from bulkq.reports import ReportRequest

    return [ReportRequest("github")]


def _report(report: ReportRequest, summary: RunSummary, messages: Messages) -> RunSummary:
    """Write one report. If it cannot be written, the exit code must not be 0: a later step expects the file."""
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
