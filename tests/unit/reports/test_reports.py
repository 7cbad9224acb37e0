"""The last line, the failures above it, and reports in files."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import bulkq
from bulkq.errors import OutputClosed, StoppedError, UsageError
from bulkq.model import Failure, Outcome, QueryCounts, RunSummary, Status
from bulkq.reports import (
    ReportRequest,
    failure_lines,
    parse_report,
    summary_line,
    write_report,
)
from bulkq.reports.json_report import json_report
from bulkq.reports.summary import LONGEST_LINE
from bulkq.reports.text_report import text_report

if TYPE_CHECKING:
    from pathlib import Path

FAILURE = Failure(
    n=117,
    source="customers.csv:118",
    target="shop",
    query="fix",
    params={"id": 4711},
    outcome=Outcome.ROLLED_BACK,
    sqlstate="23514",
    message='violates check "positive"',
    attempts=1,
)
SUMMARY = RunSummary(
    run="01kb4x",
    status=Status.FAILED,
    exit_code=1,
    mode="read",
    targets=("shop",),
    ok=997,
    failed=3,
    retried=2,
    elapsed_s=1.84,
    p50_s=0.0881234,
    p95_s=0.231,
    max_s=1.5,
    queries=(QueryCounts("fix", "users.sql", 7, "shop", ok=997, failed=3, unknown=0),),
    failures=(FAILURE,),
)


def test_the_last_line() -> None:
    """Every count, the status and the exit code, made for grep."""
    assert summary_line(SUMMARY) == (
        "bulkq: run=01kb4x status=failed ok=997 failed=3 unknown=0 skipped=0 retried=2 changed=0 elapsed=1.84s exit=1"
    )
    again = replace(SUMMARY, resume="bulkq retry 01kb4x", unanswered=2)
    assert summary_line(again).endswith(' changed=0 unanswered=2 elapsed=1.84s exit=1 resume="bulkq retry 01kb4x"')


def test_failures_for_people() -> None:
    """Where it came from, what the server said, and how many more there are."""
    hinted = replace(FAILURE, source="", hint="pay more", where="users.sql:12", outcome=Outcome.UNKNOWN, sqlstate=None)
    lines = failure_lines(replace(SUMMARY, failures=(FAILURE, hinted), failed=1200, unknown=1))
    assert lines == [
        'failed  customers.csv:118 n=117 [23514] violates check "positive"',
        'unknown n=117 users.sql:12: violates check "positive" (pay more)',
        "and 1,199 more: --failures FILE.jsonl lists all",
    ]
    assert len(failure_lines(replace(SUMMARY, failures=(FAILURE,) * 5), limit=2)) == 3
    assert failure_lines(replace(SUMMARY, failures=(), failed=0)) == []


def test_a_message_may_be_missing() -> None:
    """The ledger keeps none that may hold a value."""
    (line,) = failure_lines(replace(SUMMARY, failures=(replace(FAILURE, message=""),), failed=1))
    assert line == "failed  customers.csv:118 n=117 [23514] (its message was not recorded)"


def test_failures_of_several_queries_say_which() -> None:
    """With one query its name would be noise."""
    several = replace(SUMMARY, queries=(*SUMMARY.queries, replace(SUMMARY.queries[0], name="other")), failed=1)
    assert failure_lines(several) == ['failed  customers.csv:118 n=117 fix [23514] violates check "positive"']


def test_failures_cannot_write_on_the_terminal() -> None:
    """A message is one line of limited length without control characters."""
    (line,) = failure_lines(replace(SUMMARY, failed=1, failures=(replace(FAILURE, message="\x1b[2J\n" + "x" * 9999),)))
    assert line.isprintable()
    assert "\\x1b[2J\\n" in line
    assert len(line) == LONGEST_LINE
    assert line.endswith("...")


def test_the_json_report() -> None:
    """Version 1 with the documented keys, without values of parameters."""
    text = json_report(SUMMARY)
    report = json.loads(text)
    assert text.endswith("}\n")
    assert "4711" not in text
    assert report["version"] == 1
    assert report["tool"] == f"bulkq {bulkq.__version__}"
    assert (report["run"], report["status"], report["exit"], report["mode"]) == ("01kb4x", "failed", 1, "read")
    assert report["targets"] == ["shop"]
    assert report["counts"]["ok"] == 997
    assert report["latency"] == {"p50_ms": 88.123, "p95_ms": 231.0, "max_ms": 1500.0}
    assert report["queries"] == [
        {"name": "fix", "file": "users.sql", "line": 7, "target": "shop", "ok": 997, "failed": 3, "unknown": 0}
    ]
    assert report["checks"] == []
    assert report["failures"][0]["source"] == "customers.csv:118"
    nothing = json.loads(json_report(replace(SUMMARY, p50_s=None, p95_s=None, max_s=None)))
    assert nothing["latency"] == {"p50_ms": None, "p95_ms": None, "max_ms": None}


def test_the_text_report() -> None:
    """A page for people that ends with the summary line."""
    full = replace(SUMMARY, reason="deadline", outputs=("out.csv",), partials=("f.jsonl.partial",))
    assert text_report(full) == (
        "run 01kb4x on shop (read)\n"
        "failed: deadline\n"
        "\n"
        "query          target   ok  failed  unknown\n"
        "users.sql:fix  shop    997       3        0\n"
        "\n"
        "latency  p50 88.1 ms  p95 231.0 ms  max 1500.0 ms\n"
        "\n"
        'failed  customers.csv:118 n=117 [23514] violates check "positive"\n'
        "and 2 more: --failures FILE.jsonl lists all\n"
        "\n"
        "wrote out.csv\n"
        "incomplete f.jsonl.partial\n"
        "\n"
        "bulkq: run=01kb4x status=failed ok=997 failed=3 unknown=0 skipped=0 retried=2 changed=0 elapsed=1.84s exit=1\n"
    )
    bare = text_report(replace(SUMMARY, p50_s=None, failed=0, failures=(), queries=()))
    assert "latency" not in bare
    assert "more" not in bare


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
