"""The workers of a recorded run."""

from __future__ import annotations

from bulkq.lifecycle.workers_from_events import workers_from_events
from bulkq.model.run_event import EventKind, RunEvent
from bulkq.model.worker_status import workers_object
from tests.support.worker_statuses import WORKERS


def test_events_of_an_unknown_form_are_left_out() -> None:
    """So are other events."""
    data = [None, {"executor": "x", "listed": 3}, {"listed": ["a"]}, workers_object(WORKERS)]
    events = [RunEvent(at, "", EventKind.WORKERS, data=one) for at, one in enumerate(data)]
    events.append(RunEvent(9, "", EventKind.SAMPLE, data=workers_object(WORKERS)))
    assert workers_from_events(events) == WORKERS
    assert workers_from_events(()) is None
