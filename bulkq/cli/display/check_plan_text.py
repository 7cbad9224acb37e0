"""The plan of checks as lines: mode, limits and reports, then each check, then the other targets."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.cli.display import shared_plan_lines as text
from bulkq.cli.display.server_finding_text import finding_lines
from bulkq.text.durations import exact_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.reports import ReportRequest
    from bulkq.tasks.check.open_check import CheckRequest
    from bulkq.tasks.plan.plan_checks import CheckPlan, ChecksPlan

MODE = "check: no data is changed; each statement runs in a transaction that the server keeps read-only"


def plan_lines(
    made: ChecksPlan, request: CheckRequest, reports: Sequence[ReportRequest], left_out: str
) -> Iterable[str]:
    """Yield the lines of a plan: what holds for the run, then each check, then what differs on other targets.

    Args:
        made: the plan.
        request: of the checks.
        reports: that would be written.
        left_out: follows the number of checks: which were not selected, and why.
    """
    yield from _head(request, made, reports)
    yield text.row("checks", f"{len(made.checks)}{_of_shard(request)}{left_out}")
    for one in made.checks:
        yield from _check(one, made)
    yield from text.other_lines(made.others)


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


def _of_shard(request: CheckRequest) -> str:
    """Return which checks these are, if the run is a shard."""
    shard = request.run.sources.shard
    total = len(request.run.queries.selected) + len(request.elsewhere)
    return "" if shard is None else f" of {total}, as shard {shard}"
