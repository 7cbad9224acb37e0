"""The status as a line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkq.cli.display.one_line_status import reading_text, status_line
from bulkq.model import Reading, Unit
from bulkq.model.counts import Counts
from bulkq.model.run_status import Activity, LaneStatus, RowStatus, RunStatus
from tests.support.worker_statuses import WORKERS

AT = "2026-11-22T13:05:10Z"


def test_a_run_in_one_line() -> None:
    """Counts, rate, latencies; values after `=` contain no space."""
    status = RunStatus(name="norm", at=AT, done=812, total=8377, percent=9.69, rate=41.2, p50_s=0.088, p95_s=0.231)
    assert status_line(status) == (
        "2026-11-22T13:05:10Z norm running 812/8377 (9.6 %) 41/s p50=88ms p95=231ms ok=0 failed=0 lanes=0 eta=-"
    )


def test_a_backfill_that_waits() -> None:
    """Rows of the key, what holds it, and outcomes that are not known."""
    status = RunStatus(
        name="orders",
        at=AT,
        activity=Activity.THROTTLED,
        reason="lag 2.3s >= 2s",
        counts=Counts(ok=5, unknown=1),
        throttled_s=12.0,
        eta_s=7500.0,
        lanes=LaneStatus(working=2),
        backfill=RowStatus(done=5000),
        waits=("waiting for locks: pid 4711",),
    )
    assert status_line(status) == (
        "2026-11-22T13:05:10Z orders throttled 5000 rows 0/s p50=- p95=- ok=5 failed=0 unknown=1 lanes=2 eta=2h05m "
        "throttled=12s lag 2.3s >= 2s waiting for locks: pid 4711"
    )


def test_workers_are_counted() -> None:
    """Losses only if there were some."""
    status = RunStatus(name="norm", workers=WORKERS)
    assert status_line(status).endswith(" eta=- workers=1 workers_lost=2")
    assert status_line(replace(status, workers=replace(WORKERS, lost=0))).endswith(" eta=- workers=1")


@pytest.mark.parametrize(
    ("value", "limit", "unit", "text"),
    [
        ("2.3s", 2.0, Unit.SECONDS, "2.3s of 2s"),
        ("20ms", 0.2, Unit.SECONDS, "20ms of 200ms"),
        ("3.0 MB", 64_000_000.0, Unit.BYTES, "3.0 MB of 64.0 MB"),
        ("3.0 MB/s", 20_000_000.0, Unit.RATE, "3.0 MB/s of 20.0 MB/s"),
        ("3", 50.0, Unit.NUMBER, "3 of 50"),
        ("absent", None, None, "absent"),
        ("", 2.0, Unit.SECONDS, "not read yet of 2s"),
    ],
)
def test_a_value_stands_beside_its_limit(value: str, limit: float | None, unit: Unit | None, text: str) -> None:
    """In the unit of the throttle."""
    assert reading_text(Reading(name="x", signal="x", value=value, limit=limit, unit=unit)) == text
