"""The JSON report."""

from __future__ import annotations

import json
from dataclasses import replace

import bulkq
from bulkq.model import RunSummary, Status
from bulkq.model.run_status import RunChange
from bulkq.model.timeline import RunTimeline, TimelineSample, TimelineSegment, TimelineSignal
from bulkq.reports.json_report import json_report
from tests.support.summaries import FOUR, SUMMARY, check, checked


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
    assert report["lanes"] is None
    chosen = json.loads(json_report(replace(SUMMARY, lanes=24, lanes_why="more brought nothing")))
    assert chosen["lanes"] == {"number": 24, "why": "more brought nothing"}
    nothing = json.loads(json_report(replace(SUMMARY, p50_s=None, p95_s=None, max_s=None)))
    assert nothing["latency"] == {"p50_ms": None, "p95_ms": None, "max_ms": None}


def test_json_is_complete() -> None:
    """Every check with what was measured, its rows and its history; what each target came to; how to go on."""
    report = json.loads(json_report(replace(FOUR, unanswered=2, resume="bulkq resume 01kb4x")))
    assert (report["counts"]["unanswered"], report["resume"]) == (2, "bulkq resume 01kb4x")
    assert report["started_at"] == "2026-11-22T03:00:00Z"
    counts = dict.fromkeys(("ok", "failed", "unknown", "skipped", "changed"), 0)
    assert report["by_target"] == [
        {"target": "shop", **counts, "reason": "", "checks": {"error": 1, "fail": 1, "warn": 1, "pass": 1}}
    ]
    failed = report["checks"][2]
    assert {
        key: failed[key] for key in ("name", "file", "line", "target", "verdict", "rows", "expected", "message", "set")
    } == {
        "name": "orders_3",
        "file": "checks/orders_3.sql",
        "line": 6,
        "target": "shop",
        "verdict": "fail",
        "rows": 3,
        "expected": "empty",
        "message": "3 rows",
        "set": 1,
    }
    assert failed["sample"] == [["7", "99"], ["8", None]]
    assert failed["history"][1]["verdict"] == "fail"
    twice = json.loads(json_report(checked(check(1, params={"id": "secret-5"}), check(1, params={"id": "6"}))))
    assert [each["set"] for each in twice["checks"]] == [1, 2]
    assert "secret-5" not in json.dumps(twice)


def test_the_timeline_has_named_numbers() -> None:
    """Segments, samples, signals and changes are objects, so that a reader needs no order of fields."""
    found = RunTimeline(
        segments=(
            TimelineSegment(
                begin="2026-11-22T13:00:00Z",
                signals=(TimelineSignal("lag<2s", "db", 2.0, "seconds"),),
                samples=(TimelineSample(0.0, 1.0, 5.0, values=(1.5,)),),
            ),
        ),
        changes=(RunChange(at="2026-11-22T13:00:00Z", text="pause"),),
    )
    summary = RunSummary("01kb4x", Status.OK, 0, "read", (), timeline=found)
    timeline = json.loads(json_report(summary))["timeline"]
    assert timeline["segments"][0]["signals"][0]["limit"] == 2.0
    assert timeline["segments"][0]["samples"][0] == {
        "at_s": 0.0, "span_s": 1.0, "rate": 5.0, "size": None, "lanes": 0, "held": 0.0, "why": "", "values": [1.5]
    }  # fmt: skip
    assert timeline["changes"][0]["text"] == "pause"
