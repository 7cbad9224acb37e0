"""The span of a run. Those of its attempts are below it, because its lanes start within it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from bulkq.telemetry.tracer_and_meter import ended_sets, is_active, tracer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.policy.progress import Progress


@contextmanager
def trace_run(progress: Progress) -> Iterator[None]:
    """Make a span for a run of `progress` if the process uses OpenTelemetry, and count its parameter sets at the end."""
    if not is_active():
        yield
        return
    run = {"bulkq.run.name": progress.name, "bulkq.run.command": progress.command, "bulkq.run.mode": progress.mode}
    begun = progress.counts
    with tracer().start_as_current_span(
        f"bulkq {progress.command}",
        attributes={**run, "bulkq.run.id": progress.run},
        record_exception=False,  # its message may hold values
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        finally:
            counts = progress.counts
            for outcome in ("ok", "failed", "unknown"):
                count = getattr(counts, outcome) - getattr(begun, outcome)
                span.set_attribute(f"bulkq.run.sets.{outcome}", count)
                ended_sets().add(max(0, count), {**run, "bulkq.outcome": outcome})
            span.set_attribute("bulkq.run.throttled_s", round(progress.throttled_s, 1))
