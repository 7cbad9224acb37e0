"""What became of the objects of a maintenance run, in the events of its ledger: state, time and sizes of each.

The reason why an object was not done is in its failure, where values are redacted, and not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.maintenance import ObjectResult, ObjectState
from bulkq.model.run_event import EventKind
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkq.model import Failure
    from bulkq.model.run_event import RunEvent
    from bulkq.protocols import Ledger

EACH = 50
"""Objects of one event, whose data are 20,000 characters at most: two names of 63 bytes each take up to 260 as JSON."""


def record_results(ledger: Ledger, results: Sequence[ObjectResult], former: Mapping[str, str]) -> None:
    """Record what became of the objects of one target in this process; of the first 50,000 if there are more.

    Args:
        ledger: of the run.
        results: of one target.
        former: the names in the record of objects that were renamed since, by the names that they have now.
    """
    each = EACH // 2 if former else EACH
    for at in range(0, len(results), each):
        piece = results[at : at + each]
        data = {"target": piece[0].target, "objects": [_listed(one, former.get(one.name)) for one in piece]}
        ledger.record_event(EventKind.OBJECTS, counted(len(piece), "object"), data=data, soon=False)


def results_from_events(events: Iterable[RunEvent], failures: Iterable[Failure]) -> tuple[ObjectResult, ...]:
    """The last result of each object, over all processes that have ended, with the reason of its failure.

    Events of a form that this version does not know are left out.
    """
    reasons = {(failure.target, failure.source): failure.message for failure in failures}
    found: dict[tuple[str, str], ObjectResult] = {}  # by target, and name in the record
    for event in events:
        if event.kind == EventKind.OBJECTS and event.data is not None:
            try:
                target = str(event.data["target"])
                results = [_result(target, row, reasons) for row in _rows(event.data["objects"])]
            except (KeyError, TypeError, ValueError):
                continue
            found |= {(target, former): one for former, one in results}
    return tuple(found.values())


def _listed(one: ObjectResult, former: str | None) -> list[object]:
    row = [one.name, str(one.state), round(one.elapsed_s, 4), one.before, one.after]
    return row if former is None else [*row, former]


def _rows(value: object) -> list[list[object]]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _result(target: str, row: list[object], reasons: dict[tuple[str, str], str]) -> tuple[str, ObjectResult]:
    """The name of an object in the record, and its result under the name that it had then."""
    name, state, elapsed_s, before, after = row[:5]
    key = (target, str(name))
    done = state in {ObjectState.DONE, ObjectState.GONE}
    return str(row[5]) if len(row) > 5 else key[1], ObjectResult(
        target=target,
        name=key[1],
        state=ObjectState(str(state)),
        reason="" if done else reasons.get(key, ""),
        elapsed_s=float(str(elapsed_s)),
        before=None if before is None else float(str(before)),
        after=None if after is None else float(str(after)),
    )
