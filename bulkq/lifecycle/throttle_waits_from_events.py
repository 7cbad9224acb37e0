"""How long throttles held a recorded run, from its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.run_event import EventKind
from bulkq.model.throttle_wait_total import parse_waits
from bulkq.policy.throttle_waits import sum_waits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import ThrottleWait
    from bulkq.model.run_event import RunEvent


def throttle_waits_from_events(events: Sequence[RunEvent]) -> tuple[float, tuple[ThrottleWait, ...]]:
    """Return the seconds in which throttles held the whole run, and those of each signal, over all processes that have ended.

    Events of a form that this version does not know are left out.
    """
    stood_s = 0.0
    waits: list[ThrottleWait] = []
    for event in events:
        if event.kind == EventKind.WAITS and event.data is not None:
            try:
                seconds, found = parse_waits(event.data)
            except (KeyError, TypeError, ValueError):
                continue
            stood_s += seconds
            waits += found
    return stood_s, sum_waits(waits)
