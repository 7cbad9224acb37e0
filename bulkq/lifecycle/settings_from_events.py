"""What `bulkq ctl set` has changed in the earlier processes of a run, from its events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.run_event import EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model.run_event import RunEvent


def settings_from_events(events: Sequence[RunEvent]) -> Mapping[str, str]:
    """Return the last value of each setting that was changed and not changed back, by key: `concurrency`, `throttle.lag`.

    Events of a form that this version does not know are left out.
    """
    first: dict[str, object] = {}
    last: dict[str, object] = {}
    for event in events:
        data = event.data or {}
        if event.kind == EventKind.CHANGE and {"key", "from", "to"} <= data.keys():
            key = str(data["key"])
            first.setdefault(key, data["from"])
            last[key] = data["to"]
    return {key: str(value) for key, value in last.items() if value != first[key]}
