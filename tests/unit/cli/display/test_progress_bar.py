"""The bar of a backfill, as it looks at some widths. `test_progress.py` draws that of other runs on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bulkq.cli.display.progress_bar import frame
from bulkq.model.counts import Counts
from bulkq.policy.progress import Progress
from bulkq.policy.row_progress import RowProgress
from tests.support.worker_statuses import WORKERS


def lines(progress: Progress, width: int, now_s: float = 100.0) -> list[str]:
    """Draw a frame."""
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=True, no_color=True, _environ={}).print(frame(progress, now_s))
    plain = stream.getvalue().replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[2m", "")
    return [line.rstrip() for line in plain.splitlines()]


def backfill(total: int | None = 400_000_000) -> Progress:
    """A run of 100 seconds at 50,000 rows a second."""
    rows = RowProgress(total)
    for n in range(200):
        rows.add(25_000, 0.48, (n + 1) / 2)
    rows.range_rows, rows.holds = 26_000, "waiting for locks: pid 4711"
    made = Progress(name="norm_phone", counts=Counts(ok=200), in_flight=4, row_progress=rows)
    made.latencies.add(0.48, 200)
    return made


def test_80_columns() -> None:
    """Three lines below the bar, none of which is cut."""
    top, *rest = lines(backfill(), 80)
    assert top.startswith("norm_phone  ")
    assert top.endswith("  1.2 %  eta 2h11m (1h57m to 2h27m)")
    assert rest == [
        "rows 5,000,000 of ~400,000,000  50,000 rows/s  range 26,000 rows 480ms",
        "ranges ok 200  failed 0  retried 0  in flight 4  p50 470ms  p95 470ms",
        "holds: waiting for locks: pid 4711",
    ]


def test_200_columns() -> None:
    """All counters in one line; throttled time is apart."""
    progress = backfill()
    progress.throttled_s, progress.workers = 90.0, lambda: WORKERS
    _, counters, wait = lines(progress, 200, 190.0)
    assert counters.startswith(
        "rows 5,000,000 of ~400,000,000  50,000 rows/s  range 26,000 rows 480ms  throttled 1m30s  ran"
    )
    assert counters.endswith("in flight 4  workers 1  lost 2  p50 470ms  p95 470ms")
    assert wait == "holds: waiting for locks: pid 4711"


@pytest.mark.parametrize("total", [None, 0])
def test_the_first_frame(total: int | None) -> None:
    """Before the first range, what is not known is left out or a dash."""
    progress = Progress(name="norm_phone", row_progress=RowProgress(total, "exact"))
    top, *rest = lines(progress, 80, 0.0)
    assert top.endswith("eta -")
    assert " ".join(rest[:2]).startswith(
        "rows 0  0 rows/s  ranges ok 0" if total is None else "rows 0 of 0  0 rows/s ranges"
    )
