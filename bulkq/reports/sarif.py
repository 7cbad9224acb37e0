"""`--report sarif`: SARIF 2.1.0, for code scanning and editors.

A rule per check, a result for everything that did not pass. Messages follow section 3.11 of the standard: brackets are escaped where
they would make a link, braces where they would ask for an argument.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import bulkq
from bulkq.model import Verdict
from bulkq.reports.escape import escape_line, escape_uri, format_json
from bulkq.reports.findings import QUIET, compute_fingerprints, count_verdicts, format_title, list_findings
from bulkq.reports.repository_paths import repository_path
from bulkq.text.late_pattern import compile_late
from bulkq.text.moments import parse_utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bulkq.model import CheckResult, RunSummary

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Verdict.WARN: "warning", Verdict.FAIL: "error", Verdict.ERROR: "error"}
_ARGUMENT = compile_late(r"\{(\d+)\}")


def sarif_report(summary: RunSummary) -> str:
    """The log, with one run."""
    found = list_findings(summary)
    first = {_rule_id(finding): finding for finding in reversed(found)}
    rules = {rule: index for index, rule in enumerate(dict.fromkeys(_rule_id(finding) for finding in found))}
    run = {
        "tool": {
            "driver": {
                "name": "bulkq",
                "semanticVersion": bulkq.__version__,
                "rules": [_rule(rule, first[rule]) for rule in rules],
            }
        },
        "automationDetails": {"id": f"bulkq/{escape_line(summary.run)}"},
        "invocations": [_invocation(summary)],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, rules[_rule_id(finding)], fingerprint)
            for finding, fingerprint in zip(found, compute_fingerprints(found), strict=True)
            if finding.verdict not in QUIET
        ],
        "properties": {
            "status": summary.status.value,
            "targets": [escape_line(target) for target in summary.targets],
            "verdicts": {verdict.value: count for verdict, count in count_verdicts(found).items()},
        },
    }
    return format_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule_id(finding: CheckResult) -> str:
    return escape_line(f"{repository_path(finding.file)}:{finding.name}" if finding.file else finding.name, 500)


def _rule(rule: str, finding: CheckResult) -> dict[str, object]:
    return {
        "id": rule,
        "name": escape_line(finding.name, 200),
        "shortDescription": {
            "text": escape_message(finding.description.partition("\n")[0] or f"expects {finding.expected}")
        },
        "fullDescription": {"text": escape_message(finding.description or f"expects {finding.expected}")},
        "properties": {"tags": sorted({escape_line(tag, 200) for tag in finding.tags})},
    }


def _result(finding: CheckResult, index: int, fingerprint: str) -> dict[str, object]:
    return {
        "ruleId": _rule_id(finding),
        "ruleIndex": index,
        "level": LEVELS[finding.verdict],
        "message": {"text": escape_message(f"{format_title(finding)} on {finding.target}: {finding.message}")},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": escape_uri(repository_path(finding.file)), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": max(1, finding.line)},
                },
                "logicalLocations": [{"fullyQualifiedName": escape_line(finding.target) or "-", "kind": "database"}],
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": f"{fingerprint[:16]}:1", "bulkq/v1": fingerprint},
        "properties": _measured(finding),
    }


def _measured(finding: CheckResult) -> dict[str, object]:
    known: Sequence[tuple[str, object]] = (
        ("verdict", finding.verdict.value),
        ("expected", escape_line(finding.expected)),
        ("value", None if finding.value is None else escape_line(finding.value)),
        ("rows", finding.rows),
        ("sqlstate", None if finding.sqlstate is None else escape_line(finding.sqlstate)),
    )
    return {key: value for key, value in known if value is not None}


def _invocation(summary: RunSummary) -> dict[str, object]:
    made: dict[str, object] = {"executionSuccessful": summary.exit_code in (0, 1), "exitCode": summary.exit_code}
    if summary.reason:
        made["exitCodeDescription"] = escape_line(summary.reason)
    if began := parse_utc(summary.started_at):
        made["startTimeUtc"] = _utc(began)
        made["endTimeUtc"] = _utc(began + timedelta(seconds=summary.elapsed_s))
    return made


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def escape_message(text: str) -> str:
    """The text of a message: no part of it becomes a link or a placeholder."""
    shown = escape_line(text)
    if "](" in shown:
        shown = shown.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return _ARGUMENT.sub(r"{{\1}}", shown)
