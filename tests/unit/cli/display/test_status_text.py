"""The status of a run as lines."""

from __future__ import annotations

from bulkq.cli.display.status_text import status_lines
from bulkq.model.counts import UNCOUNTED, Counts
from bulkq.model.run_status import Activity, LaneStatus, RowStatus, RunChange, RunStatus, StatusFailure
from bulkq.model.throttle_readings import Reading
from tests.support.worker_statuses import WORKERS


def test_a_run_at_work() -> None:
    """What is not known has no line; times and numbers have their units."""
    status = RunStatus(
        run="01kb4x",
        name="norm_phone",
        process='host "db7", process 4711',
        activity=Activity.THROTTLED,
        reason="lag 3.1s >= 2s",
        activity_s=12.0,
        elapsed_s=65.0,
        throttled_s=20.0,
        done=1_200,
        total=10_000,
        percent=12.4,
        counts=Counts(ok=1_199, failed=1, changed=UNCOUNTED),
        rate=40.5,
        rate_average=18.4,
        eta_s=478.0,
        lanes=LaneStatus(working=3, allowed=4, wanted=8),
        batch=25,
        p50_s=0.01,
        p95_s=0.2,
        max_s=1.0,
        waits=("output waits for n=5",),
        throttles=(
            Reading(name="lag<9s", signal="lag", target="prod", value="3.1s", limit=2.0, reason="x"),
            Reading(name="file:/h", signal="file"),
        ),
        failures=(StatusFailure(n=7, query="norm_phone", message="division by zero"),),
        changes=(
            RunChange(at="2026-11-22T13:05:10Z", by="ann@db7", text="rate none -> 5/s"),
            RunChange(at="2026-11-22T13:06:10Z", text="x"),
        ),
    )
    found = dict(line.split(maxsplit=1) for line in status_lines(status) if not line.startswith(("throttle", "change")))
    assert found == {
        "run": "01kb4x norm_phone",
        "state": "throttled lag 3.1s >= 2s for 12s",
        "process": 'host "db7", process 4711',
        "elapsed": "1m05s, throttled for 20s",
        "done": "1,200 of 10,000 sets (12 %)",
        "rate": "40 sets/s, 18 on average, 7m58s left",
        "lanes": "3 of 4 (-j 8), 25 sets in a batch",
        "latency": "p50=10ms p95=200ms max=1000ms",
        "counts": "ok=1199 failed=1 changed=?",
        "waits": "output waits for n=5",
        "failure": "n=7 norm_phone division by zero",
    }
    rest = [line.split(maxsplit=1)[1] for line in status_lines(status) if line.startswith(("throttle", "change"))]
    assert rest[:2] == ["prod: lag<2s: 3.1s, which holds the run", "file:/h"]
    assert rest[2].endswith("rate none -> 5/s (by ann@db7)")
    assert rest[3].endswith(" x")


def test_a_backfill_and_a_run_that_has_ended() -> None:
    """Rows stand before ranges; the end has its exit code and the next step, and no rate."""
    rows = RowStatus(done=5_000, total=90_000, total_kind="estimate")
    backfill = RunStatus(
        run="01kb",
        done=7,
        percent=5.5,
        backfill=rows,
        rate_unit="rows",
        lanes=LaneStatus(working=1, allowed=2, why="x"),
    )
    found = dict(line.split(maxsplit=1) for line in status_lines(backfill))
    assert found["done"] == "5,000 of about 90,000 rows (5 %), 7 ranges"
    assert found["rate"] == "0 rows/s, 0 on average"
    assert found["lanes"] == "1 of 2 (-j auto: x)"
    ended = RunStatus(run="01kb", activity=Activity.ENDED, exit_code=5, resume="bulkq resume 01kb")
    found = dict(line.split(maxsplit=1) for line in status_lines(ended))
    assert (found["state"], found["exit"], found["next"]) == ("ended", "5", "bulkq resume 01kb")
    assert "rate" not in found


def test_workers() -> None:
    """Each has a line, also those that are lost."""
    found = [line for line in status_lines(RunStatus(workers=WORKERS)) if line.startswith("worker")]
    assert found[:2] == [
        "workers   1 in use, 2 lost, 1 refused (dask:local=2)",
        "worker    tcp://a:1 working: 12 batches, 2,400 sets",
    ]
    assert len(found) == 4
