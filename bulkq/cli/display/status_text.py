"""The status of a run as lines, for `bulkq ctl status`. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.cli.display.one_line_status import unit_text
from bulkq.cli.display.progress_text import rate_text
from bulkq.model.counts import changed_text, counts_of
from bulkq.model.run_status import Activity
from bulkq.policy.throttle_expressions import current_text
from bulkq.policy.worker_counts import worker_text, workers_text
from bulkq.text.characters import escape_unprintable
from bulkq.text.durations import duration_text, latency_text
from bulkq.text.moments import moment_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.model.counts import Counts
    from bulkq.model.run_status import RunStatus

WIDTH = 10


def status_lines(status: RunStatus) -> list[str]:
    """Return `name value` for all that is known of a run."""
    rows = [
        ("run", f"{status.run} {status.name}"),
        ("state", _state(status)),
        ("process", status.process),
        ("started", moment_text(status.started_at) if status.started_at else ""),
        ("elapsed", _elapsed(status)),
        ("done", _done(status)),
        ("rate", _rate(status)),
        ("lanes", _lanes(status)),
        ("workers", "" if status.workers is None else f"{workers_text(status.workers)} ({status.workers.executor})"),
        ("latency", _latency(status)),
        ("counts", _counts(status.counts)),
        *_notes(status),
        ("exit", "" if status.exit_code is None else str(status.exit_code)),
        ("next", status.resume or ""),
    ]
    return [f"{name:<{WIDTH}}{escape_unprintable(value)}" for name, value in rows if value]


def _state(status: RunStatus) -> str:
    since = f" for {duration_text(status.activity_s)}" if status.activity is not Activity.ENDED else ""
    return f"{status.activity}{f' {status.reason}' if status.reason else ''}{since}"


def _elapsed(status: RunStatus) -> str:
    throttled = f", throttled for {duration_text(status.throttled_s)}" if status.throttled_s >= 1 else ""
    return f"{duration_text(status.elapsed_s)}{throttled}"


def _done(status: RunStatus) -> str:
    total = "" if status.total is None else f" of {status.total:,}"
    percent = "" if status.percent is None else f" ({int(status.percent)} %)"
    if status.backfill is None:
        return f"{status.done:,}{total} {unit_text(status)}{percent}"
    rows = status.backfill
    about = "about " if rows.total_kind == "estimate" else ""
    whole = "" if rows.total is None else f" of {about}{rows.total:,}"
    return f"{rows.done:,}{whole} rows{percent}, {status.done:,} ranges"


def _rate(status: RunStatus) -> str:
    if status.activity is Activity.ENDED:
        return ""
    left = "" if status.eta_s is None else f", {duration_text(status.eta_s)} left"
    return f"{rate_text(status.rate)} {status.rate_unit}/s, {rate_text(status.rate_average)} on average{left}"


def _lanes(status: RunStatus) -> str:
    lanes = status.lanes
    if not lanes.allowed:
        return ""
    wanted = f"-j {'auto' if lanes.wanted is None else lanes.wanted}{f': {lanes.why}' if lanes.why else ''}"
    batch = "" if status.batch is None else f", {status.batch} sets in a batch"
    return f"{lanes.working} of {lanes.allowed} ({wanted}){batch}"


def _counts(counts: Counts) -> str:
    found = {**counts_of(counts), "changed": changed_text(counts.changed)}
    return " ".join(f"{name}={value}" for name, value in found.items() if value not in {0, "0"} or name == "ok")


def _latency(status: RunStatus) -> str:
    if status.p50_s is None:
        return ""
    return f"p50={latency_text(status.p50_s)} p95={latency_text(status.p95_s)} max={latency_text(status.max_s)}"


def _notes(status: RunStatus) -> Iterator[tuple[str, str]]:
    """The rows that there may be several of."""
    for reading in status.throttles:
        where = f"{reading.target}: " if reading.target else ""
        value = f": {reading.value}" if reading.value else ""
        name = current_text(reading.name, reading.limit)
        yield "throttle", f"{where}{name}{value}{', which holds the run' if reading.reason else ''}"
    for worker in () if status.workers is None else status.workers.listed:
        yield "worker", worker_text(worker)
    for text in status.waits:
        yield "waits", text
    for failure in status.failures:
        yield "failure", f"n={failure.n} {failure.query} {failure.message}"
    for change in status.changes:
        yield "change", f"{moment_text(change.at)} {change.text}{f' (by {change.by})' if change.by else ''}"
