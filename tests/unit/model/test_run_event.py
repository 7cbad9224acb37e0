"""Events of a run."""

from __future__ import annotations

from bulkq.model.run_event import EventKind, RunEvent


def test_a_kind_is_its_word() -> None:
    """Kinds are compared with the words that the ledger keeps."""
    assert RunEvent(1, "2026-11-22T10:00:00Z", "pause").kind == EventKind.PAUSE
    assert [str(kind) for kind in EventKind] == [
        "change", "pause", "continue", "stop", "throttle", "release", "waits", "objects", "incomplete", "workers", "sample",
    ]  # fmt: skip
