"""`bulkq check`: evaluate the checks of files."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.display.metrics_file import metrics_path
from bulkq.cli.execute_task import carry_out, wanted_reports, write_all
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_check, build_run
from bulkq.cli.options.check_options import START, check_options
from bulkq.cli.options.config_defaults import named_config
from bulkq.cli.options.option import typed
from bulkq.cli.options.safety import warn_of_password
from bulkq.cli.options.shard_output_paths import filled_reports, own_file
from bulkq.errors import BulkqError, UsageError
from bulkq.model import RunSummary, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.cli.options.check_options import CheckOptions
    from bulkq.model import CheckResult, Target
    from bulkq.reports import ReportRequest
    from bulkq.tasks.check.selection import CheckSelection


@click.command(
    "check",
    cls=DocumentedCommand,
    start=START,
    short_help="Run data checks: read-only, with a verdict for each check.",
    examples=(
        ("run all checks of a folder", "bulkq check checks/ -t postgresql://host/app"),
        (
            "run one check, and write a report for a CI server",
            "bulkq check checks/orders.sql:no_orphans -t prod --report junit:out.xml",
        ),
        (
            "run the checks that differ from the main branch",
            "bulkq check checks/ -t prod --changed-since origin/main",
        ),
    ),
)
@check_options
@click.pass_context
def command(ctx: click.Context, /, **options: Unpack[CheckOptions]) -> int:
    """Run data checks. A check is a query that returns the offending rows, or that states its condition with @expect.

    A check never changes data. Its verdict is pass, warn, fail or error; error means that it could not be evaluated.

    Exit code: 0 all checks passed (warnings included), 1 a check failed, 3 a check could not be evaluated, 2 no check
    was run, 5 stopped early.

    Each option can be set by an environment variable: BULKQ_LOCK_TIMEOUT for --lock-timeout. Durations are written 250ms,
    30s, 5m or 2h.
    """
    messages = Messages(as_json=options["log_format"] == "json")
    build_run.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    reports = wanted_reports(filled_reports(options["report"], options["shard"]), rows=None)
    metrics = metrics_path(own_file("--metrics", options["metrics"], options["shard"]))
    build_check.want_paths(options)
    from bulkq.tasks.check.selection import files_read, named_files

    refuse_inputs(reports, named_files(options["paths"]), metrics)
    selected: CheckSelection | None = None
    targets: tuple[Target, ...] = ()
    try:
        targets = build_check.targets_of(options, ctx)
        selected = build_check.select_checks(options, targets)
        read, wanted = files_read(selected, options["params"]), reports
        reports = [report for report in wanted if not is_input(report.path, read)]  # they report that error too
        refuse_inputs(wanted, read, metrics)
        request = build_check.build(options, ctx, selected, targets)
        from bulkq.tasks.check.run_checks import check

        task = partial(
            check, request, config=named_config(ctx), stdin=sys.stdin.buffer if sys.stdin is not None else None
        )
        ledger = options["ledger"] if typed(ctx, "ledger") else None
        return carry_out(
            task,
            progress=options["progress"],
            reports=reports,
            messages=messages,
            ledger=ledger,
            metrics=metrics,
        )
    except BulkqError as error:
        _report(error, selected, targets, reports, messages)
        raise


def refuse_inputs(reports: Sequence[ReportRequest], read: Sequence[str], metrics: str | None = None) -> None:
    """Refuse a report, or the file of `--metrics`, that would overwrite a file that the run reads.

    Raises:
        UsageError: names the file.
    """
    for report in reports:
        if is_input(report.path, read):
            raise UsageError(f'--report {report.format}: the run reads "{report.path}": name another file')
    if metrics is not None and is_input(metrics, read):
        raise UsageError(f'--metrics: the run reads "{metrics}": name another file')


def is_input(path: str | None, read: Sequence[str]) -> bool:
    """Return True if `path`, which is written, is one of the files in `read`, under any of their names."""
    from bulkq.sinks import same_file

    try:
        for file in read:
            same_file([("--report", path), ("", file)])
    except UsageError:
        return True
    return False


def _report(
    error: BulkqError,
    selected: CheckSelection | None,
    targets: Sequence[Target],
    reports: Sequence[ReportRequest],
    messages: Messages,
) -> None:
    """Write reports in which each check is an error, because no check was run."""
    if not reports and os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from bulkq.tasks.check.run_checks import unable
    from bulkq.text.urls import hide_passwords

    names = tuple(target.name or hide_passwords(target.url) for target in targets)
    broken = tuple(_of_broken(one, names) for one in selected.broken) if selected is not None else ()
    results = broken or unable(selected.queries if selected is not None else (), names, error)
    summary = RunSummary(
        run="",
        status=Status.STOPPED,
        exit_code=error.exit_code,
        mode="check",
        targets=names,
        unknown=len(results),
        reason=" ".join(str(error).split()),
        checks=results,
    )
    write_all(reports, summary, messages)


def _of_broken(broken: object, targets: Sequence[str]) -> CheckResult:
    from pathlib import PurePath

    from bulkq.model import CheckResult, Verdict
    from bulkq.tasks.check.selection import InvalidCheck

    assert isinstance(broken, InvalidCheck)
    return CheckResult(
        name=PurePath(broken.file).stem or "sql",
        file=broken.file or None,
        line=broken.line,
        target=", ".join(targets),
        verdict=Verdict.ERROR,
        expected="",
        message=broken.message,
    )
