"""How long throttles held a recorded run."""

from __future__ import annotations

from bulkq.lifecycle.throttle_waits_from_events import throttle_waits_from_events
from bulkq.model import ThrottleWait
from bulkq.model.run_event import EventKind, RunEvent
from bulkq.model.throttle_wait_total import waits_object


def test_the_processes_of_a_run_are_added_up() -> None:
    """Other events, and those of an unknown form, are left out."""
    wait = ThrottleWait(name="lag<2s", seconds=2.0)
    data = [waits_object(1.5, [wait]), None, {"signals": 3}, waits_object(1.0, [wait])]
    events = [RunEvent(at, "", EventKind.WAITS, data=one) for at, one in enumerate(data)]
    events.append(RunEvent(9, "", EventKind.SAMPLE, data=waits_object(9.0, [wait])))
    assert throttle_waits_from_events(events) == (2.5, (ThrottleWait(name="lag<2s", seconds=4.0),))
    assert throttle_waits_from_events(()) == (0.0, ())
