"""`--report gitlab`: GitLab's code quality report, shown in a merge request beside the line of the check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.reports.escape import escape_line, format_json
from bulkq.reports.findings import QUIET, compute_fingerprints, format_title, list_findings
from bulkq.reports.repository_paths import repository_path

if TYPE_CHECKING:
    from bulkq.model import CheckResult, RunSummary

SEVERITIES = {Verdict.WARN: "minor", Verdict.FAIL: "major", Verdict.ERROR: "critical"}


def gitlab_report(summary: RunSummary) -> str:
    """A JSON array with an issue for everything that did not pass. GitLab tells issues apart by their fingerprint alone."""
    found = list_findings(summary)
    return format_json(
        [
            _issue(finding, fingerprint)
            for finding, fingerprint in zip(found, compute_fingerprints(found), strict=True)
            if finding.verdict not in QUIET
        ]
    )


def _issue(finding: CheckResult, fingerprint: str) -> dict[str, object]:
    return {
        "description": f"{format_title(finding)} on {escape_line(finding.target, 200)}: {escape_line(finding.message)}",
        "check_name": escape_line(finding.name, 200),
        "fingerprint": fingerprint,
        "severity": SEVERITIES[finding.verdict],
        "location": {"path": escape_line(repository_path(finding.file)), "lines": {"begin": max(1, finding.line)}},
    }
