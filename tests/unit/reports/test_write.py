"""Reports in files and on streams."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import OutputClosed, StoppedError, UsageError
from bulkq.model import Status, Verdict
from bulkq.reports import (
    ReportRequest,
    parse_report,
    write_report,
)
from bulkq.reports.findings import list_findings
from bulkq.reports.github import github_annotations
from bulkq.reports.gitlab import gitlab_report
from bulkq.reports.junit import junit_report
from bulkq.reports.markdown import markdown_report
from bulkq.reports.tap import tap_report
from bulkq.reports.text_report import text_report
from tests.support.summaries import RAN, STOPPED, SUMMARY, check, checked

if TYPE_CHECKING:
    from pathlib import Path


def test_requests(tmp_path: Path) -> None:
    """FORMAT, FORMAT:-, FORMAT:FILE; a colon in the file is the file's."""
    assert parse_report("json") == ReportRequest("json")
    assert parse_report("text:-") == ReportRequest("text")
    assert parse_report(f"json:{tmp_path}/a:b") == ReportRequest("json", f"{tmp_path}/a:b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jsn:x", r'"jsn" is unknown \(did you mean "json"\?\): choose from text, terminal, json, html, junit'),
        ("pdf", '"pdf" is unknown: choose from'),
        ("json:", "names no file"),
        ("json:{home}", "is a folder"),
        ("json:{home}/no/x", "no folder"),
    ],
)
def test_requests_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    """Found before the run, with the next step."""
    with pytest.raises(UsageError, match=message):
        parse_report(text.format(home=tmp_path))


def test_a_report_replaces_the_old_one(tmp_path: Path) -> None:
    """Written beside it and renamed."""
    (tmp_path / "r").write_text("old")
    write_report(ReportRequest("json", f"{tmp_path}/r"), SUMMARY, io.BytesIO())
    assert json.loads((tmp_path / "r").read_text())["run"] == "01kb4x"
    assert [p.name for p in tmp_path.iterdir()] == ["r"]


def test_a_report_to_a_stream() -> None:
    """Stdout, or a file that is none."""
    stdout = io.BytesIO()
    write_report(ReportRequest("text"), SUMMARY, stdout)
    assert stdout.getvalue().decode() == text_report(SUMMARY)
    write_report(ReportRequest("text", "/dev/null"), SUMMARY, stdout)
    with pytest.raises(StoppedError, match="no space left"):
        write_report(ReportRequest("text", "/dev/full"), SUMMARY, stdout)


def test_a_report_to_nobody() -> None:
    """A reader that left is told apart from a disk that is full."""
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(OutputClosed), os.fdopen(writer, "wb", buffering=0) as stdout:
        write_report(ReportRequest("text"), SUMMARY, stdout)
    with pytest.raises(StoppedError, match='cannot write "stdout"'), open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123
        write_report(ReportRequest("text"), SUMMARY, full)


def test_no_report_is_green_when_the_run_was_not() -> None:
    """A run that stopped, was refused or could tell nothing is a finding, although all checks that ran have passed."""
    refused = replace(checked(), status=Status.REFUSED, exit_code=4, reason="not read-only")
    odd = replace(checked(check(1)), status=Status.UNKNOWN, exit_code=3, reason="")
    for summary in (STOPPED, refused, odd):
        assert list_findings(summary)[-1].verdict is Verdict.ERROR
        assert "not ok" in tap_report(summary)
        assert "<error" in junit_report(summary)
        assert github_annotations(summary).startswith("::error ")
        assert len(json.loads(gitlab_report(summary))) == 1
        assert "| ⛔ error | run |" in markdown_report(summary)
    assert "40 skipped; continue with: bulkq resume 01kb4x" in list_findings(STOPPED)[-1].message
    untried = replace(
        RAN, status=Status.STOPPED, exit_code=5, queries=(replace(RAN.queries[0], ok=0, failed=0),), failures=()
    )
    assert next(finding.message for finding in list_findings(untried)) == "nothing was tried"
    assert [finding.verdict for finding in list_findings(RAN)] == [Verdict.FAIL, Verdict.PASS]
