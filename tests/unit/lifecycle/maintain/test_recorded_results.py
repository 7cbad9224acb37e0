"""Results of objects go into events and come out of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from bulkq.ledger.pending_events import LONGEST_DATA
from bulkq.lifecycle.maintain.recorded_results import EACH, record_results, results_from_events
from bulkq.model import Failure, Outcome
from bulkq.model.maintenance import ObjectResult, ObjectState
from bulkq.model.run_event import EventKind, RunEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

DONE = ObjectResult(target="x", name="s.a", state=ObjectState.DONE, elapsed_s=1.5, before=9.0, after=8.0)
SKIPPED = ObjectResult(target="x", name="s.b", state=ObjectState.SKIPPED, reason="locked", elapsed_s=2.0)
FAILURE = Failure(2, "s.b", "x", "vacuum", {}, Outcome.SKIPPED, None, "recorded", 1)


class EventLedger:
    """Keeps events."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    def record_event(self, kind: EventKind, text: str, *, data: Mapping[str, object], soon: bool) -> None:
        del soon
        self.events.append(RunEvent(len(self.events), "", kind, text, data=data))


def test_the_last_result_of_an_object_counts() -> None:
    """A later process has done what an earlier one has skipped; the reason is that of the recorded failure."""
    ledger = EventLedger()
    record_results(cast("Any", ledger), [DONE, SKIPPED], {})
    assert results_from_events(ledger.events, [FAILURE]) == (DONE, replace(SKIPPED, reason="recorded"))
    record_results(cast("Any", ledger), [replace(SKIPPED, state=ObjectState.GONE)], {})
    assert [str(one.state) for one in results_from_events(ledger.events, [FAILURE])] == ["done", "gone"]


def test_a_renamed_object_is_listed_once() -> None:
    """Under its last name, also if that is the former one of another object."""
    ledger = EventLedger()
    record_results(cast("Any", ledger), [DONE, SKIPPED], {})
    again = replace(DONE, before=1.0)
    record_results(cast("Any", ledger), [again], {"s.a": "s.b"})
    assert results_from_events(ledger.events, [FAILURE]) == (DONE, again)


def test_forms_that_are_not_known_are_left_out() -> None:
    """A newer version may record others; one event has some objects at most, however long their names are."""
    rows = ({"objects": 7}, {"objects": [["x"]]}, {"objects": [["s.a", "polished", 1, None, None]]})
    odd = (*({"target": "x", **one} for one in rows), {"objects": []}, None)
    events = [RunEvent(n, "", EventKind.OBJECTS, data=cast("Any", data)) for n, data in enumerate(odd)]
    assert results_from_events([*events, RunEvent(9, "", EventKind.SAMPLE, data={})], []) == ()
    ledger = EventLedger()
    long = replace(DONE, name="表" * 42, before=2.0**50, after=2.0**50, elapsed_s=12345.6789)
    record_results(cast("Any", ledger), [long] * (EACH + 1), {})
    assert len(json.dumps(ledger.events[0].data)) < LONGEST_DATA - 2000
    assert [event.text for event in ledger.events] == [f"{EACH} objects", "1 object"]
    record_results(cast("Any", ledger), [long] * EACH, {long.name: "表" * 42})
    assert len(json.dumps(ledger.events[-1].data)) < LONGEST_DATA - 2000
