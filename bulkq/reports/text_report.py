"""`--report text`: a page for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.counts import changed_text
from bulkq.policy.throttle_waits import waits_text
from bulkq.policy.worker_counts import worker_text, workers_text
from bulkq.reports.escape import escape_line
from bulkq.reports.finding_lines import format_rows
from bulkq.reports.findings import QUIET, describe_ending, format_place, format_title, tally_text, worst_first
from bulkq.reports.summary_lines import failure_lines, sum_totals, summary_line
from bulkq.reports.target_table import target_lines
from bulkq.text.durations import spaced_duration
from bulkq.text.tables import align

if TYPE_CHECKING:
    from bulkq.model import CheckResult, RunSummary

LISTED = 50


def text_report(summary: RunSummary) -> str:
    """Lines without colors: what ran, the checks or the counts per query, the latencies, the first failures, the summary line."""
    lines = [f"run {summary.run} on {escape_line(', '.join(summary.targets))} ({summary.mode})"]
    if summary.reason:
        lines.append(describe_ending(summary.status, escape_line(summary.reason)))
    lines += ["", *(check_lines(summary) if summary.checks else _queries(summary))]
    if summary.objects:
        lines += ["", f"objects  {sum_totals(summary.objects)}"]
    by_target = target_lines(summary)
    if by_target:
        lines += ["", *by_target]
    if summary.p50_s is not None:
        latencies = (("p50", summary.p50_s), ("p95", summary.p95_s), ("max", summary.max_s))
        shown = "  ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in latencies if seconds is not None)
        lines += ["", f"latency  {shown}"]
    if summary.lanes is not None:
        lines += ["", f"lanes    auto: {summary.lanes}, {summary.lanes_why}"]
    if summary.workers is not None:
        lines += ["", f"workers  {workers_text(summary.workers)}"]
        lines += [f"  {escape_line(worker_text(worker))}" for worker in summary.workers.listed]
    if summary.throttles:
        lines += ["", escape_line(waits_text(summary.throttled_s, summary.throttles))]
    failures = failure_lines(summary, LISTED)
    if failures:
        lines += ["", *failures]
    files = [*(f"wrote {path}" for path in summary.outputs), *(f"incomplete {path}" for path in summary.partials)]
    if files:
        lines += ["", *map(escape_line, files)]
    return "\n".join([*lines, "", summary_line(summary)]) + "\n"


def check_lines(summary: RunSummary) -> list[str]:
    """The tally, then every check, the worst first, with its offending rows below it."""
    lines = [tally_text(summary.checks, "check"), ""]
    several = len({check.target for check in summary.checks}) > 1
    for check in worst_first(summary.checks):
        lines.append(check_text(check, several=several))
        lines += [f"       {row}" for row in format_rows(check)]
    return lines


def notable_lines(summary: RunSummary, limit: int) -> list[str]:
    """What ends a run of checks on a terminal: those that did not pass, the worst first, with their rows, and the tally."""
    notable = [check for check in worst_first(summary.checks) if check.verdict not in QUIET]
    several = len({check.target for check in summary.checks}) > 1
    lines: list[str] = []
    for check in notable[:limit]:
        lines.append(check_text(check, several=several))
        lines += [f"       {row}" for row in format_rows(check)]
    if len(notable) > limit:
        lines.append(f"and {len(notable) - limit:,} more: --report text:FILE lists all")
    return [*lines, tally_text(summary.checks, "check")]


def check_text(check: CheckResult, *, several: bool = False) -> str:
    """`fail   checks/orders.sql:12 orders_have_customers: 3 rows (12 ms)`; with `several` targets that of this one too."""
    where = f"{format_place(check)} " if check.file else ""
    target = f" on {escape_line(check.target, 200)}" if several else ""
    return f"{check.verdict:<5}  {where}{format_title(check)}{target}: {escape_line(check.message)} ({spaced_duration(check.elapsed_s)})"


def _queries(summary: RunSummary) -> list[str]:
    ranges = any(q.ranges for q in summary.queries)  # their number says little: rows count
    counted = ("ranges ok", "failed", "unknown", "rows changed") if ranges else ("ok", "failed", "unknown")
    rows = [("query", "target", *counted)]
    rows += [
        (
            escape_line(f"{q.file}:{q.name}" if q.file else q.name),
            escape_line(q.target),
            f"{q.ok:,}",
            f"{q.failed:,}",
            f"{q.unknown:,}",
            *((changed_text(q.changed),) if ranges else ()),
        )
        for q in summary.queries
    ]
    return align(rows, right=range(2, 6))
