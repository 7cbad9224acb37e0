"""SARIF, by its schema."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sarif_kit.validate import validation_errors

from bulkq.model import RunSummary, Verdict
from bulkq.reports.findings import list_findings
from bulkq.reports.sarif import sarif_report
from tests.support.summaries import FOUR, RAN, STOPPED, checked, many


@pytest.mark.parametrize(
    "summary", [FOUR, RAN, STOPPED, many(100), checked()], ids=["four", "run", "stopped", "many", "none"]
)
def test_sarif_is_valid(summary: RunSummary) -> None:
    """By the schema of SARIF 2.1.0; a result for all that did not pass, with a rule, a relative file and a fingerprint of its own."""
    log = json.loads(sarif_report(summary))
    assert validation_errors(log) == []
    (run,) = log["runs"]
    bad = [finding for finding in list_findings(summary) if finding.verdict is not Verdict.PASS]
    assert len(run["results"]) == len(bad)
    assert len({result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]}) == len(bad)
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert not uri.startswith(("/", "file:"))
    assert sum(run["properties"]["verdicts"].values()) == len(list_findings(summary))


def test_sarif_says_when_it_ran_and_whether() -> None:
    """A run that could not tell was not successful."""
    (run,) = json.loads(sarif_report(replace(FOUR, reason="no server")))["runs"]
    assert run["invocations"] == [
        {
            "executionSuccessful": False,
            "exitCode": 3,
            "exitCodeDescription": "no server",
            "startTimeUtc": "2026-11-22T03:00:00.000Z",
            "endTimeUtc": "2026-11-22T03:00:01.840Z",
        }
    ]
    (run,) = json.loads(sarif_report(replace(FOUR, started_at="")))["runs"]
    assert "startTimeUtc" not in run["invocations"][0]
