"""A finding in plain lines, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.reports.escape import escape_cell, escape_line
from bulkq.reports.findings import format_place, hidden_rows
from bulkq.text.message_parts import counted
from bulkq.text.tables import align

if TYPE_CHECKING:
    from bulkq.model import CheckResult

WIDEST = 60
"""Columns of a terminal that one column of a table may take before the next ones lose their alignment."""


def list_details(finding: CheckResult) -> list[str]:
    """The facts of a finding, a line each."""
    lines = [f"{finding.verdict}: {escape_line(finding.message)}"]
    if finding.expected:
        lines.append(f"expected: {escape_line(finding.expected)}")
    if finding.value is not None:
        lines.append(f"value: {escape_line(finding.value)}")
    lines += [f"{word}: {text}" for word, text in _origin(finding) if text]
    return [*lines, *format_rows(finding)]


def format_rows(finding: CheckResult) -> list[str]:
    """The offending rows as an aligned table, with how many more there are."""
    if not finding.sample:
        return []
    table = [
        [escape_line(column, 100) for column in finding.columns],
        *([escape_cell(value) for value in row] for row in finding.sample),
    ]
    columns = max(map(len, table))
    table = [row + [""] * (columns - len(row)) for row in table]
    lines = align(table, widest=WIDEST)
    more = hidden_rows(finding)
    return [*lines, f"and {counted(more, 'more row')}"] if more else lines


def _origin(finding: CheckResult) -> tuple[tuple[str, str], ...]:
    return (
        ("at", format_place(finding)),
        ("description", escape_line(finding.description)),
        ("owner", escape_line(finding.owner)),
        ("tags", escape_line(", ".join(finding.tags))),
    )
