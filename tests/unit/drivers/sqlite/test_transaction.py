"""The deadline of statements on a handle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.drivers.sqlite.transaction import Deadline

if TYPE_CHECKING:
    import pytest


def test_deadline_counts_from_its_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement has its time from the moment it is first seen; the next one begins anew; ours are never stopped."""
    now = 0.0
    monkeypatch.setattr("bulkq.drivers.sqlite.transaction.time.monotonic", lambda: now)
    deadline, answers = Deadline(), []
    assert not deadline.expired()
    deadline.start(1.0, answers)
    assert not deadline.expired()
    now = 1.5
    assert deadline.expired()
    assert deadline.passed
    answers.append(())
    assert not deadline.expired()
    deadline.cancelled = True
    assert deadline.expired()
    deadline.off = True
    assert not deadline.expired()
