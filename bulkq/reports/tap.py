"""`--report tap`: the Test Anything Protocol, for `prove` and users of pgTAP.

Version 13, because Perl's TAP::Parser refuses 14. A warning is `ok`, with its diagnostics; an error is `not ok`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.reports.escape import escape_cell, escape_tap, quote_yaml
from bulkq.reports.findings import format_place, format_title, hidden_rows, list_findings

if TYPE_CHECKING:
    from bulkq.model import CheckResult, RunSummary


def tap_report(summary: RunSummary) -> str:
    """The plan, a line for each finding, and a YAML block where it did not simply pass."""
    found = list_findings(summary)
    lines = ["TAP version 13", f"1..{len(found)}" if found else "1..0 # SKIP nothing was selected"]
    several = len({finding.target for finding in found}) > 1
    for number, finding in enumerate(found, 1):
        lines += _point(number, finding, several=several)
    return "\n".join(lines) + "\n"


def _point(number: int, finding: CheckResult, *, several: bool) -> list[str]:
    ok = finding.verdict in (Verdict.PASS, Verdict.WARN, Verdict.SKIP)
    named = f"{format_title(finding)} on {finding.target}" if several else format_title(finding)
    point = f"{'ok' if ok else 'not ok'} {number} - {escape_tap(named)}"
    if finding.verdict is Verdict.PASS:
        return [point]
    if finding.verdict is Verdict.SKIP:
        return [f"{point} # SKIP {escape_tap(finding.message)}"]
    return [point, "  ---", *(f"  {text}" for text in _diagnostics(finding)), "  ..."]


def _diagnostics(finding: CheckResult) -> list[str]:
    known = {
        "message": finding.message,
        "severity": finding.verdict.value,
        "at": format_place(finding),
        "target": finding.target,
        "wanted": finding.expected,
        "found": finding.value,
        "sqlstate": finding.sqlstate,
    }
    lines = [f"{key}: {quote_yaml(text)}" for key, text in known.items() if text]
    lines += [f"rows: {finding.rows}"] if finding.rows is not None else []
    lines.append(f"duration_ms: {finding.elapsed_s * 1000:.3f}")
    if finding.sample:
        lines.append("sample:")
        lines += [
            f"  - [{', '.join(quote_yaml(escape_cell(value)) for value in row)}]"
            for row in (finding.columns, *finding.sample)
        ]
        lines += [f"more_rows: {hidden_rows(finding)}"] if hidden_rows(finding) else []
    return lines
