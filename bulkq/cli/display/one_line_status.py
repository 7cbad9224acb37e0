"""The status of a run as a line of text. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.cli.display.progress_text import rate_text
from bulkq.text.byte_sizes import size_text
from bulkq.text.characters import escape_unprintable
from bulkq.text.durations import duration_text, latency_text

if TYPE_CHECKING:
    from bulkq.model import Reading
    from bulkq.model.run_status import RunStatus


def status_line(status: RunStatus) -> str:
    """Return `2026-11-22T13:05:10Z norm_phone throttled 812/8377 (9 %) 41/s ...`; values after `=` contain no space."""
    found, counts = status.backfill, status.counts
    done, total = (status.done, status.total) if found is None else (found.done, found.total)
    parts = [
        status.at,
        escape_unprintable(status.name),
        str(status.activity),
        f"{done}" + ("" if total is None else f"/{total}"),
    ]
    if found is not None:
        parts.append("rows")
    if status.percent is not None:
        parts.append(f"({int(10 * status.percent) / 10} %)")
    parts += [f"{rate_text(status.rate)}/s", f"p50={latency_text(status.p50_s)}", f"p95={latency_text(status.p95_s)}"]
    parts += [f"ok={counts.ok}", f"failed={counts.failed}"]
    if counts.unknown:
        parts.append(f"unknown={counts.unknown}")
    parts += [f"lanes={status.lanes.working}", f"eta={'-' if status.eta_s is None else duration_text(status.eta_s)}"]
    if status.workers is not None:
        lost = status.workers.lost
        parts += [f"workers={status.workers.working}", *([f"workers_lost={lost}"] if lost else [])]
    if status.throttled_s >= 1:
        parts.append(f"throttled={duration_text(status.throttled_s)}")
    return " ".join([*parts, *map(escape_unprintable, filter(None, [status.reason, *status.waits]))])


def unit_text(status: RunStatus) -> str:
    """Return what `RunStatus.done` counts, for people: `sets`, `checks`, `objects`."""
    return {"check": "checks", "maintain": "objects"}.get(status.command, "sets")


def reading_text(reading: Reading) -> str:
    """Return the value of a throttle with its limit: `2.2s of 2s`, `exists`."""
    value = reading.value or "not read yet"
    return value if reading.limit is None else f"{value} of {_limit(reading)}"


def _limit(reading: Reading) -> str:
    assert reading.limit is not None
    unit = "" if reading.unit is None else str(reading.unit)
    if unit == "seconds":
        return latency_text(reading.limit) if reading.limit < 1 else duration_text(reading.limit)
    if unit.startswith("bytes"):
        return size_text(int(reading.limit)) + ("/s" if unit != "bytes" else "")
    return f"{reading.limit:g}"
