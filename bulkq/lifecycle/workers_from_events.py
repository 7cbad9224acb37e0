"""The workers of a recorded run, from its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.run_event import EventKind
from bulkq.model.worker_status import parse_workers
from bulkq.policy.worker_counts import add_workers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model.run_event import RunEvent
    from bulkq.model.worker_status import WorkersStatus


def workers_from_events(events: Sequence[RunEvent]) -> WorkersStatus | None:
    """Return the workers of all processes that have ended; None if there is none. Events of an unknown form are left out."""
    found = []
    for event in events:
        if event.kind == EventKind.WORKERS and event.data is not None:
            try:
                found.append(parse_workers(event.data))
            except (AttributeError, KeyError, TypeError, ValueError):
                continue
    return add_workers(found)
