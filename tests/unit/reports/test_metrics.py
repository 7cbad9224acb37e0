"""The metrics of a run."""

from __future__ import annotations

import re

import pytest

from bulkq.model import Reading, Unit
from bulkq.model.counts import UNCOUNTED, Counts
from bulkq.model.run_status import Activity, LaneStatus, RowStatus, RunStatus
from bulkq.reports.metrics import metrics_text
from tests.support.worker_statuses import WORKERS

STATUS = RunStatus(
    run="01kb4x",
    name='fix "phone"',
    command="backfill",
    mode="write",
    started_at="2026-11-22T13:05:10.000+00:00",
    activity=Activity.THROTTLED,
    percent=12.5,
    total=200,
    counts=Counts(ok=3, failed=1, changed=12),
    p50_s=0.25,
    max_s=1.5,
    lanes=LaneStatus(working=3, allowed=4),
    workers=WORKERS,
    backfill=RowStatus(done=5000, total=40_000, range_rows=1000, range_s=0.48),
    throttles=(
        Reading(
            name="lag<2s",
            signal="lag",
            target="db",
            number=4.1,
            limit=2,
            unit=Unit.SECONDS,
            load=2.05,
            reason="lag 4.1s >= 2s",
        ),
        Reading(name="file:/run/hold", signal="file"),
    ),
)


def parsed(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """By name of the sample: labels without `run`, and value."""
    parser = pytest.importorskip("prometheus_client.parser")
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in parser.text_string_to_metric_families(text):
        assert family.documentation.endswith(".")
        assert (family.type == "counter") == any(one.name.endswith("_total") for one in family.samples)
        for one in family.samples:
            assert one.labels.pop("run") == "01kb4x"
            found.setdefault(one.name, []).append((one.labels, one.value))
    return found


def test_a_parser_reads_every_number() -> None:
    """The parser of Prometheus' client reads the file, and the numbers are those of the status."""
    found = parsed(metrics_text(STATUS))
    assert found["bulkq_sets_total"] == [
        ({"outcome": "ok"}, 3),
        ({"outcome": "failed"}, 1),
        ({"outcome": "unknown"}, 0),
    ]
    assert found["bulkq_run_progress_ratio"] == [({}, 0.125)]
    assert found["bulkq_run_start_time_seconds"][0][1] == 1795352710
    assert [labels["activity"] for labels, value in found["bulkq_run_activity"] if value] == ["throttled"]
    assert found["bulkq_run_info"][0][0]["name"] == 'fix "phone"'
    assert found["bulkq_backfill_rows_total"] == [({}, 5000)]
    assert found["bulkq_query_latency_seconds"] == [({"quantile": "0.5"}, 0.25)]
    assert [value for _, value in found["bulkq_throttle_tripped"]] == [1, 0]
    assert found["bulkq_throttle_value"] == [
        ({"throttle": "lag<2s", "signal": "lag", "target": "db", "unit": "seconds"}, 4.1)
    ]
    assert "bulkq_run_exit_code" not in found


def test_what_is_not_known_is_left_out() -> None:
    """A number that is not known is no 0."""
    found = parsed(metrics_text(RunStatus(run="01kb4x", counts=Counts(changed=UNCOUNTED), exit_code=0)))
    assert {"bulkq_rows_changed_total", "bulkq_run_eta_seconds", "bulkq_run_start_time_seconds"}.isdisjoint(found)
    assert "bulkq_backfill_rows_total" not in found
    assert found["bulkq_run_exit_code"] == [({}, 0)]


def test_every_metric_is_documented() -> None:
    """The page of the reference has all names, and no others."""
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs/reference/metrics.md").read_text()
    written = set(re.findall(r"^# TYPE (\S+)", metrics_text(STATUS), re.MULTILINE)) | {"bulkq_run_exit_code"}
    named = set(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))
    documented = {name for row in named for name in re.findall(r"`(bulkq_\w+)`", row)}
    assert written <= documented
    assert documented - written <= {"bulkq_run_eta_seconds", "bulkq_batch_sets"}
