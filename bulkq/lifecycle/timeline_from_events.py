"""Put the timeline of a run together from the events of its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.run_event import EventKind
from bulkq.model.run_status import RunChange
from bulkq.model.timeline import RunTimeline, parse_segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model.run_event import RunEvent

CHANGES = frozenset({EventKind.CHANGE, EventKind.PAUSE, EventKind.CONTINUE, EventKind.STOP})


def timeline_from_events(events: Sequence[RunEvent]) -> RunTimeline | None:
    """Return the timeline over all processes of a run; None if no samples were recorded.

    Samples of a form that this version does not know are left out.
    """
    segments = []
    for event in events:
        if event.kind == EventKind.SAMPLE and event.data is not None:
            try:
                segments.append(parse_segment(event.data))
            except (KeyError, TypeError, ValueError):
                continue
    changes = tuple(RunChange(at=one.at, by=one.by, text=one.text) for one in events if one.kind in CHANGES)
    return RunTimeline(segments=tuple(segments), changes=changes) if segments else None
