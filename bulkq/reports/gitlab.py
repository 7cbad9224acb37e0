"""`--report gitlab`: GitLab's code quality report, shown in a merge request beside the line of the check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.reports.escape import document, line
from bulkq.reports.findings import QUIET, findings, fingerprints, title
from bulkq.reports.repository_paths import repository_path

if TYPE_CHECKING:
    from bulkq.model import CheckResult, RunSummary

SEVERITIES = {Verdict.WARN: "minor", Verdict.FAIL: "major", Verdict.ERROR: "critical"}


def gitlab_report(summary: RunSummary) -> str:
    """A JSON array with an issue for everything that did not pass. GitLab tells issues apart by their fingerprint alone."""
    found = findings(summary)
    return document(
        [
            _issue(finding, fingerprint)
            for finding, fingerprint in zip(found, fingerprints(found), strict=True)
            if finding.verdict not in QUIET
        ]
    )


def _issue(finding: CheckResult, fingerprint: str) -> dict[str, object]:
    return {
        "description": f"{title(finding)} on {line(finding.target, 200)}: {line(finding.message)}",
        "check_name": line(finding.name, 200),
        "fingerprint": fingerprint,
        "severity": SEVERITIES[finding.verdict],
        "location": {"path": line(repository_path(finding.file)), "lines": {"begin": max(1, finding.line)}},
    }
