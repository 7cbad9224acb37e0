"""`--report text`: a page for people. Called by `bulkq.reports.writing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.reports.summary import failure_lines, summary_line
from bulkq.sinks.text import printable

if TYPE_CHECKING:
    from bulkq.model import RunSummary

LISTED = 50


def text_report(summary: RunSummary) -> str:
    """Lines without colors: what ran, the counts per query, the latencies, the first failures, the summary line."""
    lines = [f"run {summary.run} on {printable(', '.join(summary.targets))} ({summary.mode})"]
    if summary.reason:
        lines.append(f"{summary.status}: {printable(summary.reason)}")
    lines += ["", *_queries(summary)]
    if summary.p50_s is not None:
        latencies = (("p50", summary.p50_s), ("p95", summary.p95_s), ("max", summary.max_s))
        shown = "  ".join(f"{name} {seconds * 1000:.1f} ms" for name, seconds in latencies if seconds is not None)
        lines += ["", f"latency  {shown}"]
    failures = failure_lines(summary, LISTED)
    if failures:
        lines += ["", *failures]
    files = [*(f"wrote {path}" for path in summary.outputs), *(f"incomplete {path}" for path in summary.partials)]
    if files:
        lines += ["", *map(printable, files)]
    return "\n".join([*lines, "", summary_line(summary)]) + "\n"


def _queries(summary: RunSummary) -> list[str]:
    rows = [("query", "target", "ok", "failed", "unknown")]
    rows += [
        (
            printable(f"{q.file}:{q.name}" if q.file else q.name),
            printable(q.target),
            f"{q.ok:,}",
            f"{q.failed:,}",
            f"{q.unknown:,}",
        )
        for q in summary.queries
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return [
        "  ".join([row[i].ljust(widths[i]) if i < 2 else row[i].rjust(widths[i]) for i in range(5)]) for row in rows
    ]
