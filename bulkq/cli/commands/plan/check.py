"""`bulkq plan check`: show which checks would run on which targets, and which of them the server rejects."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.commands.check import request_of, selected_of, targets_of, want_paths
from bulkq.cli.commands.lint import lines as finding_lines
from bulkq.cli.display import shared_plan_lines as text
from bulkq.cli.execute_task import wanted_reports
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_run as requests
from bulkq.cli.options.check_options import START, CheckOptions, check_options
from bulkq.cli.options.config_defaults import named_config
from bulkq.cli.options.safety import warn_of_password
from bulkq.cli.options.shard_output_paths import filled_reports
from bulkq.errors import UsageError
from bulkq.text.durations import exact_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.errors import BulkqError
    from bulkq.reports import ReportRequest
    from bulkq.tasks.check.open_check import CheckRequest
    from bulkq.tasks.check.selection import ExclusionCounts
    from bulkq.tasks.plan.plan_checks import CheckPlan, ChecksPlan

UNKNOWN = 3
MODE = "check: no data is changed; each statement runs in a transaction that the server keeps read-only"


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
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    reports = wanted_reports(filled_reports(options["report"], options["shard"]), rows=None)
    want_paths(options)
    targets = targets_of(options, ctx)
    selected = selected_of(options, targets)
    request = request_of(options, ctx, selected, targets)
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    made = asyncio.run(plan_checks(request, config=named_config(ctx), stdin=stdin))
    problems = [error for error in (made.snapshot, *(one.made.problem for one in made.checks)) if error is not None]
    lines = [
        *_head(request, made, reports),
        text.row("checks", f"{len(made.checks)}{_of_shard(request)}{_left_out(selected.left_out, options)}"),
        *(line for one in made.checks for line in _check(one, made)),
        *text.other_lines(made.others),
        *text.refusals(problems),
        text.ending(ctx.obj, (one.made.query for one in made.checks)),
    ]
    for line in lines:
        click.echo(line)
    for line in text.warning_lines(one.made for one in made.checks):
        messages.say("warning", line)
    return _code(problems, made)


def _of_shard(request: CheckRequest) -> str:
    """Return which checks these are, if the run is a shard."""
    shard = request.run.sources.shard
    total = len(request.run.queries.selected) + len(request.elsewhere)
    return "" if shard is None else f" of {total}, as shard {shard}"


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


def _head(request: CheckRequest, made: ChecksPlan, reports: Sequence[ReportRequest]) -> list[str]:
    run, first = made.run, made.first
    asks = run.targets.sql is not None
    rows = [
        *(text.targets_text(run, made.notices) if run.targets.selected else []),
        ("asks" if asks else "target", first.target if first is not None else "none, which --allow-empty permits"),
        ("server", text.server_text(first.server, first.driver) if first is not None and first.server else ""),
        ("mode", MODE),
        ("ledger", text.ledger_text(run.safety.ledger, "the run is not recorded")),
        ("limits", _limits(request, made)),
        *(("report", _report(report)) for report in reports),
    ]
    if os.environ.get("GITHUB_ACTIONS") == "true" and all(report.format != "github" for report in reports):
        rows.append(("report", "github, because bulkq runs in GitHub Actions"))
    refused = finding_lines(made.asking) if made.asking is not None else []
    return [*(text.row(name, value) for name, value in rows if value), *refused]


def _limits(request: CheckRequest, made: ChecksPlan) -> str:
    run = made.run
    parts = [
        f"-j {run.limits.concurrency or 'auto'}",
        f"timeout {exact_duration(run.limits.timeout_s)}",
        f"lock timeout {exact_duration(run.limits.lock_timeout_s)}",
        f"retries {run.limits.retries}",
        f"outage {exact_duration(run.limits.outage_s)}",
        f"deadline {exact_duration(run.limits.deadline_s)}",
        f"at most {request.most_rows:,} rows of a check",
        *text.limits_of_stopping(run),
    ]
    return ", ".join([*parts, *(["one snapshot for each target"] if request.snapshot else [])])


def _report(report: ReportRequest) -> str:
    if report.path is None:
        return f"{report.format} to {'stdout' if report.to_stdout else 'stderr'}"
    shown = os.path.relpath(report.path)
    shown = report.path if shown.startswith("..") else shown
    return f"{report.format} to {shown}{' (exists, will be replaced)' if Path(report.path).is_file() else ''}"


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


def _check(one: CheckPlan, made: ChecksPlan) -> Iterable[str]:
    from bulkq.checks.verdict import expected

    query, rules = one.made.query, one.rules
    place = f"{query.file}:{query.line}" if query.file else "-e"
    own = "".join(f", {part}" for part in text.own_limits(query, made.run))
    yield text.row("check", f"{query.name}  {place}  {expected(rules)}{own}")
    yield from (text.detail(name, value) for name, value in _header(one) if value)
    yield from text.parameter_lines(one.made)
    yield from text.columns_lines(one.made)
    if one.compared is not None:
        other = f"{one.compared.place}{f' on {one.on}' if one.on else ''}"
        yield text.detail("compared", f"with {other}, which runs at the same time")
    if made.run.targets.sql is not None:
        yield text.detail("prepared", "when its targets are known")
    for error in one.errors:
        yield text.detail("error", error)
    for finding in (one.made.finding, *one.findings):
        if finding is not None:
            yield from finding_lines(finding)


def _header(one: CheckPlan) -> list[tuple[str, str]]:
    """Return the description and metadata of the check."""
    query, rules = one.made.query, one.rules
    until = ""
    if rules.until is not None:
        over = datetime.now(UTC).date() > rules.until
        until = (
            f"{rules.until}, which has passed: a failure counts"
            if over
            else f"{rules.until}: until then, a failure is a warning"
        )
    return [
        ("about", " ".join(query.description.split())),
        ("tags", ", ".join(query.tags)),
        ("owner", ", ".join(query.metadata.get("owner", ()))),
        ("until", until),
        ("sample", f"{rules.sample} rows" if "sample" in query.metadata else ""),
        ("mask", ", ".join(rules.mask)),
    ]
