"""Whether the process uses OpenTelemetry."""

from __future__ import annotations

from typing import Any

from bulkq.telemetry import tracer_and_meter


def test_instruments_are_made_once(exported: Any) -> None:
    """A meter warns of an instrument that is made twice, so that each is kept."""
    assert tracer_and_meter.is_active()
    assert exported.points("bulkq.run.sets") == []
    assert tracer_and_meter.durations() is tracer_and_meter.durations()
    assert tracer_and_meter.ended_sets() is tracer_and_meter.ended_sets()
