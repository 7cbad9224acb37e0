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
from bulkq.cli.options import build_run as requests
from bulkq.cli.options.check_options import START, check_options
from bulkq.cli.options.config_defaults import named_config
from bulkq.cli.options.option import typed
from bulkq.cli.options.safety import warn_of_password
from bulkq.cli.options.shard_output_paths import filled_reports, own_file
from bulkq.errors import BulkqError, QueryFileError, UsageError
from bulkq.errors import join_errors as all_of
from bulkq.model import Run, RunSummary, Status
from bulkq.model.run import QueryOptions, SafetyOptions
from bulkq.policy.safety import refuse_unthrottled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.cli.options.check_options import CheckOptions
    from bulkq.model import CheckResult, Query, Target
    from bulkq.model.shard import Shard
    from bulkq.reports import ReportRequest
    from bulkq.tasks.check.open_check import CheckRequest
    from bulkq.tasks.check.selection import CheckSelection

EXAMPLE = "for example bulkq check checks/ -t postgresql://host/database"


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
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    reports = wanted_reports(filled_reports(options["report"], options["shard"]), rows=None)
    metrics = metrics_path(own_file("--metrics", options["metrics"], options["shard"]))
    want_paths(options)
    from bulkq.tasks.check.selection import files_read, named_files

    refuse_inputs(reports, named_files(options["paths"]), metrics)
    selected: CheckSelection | None = None
    targets: tuple[Target, ...] = ()
    try:
        targets = targets_of(options, ctx)
        selected = selected_of(options, targets)
        read, wanted = files_read(selected, options["params"]), reports
        reports = [report for report in wanted if not is_input(report.path, read)]  # they report that error too
        refuse_inputs(wanted, read, metrics)
        request = request_of(options, ctx, selected, targets)
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


def want_paths(options: CheckOptions) -> None:
    """Raise UsageError if the command line names no check."""
    if not options["paths"] and not options["sql"]:
        raise UsageError(f"no path: name a folder or file with checks, {EXAMPLE}")


def targets_of(options: CheckOptions, ctx: click.Context) -> tuple[Target, ...]:
    """Return the targets of `-t`; `--allow-empty` permits none.

    Raises:
        UsageError: `-t` names no target or an unknown one.
    """
    if not options["target"] and options["allow_empty"]:
        return ()
    return requests.some_targets(options["target"], ctx)


def selected_of(options: CheckOptions, targets: Sequence[Target]) -> CheckSelection:
    """Return the checks that the command line selects, and the files that cannot be read.

    Raises:
        UsageError: a tag or the git revision does not exist.
    """
    from dataclasses import replace

    from bulkq.lifecycle.query_files import choose_queries
    from bulkq.tasks.check.selection import InvalidCheck, select

    changed = None
    if options["changed_since"] is not None:
        from bulkq.tasks.check.git_changes import Changes

        changed = Changes(options["changed_since"])
    dialect = requests.dialect(targets[0].url if targets else None)
    found = select(
        options["paths"],
        tags=options["tag"],
        exclude=options["exclude"],
        changed=changed,
        dialect=dialect,
        params=options["params"],
        allow_empty=options["allow_empty"],
    )
    if changed is not None:
        changed.verify()
    try:
        inline = choose_queries((), options["sql"], dialect) if options["sql"] else ()
    except UsageError as error:
        return replace(found, broken=(*found.broken, InvalidCheck("", 1, str(error))))
    return replace(found, queries=(*found.queries, *inline))


def request_of(
    options: CheckOptions, ctx: click.Context, selected: CheckSelection, targets: tuple[Target, ...]
) -> CheckRequest:
    """Return the request of the command line.

    Raises:
        UsageError: options contradict each other, or a selected file cannot be read.
    """
    from bulkq.tasks.check.open_check import CheckRequest

    if selected.broken:
        raise all_of(QueryFileError, dict.fromkeys(one.message for one in selected.broken))
    requests.check_ledger(options["ledger"], options["group"])
    requests.check_stdin(options["params"])
    if options["targets_sql"] is not None and len(targets) != 1:
        raise UsageError(f"--targets-sql runs on one database: give -t once, not {len(targets)} targets")
    if "-" in options["params"] and len(selected.queries) * len(targets) > 1:
        raise UsageError(
            "-p - can be read only once, but several checks or targets need it: write the parameter sets to a file"
        )
    mine, elsewhere = _divided(selected.queries, options["shard"])
    run = Run(
        queries=QueryOptions(selected=mine, name=options["name"], group=options["group"]),
        sources=requests.sources_of(options, ctx),
        targets=requests.targets_of(options, targets),
        limits=requests.limits_of(options, ctx),
        safety=SafetyOptions(confirmed=options["confirm"], ledger=options["ledger"]),
    )
    run = requests.completed(run, ctx)
    refused = None if run.limits.target_throttles else refuse_unthrottled(targets, options["confirm"])
    if refused is not None:
        raise refused
    return CheckRequest(
        run=run,
        references=selected.references,
        other_targets=_other_targets(mine, ctx),
        elsewhere=elsewhere,
        snapshot=options["snapshot"],
        allow_empty=options["allow_empty"],
        most_rows=options["max_rows"],
    )


def _divided(every: tuple[Query, ...], shard: Shard | None) -> tuple[tuple[Query, ...], tuple[Query, ...]]:
    """Return the checks of the shard, by their numbers in the selection, and those of the others."""
    if shard is None:
        return every, ()
    mine = every[shard.index - 1 :: shard.count]
    return mine, tuple(query for number, query in enumerate(every, 1) if shard.skipped(number))


def _other_targets(queries: Sequence[Query], ctx: click.Context) -> dict[str, Target]:
    """Return the databases of `same as NAME on TARGET`."""
    from bulkq.query import read_rules

    found: dict[str, Target] = {}
    for query in queries:
        for condition in read_rules(query).expect:
            if condition.target:
                try:
                    found[condition.target] = requests.one_target((condition.target,), ctx)
                except UsageError as error:
                    raise QueryFileError(f"{query.file or '-e'}:{query.line}: {condition.text}: {error}") from None
    return found


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
