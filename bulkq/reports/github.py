"""`--report github`: annotations on the lines of the checks, and the job summary.

GitHub takes ten annotations of a kind from a step and drops the others without a word; a step that fails makes one of its own. So
nine errors and nine warnings at most, the worst first, and one notice with the number of the others. The runner looks for commands
in stdout and stderr alike; stdout is for data, so they go to stderr. A job summary above 1 MiB is not shown at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.reports.escape import command_data, command_property
from bulkq.reports.findings import format_title, list_findings, worst_first
from bulkq.reports.markdown import NOTES, markdown_report
from bulkq.reports.repository_paths import repository_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import CheckResult, RunSummary

OF_A_KIND = 9
SUMMARY_BYTES = 900_000


def github_annotations(summary: RunSummary) -> str:
    """Workflow commands, one a line; "" where everything passed."""
    found = worst_first(list_findings(summary))
    errors = [finding for finding in found if finding.verdict in (Verdict.ERROR, Verdict.FAIL)]
    warnings = [finding for finding in found if finding.verdict is Verdict.WARN]
    lines = [_command("error", finding) for finding in errors[:OF_A_KIND]]
    lines += [_command("warning", finding) for finding in warnings[:OF_A_KIND]]
    lines += _others(errors[OF_A_KIND:], warnings[OF_A_KIND:])
    return "".join(f"{line}\n" for line in lines)


def job_summary(summary: RunSummary, taken: int = 0) -> str:
    """What `GITHUB_STEP_SUMMARY` gets, where earlier commands of the step have `taken` bytes; "" where nothing has room."""
    room = SUMMARY_BYTES - taken
    return markdown_report(summary, room) if room > 2 * NOTES else ""


def _command(kind: str, finding: CheckResult) -> str:
    where = (
        f"file={command_property(repository_path(finding.file))},line={max(1, finding.line)}," if finding.file else ""
    )
    heading = command_property(f"{finding.verdict}: {format_title(finding)} on {finding.target}")
    expected = f" (expected: {finding.expected})" if finding.expected else ""
    return f"::{kind} {where}title={heading}::{command_data(f'{finding.message}{expected}')}"


def _others(errors: Sequence[CheckResult], warnings: Sequence[CheckResult]) -> list[str]:
    counted = [(errors, "that failed or could not be evaluated"), (warnings, "with a warning")]
    words = [f"{len(left):,} more {what}" for left, what in counted if left]
    return [f"::notice title=bulkq::and {', and '.join(words)}: the job summary lists them"] if words else []
