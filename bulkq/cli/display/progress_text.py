"""The texts of a progress display: counters as a line or an object, numbers, durations. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.counts import changed_number
from bulkq.model.throttle_readings import reading_object
from bulkq.text.byte_sizes import size_text
from bulkq.text.durations import duration_text, latency_text

if TYPE_CHECKING:
    from datetime import datetime

    from bulkq.policy.progress import Progress
    from bulkq.policy.row_progress import RowProgress


def progress_line(progress: Progress, now_s: float, at: datetime) -> str:
    """Return `2026-11-22T13:05:10Z norm_phone 812/8377 (9 %) 41/s p50=88ms ...`; values after `=` contain no space."""
    rows = progress.row_progress
    if rows is None:
        pace = [count_text(progress, separator=""), f"{rate_text(progress.rate(now_s))}/s"]
    else:
        percent = percent_text(rows)
        pace = [f"{rows_text(rows, '')} rows", *([f"({percent})"] if percent else [])]
        pace.append(f"{rate_text(rows.rate(now_s, progress.throttled_s))} rows/s")
    parts = [stamp(at), progress.name, *pace]
    for name, q in (("p50", 0.5), ("p95", 0.95)):
        parts.append(f"{name}={latency_text(progress.latencies.quantile(q))}")
    parts += [f"ok={progress.counts.ok}", f"failed={progress.counts.failed}"]
    if progress.counts.unknown:
        parts.append(f"unknown={progress.counts.unknown}")
    parts += [f"retried={progress.counts.retried}", f"in_flight={progress.in_flight}"]
    if progress.targets > 1:
        parts.append(f"targets={progress.targets_done}/{progress.targets}")
    if progress.lanes_why:
        parts.append(f"lanes={progress.lanes}")
    if (workers := progress.workers()) is not None:
        parts += [f"workers={workers.working}", *([f"workers_lost={workers.lost}"] if workers.lost else [])]
    if rows is None:
        eta = progress.eta_s(now_s)
        parts.append(f"eta={'-' if eta is None else duration_text(eta)}")
    else:
        parts += _row_values(progress, rows, now_s)
    return " ".join([*parts, *filter(None, [waiting_text(progress)])])


def _row_values(progress: Progress, rows: RowProgress, now_s: float) -> list[str]:
    """Return `range_rows=8000 range=480ms eta=2h05m eta_low=1h50m eta_high=2h30m`."""
    left = rows.time_left(now_s, progress.throttled_s)
    parts = [f"range_rows={rows.range_rows}", f"range={latency_text(rows.range_s)}"]
    if progress.throttled_s >= 1:
        parts.append(f"throttled={duration_text(progress.throttled_s)}")
    if left is None:
        return [*parts, "eta=-"]
    names = {"eta": left.eta_s, "eta_low": left.low_s, "eta_high": left.high_s}
    return [*parts, *(f"{name}={duration_text(seconds)}" for name, seconds in names.items())]


def progress_object(progress: Progress, now_s: float, at: datetime) -> dict[str, object]:
    """Return all counters by name; None for an unknown value. A backfill has those of its rows as well."""
    percent, eta = progress.percent(), progress.eta_s(now_s)
    p50, p95 = progress.latencies.quantile(0.5), progress.latencies.quantile(0.95)
    return {
        "event": "progress",
        "time": stamp(at),
        "run": progress.run,
        "name": progress.name,
        "done": progress.done,
        "total": progress.total,
        "percent": None if percent is None else round(percent, 2),
        "rate": round(progress.rate(now_s), 2),
        "p50_ms": None if p50 is None else round(p50 * 1000, 3),
        "p95_ms": None if p95 is None else round(p95 * 1000, 3),
        "ok": progress.counts.ok,
        "failed": progress.counts.failed,
        "unknown": progress.counts.unknown,
        "skipped": progress.counts.skipped,
        "retried": progress.counts.retried,
        "changed": changed_number(progress.counts.changed),
        "rows": progress.rows,
        "in_flight": progress.in_flight,
        "lanes": progress.lanes or None,
        "lanes_why": progress.lanes_why or None,
        "workers": _workers(progress),
        "targets": progress.targets,
        "targets_done": progress.targets_done,
        "waiting_for": progress.waiting_for,
        "waiting": progress.waiting,
        "waiting_bytes": progress.waiting_bytes,
        "together": progress.together,
        "state": progress.state,
        "throttled_s": round(progress.throttled_s, 1),
        "throttles": [reading_object(reading) for reading in progress.throttles()],
        "eta_s": None if eta is None else round(eta, 1),
        **_row_object(progress, now_s),
    }


def _workers(progress: Progress) -> dict[str, object] | None:
    workers = progress.workers()
    if workers is None:
        return None
    from bulkq.model.worker_status import workers_object  # most runs have none

    return workers_object(workers)


def _row_object(progress: Progress, now_s: float) -> dict[str, object]:
    rows = progress.row_progress
    if rows is None:
        return {}
    left = rows.time_left(now_s, progress.throttled_s)
    return {
        "rows_done": rows.done,
        "rows_total": rows.total,
        "rows_total_kind": rows.total_kind,
        "rows_per_s": round(rows.rate(now_s, progress.throttled_s), 1),
        "eta_low_s": None if left is None else round(left.low_s, 1),
        "eta_high_s": None if left is None else round(left.high_s, 1),
        "range_rows": rows.range_rows or None,
        "range_s": None if rows.range_s is None else round(rows.range_s, 3),
        "holds": holds_text(progress) or None,
    }


def count_text(progress: Progress, separator: str = ",") -> str:
    """Return `812/8,377 (9 %)`, as far as total and percent are known; `separator` divides thousands."""
    percent = progress.percent()
    done = f"{progress.done:{separator}}"
    total = f"/{progress.total:{separator}}" if progress.total else ""
    return f"{done}{total}" + ("" if percent is None else f" ({int(percent)} %)")


def rows_text(rows: RowProgress, separator: str = ",") -> str:
    """Return `12,345,678 of ~400,000,000`, or with the separator "" `12345678/~400000000`; `~` marks an estimate."""
    done, total = f"{rows.done:{separator}}", rows.total
    if total is None:
        return done
    about = "~" if rows.total_kind == "estimate" else ""
    return f"{done}{' of ' if separator else '/'}{about}{total:{separator}}"


def percent_text(rows: RowProgress) -> str:
    """Return `3.1 %`, rounded down, so that 100 % is the end; "" if not known."""
    percent = rows.percent()
    return "" if percent is None else "100 %" if percent >= 100 else f"{int(10 * percent) / 10} %"


def time_left_text(progress: Progress, now_s: float) -> str:
    """Return `eta 2h05m (1h50m to 2h30m)` or `eta -` of a backfill."""
    rows = progress.row_progress
    left = None if rows is None else rows.time_left(now_s, progress.throttled_s)
    if left is None:
        return "eta -"
    low, high = duration_text(left.low_s), duration_text(left.high_s)
    return f"eta {duration_text(left.eta_s)}" + ("" if low == high else f" ({low} to {high})")


def holds_text(progress: Progress) -> str:
    """Return what bounds the speed of a backfill at present, or ""."""
    return progress.state or progress.doing or ("" if progress.row_progress is None else progress.row_progress.holds)


def waiting_text(progress: Progress) -> str:
    """Return what the run waits for or, in a backfill, what holds it; or ""."""
    number = ""
    if progress.waiting_for is not None:
        size = size_text(progress.waiting_bytes)
        number = f"waiting for n={progress.waiting_for} ({progress.waiting} results of {size} wait behind it)"
    holds = holds_text(progress)
    if progress.row_progress is not None and holds:
        holds = f"holds: {holds}"
    return ", ".join(filter(None, [holds, number]))


def rate_text(rate: float, separator: str = "") -> str:
    """Return `13500`, `41`, `4.1` or `0.02`; `separator` divides thousands."""
    return f"{rate:{separator}.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}" if rate >= 0.1 else f"{rate:.2g}"


def stamp(at: datetime) -> str:
    """Return `2026-11-22T13:05:10Z`; `at` is in UTC."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
