"""The settings that a run was given while it worked."""

from __future__ import annotations

from bulkq.lifecycle.settings_from_events import settings_from_events
from bulkq.model.run_event import EventKind, RunEvent


def change(key: str, before: str, after: str) -> RunEvent:
    """The event of a change."""
    return RunEvent(1, "2026-11-20T10:00:00Z", EventKind.CHANGE, "", data={"key": key, "from": before, "to": after})


def test_the_last_value_counts_unless_it_was_taken_back() -> None:
    """Other events and those without data are left out."""
    events = [
        change("concurrency", "8", "4"),
        change("rate", "none", "5/s"),
        change("concurrency", "4", "2"),
        change("rate", "5/s", "none"),
        RunEvent(2, "", EventKind.PAUSE, "paused", data={"for_s": None}),
        RunEvent(3, "", EventKind.CHANGE, "of a newer version"),
    ]
    assert settings_from_events(events) == {"concurrency": "2"}
