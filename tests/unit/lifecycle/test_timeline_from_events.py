"""The timeline of a run from the events of its ledger."""

from __future__ import annotations

from bulkq.lifecycle.timeline_from_events import timeline_from_events
from bulkq.model.run_event import EventKind, RunEvent
from bulkq.model.run_status import RunChange
from bulkq.model.timeline import TimelineSample, TimelineSegment, segment_object

AT = "2026-11-22T13:00:00.000+00:00"


def test_samples_and_changes_are_found() -> None:
    """Pieces stand in their order; what a newer version has written in another form is left out."""
    piece = TimelineSegment(begin=AT, samples=(TimelineSample(0.0, 1.0, 5.0),))
    events = [
        RunEvent(1, AT, EventKind.SAMPLE, data=segment_object(piece)),
        RunEvent(2, AT, EventKind.CHANGE, "concurrency 8 -> 4", "alice@db7"),
        RunEvent(3, AT, EventKind.SAMPLE, data={"form": 2}),
        RunEvent(4, AT, EventKind.SAMPLE),
        RunEvent(5, AT, "weather", "rain"),
        RunEvent(6, AT, EventKind.SAMPLE, data=segment_object(piece)),
    ]
    found = timeline_from_events(events)
    assert found is not None
    assert found.segments == (piece, piece)
    assert found.changes == (RunChange(at=AT, by="alice@db7", text="concurrency 8 -> 4"),)


def test_a_run_without_samples_has_no_timeline() -> None:
    """A run of an older version, or one that ended at once."""
    assert timeline_from_events([]) is None
