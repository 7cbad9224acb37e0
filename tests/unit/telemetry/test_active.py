"""Whether the process uses OpenTelemetry."""

from __future__ import annotations

from typing import Any

from bulkq.telemetry import active


def test_instruments_are_made_once(exported: Any) -> None:
    """A meter warns of an instrument that is made twice, so that each is kept."""
    assert active.is_active()
    assert exported.points("bulkq.run.sets") == []
    assert active.durations() is active.durations()
    assert active.ended_sets() is active.ended_sets()
