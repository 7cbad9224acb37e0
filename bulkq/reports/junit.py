"""`--report junit`: a suite per target, a case per check, for Jenkins, GitLab and other readers of JUnit XML.

The form is that of the schema which Jenkins publishes (junit-10.xsd of its xunit plugin): no properties on a case, no `skipped` on the
root, times with at most three decimals. A warning passes and says so in `system-out`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import bulkq
from bulkq.model import Verdict
from bulkq.reports.escape import escape_line
from bulkq.reports.finding_lines import list_details
from bulkq.reports.findings import format_title, list_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from junitparser import TestCase, TestSuite

    from bulkq.model import CheckResult, RunSummary


def junit_report(summary: RunSummary) -> str:
    """The XML document."""
    from junitparser import JUnitXml

    found = list_findings(summary)
    root = JUnitXml("bulkq")
    targets = dict.fromkeys(finding.target for finding in found)
    for target in targets:
        root.append(_suite(target, [finding for finding in found if finding.target == target], summary))
    root.tests = len(found)
    root.failures = sum(finding.verdict is Verdict.FAIL for finding in found)
    root.errors = sum(finding.verdict is Verdict.ERROR for finding in found)
    root.time = round(summary.elapsed_s, 3)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{root.tostring().decode()}\n"


def _suite(target: str, found: Sequence[CheckResult], summary: RunSummary) -> TestSuite:
    from junitparser import TestSuite

    suite = TestSuite(escape_line(target) or "bulkq")
    if summary.started_at:
        suite.timestamp = escape_line(summary.started_at[:19])
    for name, value in (("tool", f"bulkq {bulkq.__version__}"), ("run", summary.run), ("status", summary.status.value)):
        suite.add_property(name, escape_line(value))
    suite.add_testcases([_case(finding) for finding in found])
    return suite


def _case(finding: CheckResult) -> TestCase:
    from junitparser import Error, Failure, Skipped, SystemOut, TestCase

    case = TestCase(format_title(finding), name_class(finding), round(finding.elapsed_s, 3))
    result: Failure | Error
    if finding.verdict is Verdict.SKIP:
        case.append(Skipped(escape_line(finding.message)))
        return case
    if finding.verdict is Verdict.FAIL:
        result = Failure(escape_line(finding.message), "fail")
    elif finding.verdict is Verdict.ERROR:
        result = Error(escape_line(finding.message), escape_line(finding.sqlstate or "error"))
    else:
        case.append(SystemOut("\n".join(list_details(finding))))
        return case
    result.text = "\n".join(list_details(finding))
    case.append(result)
    return case


def name_class(finding: CheckResult) -> str:
    """`shop.checks/orders`: Jenkins takes what stands before the last dot for a package."""
    file = (finding.file or "bulkq").removesuffix(".sql").replace(".", "_")
    return escape_line(f"{finding.target.replace('.', '_')}.{file}")
