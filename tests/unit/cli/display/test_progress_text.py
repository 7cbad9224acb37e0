"""The texts of a backfill's progress."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bulkq.cli.display.progress_text import (
    holds_text,
    percent_text,
    progress_line,
    progress_object,
    rate_text,
    rows_text,
    time_left_text,
    waiting_text,
)
from bulkq.model.counts import Counts
from bulkq.policy.progress import Progress
from bulkq.policy.row_progress import RowProgress
from tests.support.worker_statuses import WORKERS

AT = datetime(2026, 11, 22, 13, 5, 10, 123456, UTC)


def backfill(total: int | None = 400_000_000, **more: object) -> Progress:
    """A run of 100 seconds at 50,000 rows a second."""
    rows = RowProgress(total, "estimate")
    for n in range(200):
        rows.add(25_000, 0.48, (n + 1) / 2)
    rows.range_rows, rows.holds = 26_000, "server"
    made = Progress(name="norm_phone", run="01kb4x", counts=Counts(ok=200), in_flight=4, row_progress=rows)
    made.latencies.add(0.48, 200)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_the_line() -> None:
    """Rows instead of ranges, the time left with its bounds, and at the end what holds it."""
    assert progress_line(backfill(), 100.0, AT) == (
        "2026-11-22T13:05:10Z norm_phone 5000000/~400000000 rows (1.2 %) 50000 rows/s p50=470ms p95=470ms ok=200 failed=0 "
        "retried=0 in_flight=4 range_rows=26000 range=480ms eta=2h11m eta_low=1h57m eta_high=2h27m holds: server"
    )
    line = progress_line(backfill(None, throttled_s=50.0, state="throttled: lag 4.1s > 2s"), 150.0, AT)
    assert " norm_phone 5000000 rows 50000 rows/s " in line
    assert line.endswith(" range=480ms throttled=50s eta=- holds: throttled: lag 4.1s > 2s")


def test_the_object() -> None:
    """All fields of a backfill, and none of them in another run."""
    found = progress_object(backfill(), 100.0, AT)
    assert {name: found[name] for name in ("percent", "eta_s", *list(found)[-9:])} == {
        "percent": 1.25,
        "eta_s": 7900.0,
        "rows_done": 5_000_000,
        "rows_total": 400_000_000,
        "rows_total_kind": "estimate",
        "rows_per_s": 50_000.0,
        "eta_low_s": pytest.approx(7900 / 1.12, abs=1),
        "eta_high_s": pytest.approx(7900 * 1.12, abs=1),
        "range_rows": 26_000,
        "range_s": 0.48,
        "holds": "server",
    }
    new = progress_object(Progress(row_progress=RowProgress(None)), 0.0, AT)
    assert [name for name in list(new)[-9:] if new[name] is not None] == ["rows_done", "rows_per_s"]
    assert "rows_done" not in progress_object(Progress(), 0.0, AT)


def test_workers() -> None:
    """Of a run with `--executor`: their number in the line, each in the object."""
    progress = backfill(workers=lambda: WORKERS)
    assert " in_flight=4 workers=1 workers_lost=2 range_rows=" in progress_line(progress, 100.0, AT)
    found = progress_object(progress, 100.0, AT)["workers"]
    assert isinstance(found, dict)
    assert (found["working"], found["listed"][1]["reason"]) == (1, "no answer for 10s")
    assert progress_object(backfill(), 100.0, AT)["workers"] is None


def test_rows_and_percent() -> None:
    """`~` marks an estimate; percent is rounded down and has a digit behind the point until the end."""
    rows = RowProgress(1_000_000, "exact", before=999_999)
    assert (rows_text(rows), rows_text(rows, ""), percent_text(rows)) == (
        "999,999 of 1,000,000", "999999/1000000", "99.9 %",
    )  # fmt: skip
    rows.finish()
    assert percent_text(rows) == "100 %"
    unknown = RowProgress(None, before=1_234)
    assert (rows_text(unknown), percent_text(unknown)) == ("1,234", "")
    assert rate_text(48_200.4, ",") == "48,200"


def test_time_left() -> None:
    """Bounds that read alike are left out."""
    assert time_left_text(backfill(), 100.0) == "eta 2h11m (1h57m to 2h27m)"
    assert time_left_text(backfill(5_000_001), 100.0) == "eta 1s"
    assert time_left_text(backfill(None), 100.0) == "eta -"
    assert time_left_text(Progress(), 100.0) == "eta -"


def test_what_holds_it() -> None:
    """A state of the run comes first; another run has no more than its state."""
    assert waiting_text(backfill()) == "holds: server"
    assert holds_text(backfill(state="stopping")) == "stopping"
    new = Progress(row_progress=RowProgress(None))
    assert (holds_text(new), waiting_text(new)) == ("", "")
    assert (holds_text(Progress(state="stopping")), waiting_text(Progress(state="stopping"))) == ("stopping",) * 2
