"""A finding in plain lines, for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bulkq.reports.escape import cell, line
from bulkq.reports.findings import hidden_rows, place
from bulkq.text.messages import counted

if TYPE_CHECKING:
    from bulkq.model import CheckResult

WIDEST = 60
"""Columns of a terminal that one column of a table may take before the next ones lose their alignment."""


def duration(seconds: float) -> str:
    """`0.4 ms`, `12 ms`, `1.84 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def utc(text: str) -> datetime | None:
    """The moment that an ISO text names, in UTC, which is meant where it names no zone; None where it names no moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def details(finding: CheckResult) -> list[str]:
    """What there is to know of it: a line each."""
    lines = [f"{finding.verdict}: {line(finding.message)}"]
    if finding.expected:
        lines.append(f"expected: {line(finding.expected)}")
    if finding.value is not None:
        lines.append(f"value: {line(finding.value)}")
    lines += [f"{word}: {text}" for word, text in _origin(finding) if text]
    return [*lines, *rows(finding)]


def rows(finding: CheckResult) -> list[str]:
    """The offending rows as an aligned table, with how many more there are."""
    if not finding.sample:
        return []
    table = [
        [line(column, 100) for column in finding.columns],
        *([cell(value) for value in row] for row in finding.sample),
    ]
    columns = max(map(len, table))
    table = [row + [""] * (columns - len(row)) for row in table]
    widths = [min(WIDEST, max(len(row[i]) for row in table)) for i in range(columns)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]
    more = hidden_rows(finding)
    return [*lines, f"and {counted(more, 'more row')}"] if more else lines


def _origin(finding: CheckResult) -> tuple[tuple[str, str], ...]:
    return (
        ("at", place(finding)),
        ("description", line(finding.description)),
        ("owner", line(finding.owner)),
        ("tags", line(", ".join(finding.tags))),
    )
