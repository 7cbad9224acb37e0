"""Reports of a run, for people and machines.

summary_lines  the last line of stderr, and the lines of failures above it
write          from `--report FORMAT[:FILE]` to a file; the table of formats
findings       a summary as a list of verdicts, which most formats show
escape         texts and values from databases made harmless, and cut to a length
finding_lines, target_table    tables and lines that several formats have
repository_paths    names of files for CI servers
metrics        a status, for Prometheus

One module for each format: text_report, json_report, junit, tap, sarif, gitlab, github, markdown, html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.late_names import import_late

if TYPE_CHECKING:
    from bulkq.reports.summary_lines import failure_lines, summary_line
    from bulkq.reports.target_table import target_lines
    from bulkq.reports.write import ReportRequest, parse_report, write_report


__all__ = [
    "ReportRequest",
    "failure_lines",
    "parse_report",
    "summary_line",
    "target_lines",
    "write_report",
]

_HOMES = {
    "failure_lines": "summary_lines",
    "summary_line": "summary_lines",
    "target_lines": "target_table",
    "ReportRequest": "write",
    "parse_report": "write",
    "write_report": "write",
}

__getattr__ = import_late(__name__, _HOMES)
