"""What a run came to, for people and machines. Called by `bulkq.cli` when a task has ended.

summary      the last line of stderr, and the lines of failures above it
json_report  --report json
text_report  --report text
writing      from `--report FORMAT[:FILE]` to a file
"""

from __future__ import annotations

from bulkq.reports.json_report import json_report
from bulkq.reports.summary import failure_lines, summary_line
from bulkq.reports.text_report import text_report
from bulkq.reports.writing import ReportRequest, parse_report, write_report

__all__ = [
    "ReportRequest",
    "failure_lines",
    "json_report",
    "parse_report",
    "summary_line",
    "text_report",
    "write_report",
]
