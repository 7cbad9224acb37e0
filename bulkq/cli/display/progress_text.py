"""The texts of a progress display: counters as a line or an object, numbers, durations. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.counts import changed_number
from bulkq.text.durations import duration_text, latency_text

if TYPE_CHECKING:
    from datetime import datetime

    from bulkq.policy.progress import Progress


def progress_line(progress: Progress, now_s: float, at: datetime) -> str:
    """Return `2026-11-22T13:05:10Z norm_phone 812/8377 (9 %) 41/s p50=88ms ...`; values after `=` contain no space."""
    parts = [stamp(at), progress.name, count_text(progress, separator=""), f"{rate_text(progress.rate(now_s))}/s"]
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
    eta = progress.eta_s(now_s)
    parts.append(f"eta={'-' if eta is None else duration_text(eta)}")
    return " ".join([*parts, *filter(None, [waiting_text(progress)])])


def progress_object(progress: Progress, now_s: float, at: datetime) -> dict[str, object]:
    """Return all counters by name; None for an unknown value."""
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
        "targets": progress.targets,
        "targets_done": progress.targets_done,
        "waiting_for": progress.waiting_for,
        "waiting": progress.waiting,
        "waiting_bytes": progress.waiting_bytes,
        "together": progress.together,
        "state": progress.state,
        "throttled_s": round(progress.throttled_s, 1),
        "eta_s": None if eta is None else round(eta, 1),
    }


def count_text(progress: Progress, separator: str = ",") -> str:
    """Return `812/8,377 (9 %)`, as far as total and percent are known; `separator` divides thousands."""
    percent = progress.percent()
    done = f"{progress.done:{separator}}"
    total = f"/{progress.total:{separator}}" if progress.total else ""
    return f"{done}{total}" + ("" if percent is None else f" ({int(percent)} %)")


def waiting_text(progress: Progress) -> str:
    """Return what the run waits for, or ""."""
    number = ""
    if progress.waiting_for is not None:
        size = bytes_text(progress.waiting_bytes)
        number = f"waiting for n={progress.waiting_for} ({progress.waiting} results of {size} wait behind it)"
    return ", ".join(filter(None, [progress.state, number]))


def bytes_text(size: int) -> str:
    """Return `812 bytes`, `64 KB`, `1.5 MB` or `12.0 GB`."""
    for unit, bytes_ in (("GB", 10**9), ("MB", 10**6)):
        if size >= bytes_:
            return f"{size / bytes_:.1f} {unit}"
    return f"{size / 1000:.0f} KB" if size >= 1000 else f"{size} bytes"


def rate_text(rate: float) -> str:
    """Return `13500`, `41`, `4.1` or `0.02`."""
    return f"{rate:.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}" if rate >= 0.1 else f"{rate:.2g}"


def stamp(at: datetime) -> str:
    """Return `2026-11-22T13:05:10Z`; `at` is in UTC."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
