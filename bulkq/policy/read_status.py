"""Read the status of a run from its counters. Pure: the clock is an argument."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bulkq.model.run_status import Activity, LaneStatus, RowStatus, RunStatus, StatusFailure
from bulkq.text.byte_sizes import size_text

if TYPE_CHECKING:
    from bulkq.model import Failure
    from bulkq.policy.progress import Progress
    from bulkq.policy.row_progress import RowProgress

SHOWN_FAILURES = 5
SHOWN_CHANGES = 5

ACTIVITIES = (
    ("stopping", Activity.STOPPING),
    ("paused", Activity.PAUSED),
    ("throttled", Activity.THROTTLED),
    ("target lost", Activity.WAITING),
)
"""How `Progress.state` begins. `2 of 3 targets throttled: ...` is a run that continues on the others."""


def read_status(progress: Progress, now_s: float, at: str) -> RunStatus:
    """Return what the run of `progress` is doing.

    Args:
        progress: live counters.
        now_s: `time.monotonic()`.
        at: the time of the day, ISO 8601 in UTC.
    """
    return replace(
        _read_counters(progress),
        **_read_times(progress, now_s),
        at=at,
        waits=_waits(progress),
        failures=tuple(_failure(one) for one in progress.failures[:SHOWN_FAILURES]),
        changes=tuple(progress.changes[-SHOWN_CHANGES:]),
        workers=progress.workers(),
        backfill=None if progress.row_progress is None else _row_status(progress.row_progress),
    )


def _read_counters(progress: Progress) -> RunStatus:
    """Return the part of the status that needs no clock: names, counts, lanes and targets."""
    activity, reason = read_activity(progress.state)
    return RunStatus(
        run=progress.run,
        name=progress.name,
        command=progress.command,
        mode=progress.mode,
        process=progress.process,
        started_at=progress.started_at,
        activity=activity,
        reason=reason,
        percent=_rounded(progress.percent(), 2),
        done=progress.done,
        total=progress.total,
        counts=progress.counts,
        rows=progress.rows,
        rate_unit=progress.rate_unit,
        lanes=LaneStatus(
            working=progress.lanes_working,
            allowed=progress.lanes,
            wanted=progress.concurrency,
            why=progress.lanes_why,
        ),
        batch=progress.batch,
        in_flight=progress.in_flight,
        targets=progress.targets,
        targets_done=progress.targets_done,
        throttles=progress.throttles(),
    )


def _read_times(progress: Progress, now_s: float) -> dict[str, Any]:
    """Return the fields of the status that are times, or numbers per second."""
    latencies, rows = progress.latencies, progress.row_progress
    left = None if rows is None else rows.time_left(now_s, progress.throttled_s)
    elapsed_s = max(0.0, now_s - progress.started_s) if progress.started_s else 0.0
    return {
        "activity_s": round(max(0.0, now_s - (progress.state_s or progress.started_s)), 1),
        "elapsed_s": round(elapsed_s, 1),
        "throttled_s": round(progress.throttled_s, 1),
        "rate": round(progress.recent_rate(now_s), 2),
        "rate_average": round(progress.average_rate(now_s), 2),
        "eta_s": _rounded(progress.eta_s(now_s), 1),
        "eta_low_s": None if left is None else round(left.low_s, 1),
        "eta_high_s": None if left is None else round(left.high_s, 1),
        "p50_s": _rounded(latencies.quantile(0.5), 6),
        "p95_s": _rounded(latencies.quantile(0.95), 6),
        "max_s": _rounded(latencies.max_s if latencies.total else None, 6),
    }


def read_activity(state: str) -> tuple[Activity, str]:
    """Return the activity that `Progress.state` is a text of, and its reason."""
    if not state:
        return Activity.RUNNING, ""
    activity = next((activity for begin, activity in ACTIVITIES if state.startswith(begin)), Activity.RUNNING)
    whole = activity in (Activity.WAITING, Activity.RUNNING)
    return activity, state if whole else state.partition(": ")[2]


def _row_status(rows: RowProgress) -> RowStatus:
    return RowStatus(
        done=rows.done,
        total=rows.total,
        total_kind=rows.total_kind,
        range_rows=rows.range_rows or None,
        range_s=_rounded(rows.range_s, 3),
        holds="" if rows.holds.startswith("throttled") else rows.holds,  # the activity has the reason of the moment
        position=rows.position,
    )


def _waits(progress: Progress) -> tuple[str, ...]:
    """The locks that a backfill waits for, and the set that the output waits for."""
    rows, waits = progress.row_progress, []
    if rows is not None and rows.holds.startswith("waiting") and not progress.state:
        waits.append(rows.holds)
    if progress.waiting_for is not None:
        size = size_text(progress.waiting_bytes)
        waits.append(f"output waits for n={progress.waiting_for} ({progress.waiting} results of {size} wait behind it)")
    return tuple(waits)


def _failure(failure: Failure) -> StatusFailure:
    return StatusFailure(
        n=failure.n,
        source=failure.source,
        target=failure.target,
        query=failure.query,
        outcome=str(failure.outcome),
        sqlstate=failure.sqlstate,
        message=failure.message,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
