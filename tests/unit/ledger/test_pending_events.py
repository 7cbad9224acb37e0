"""Events on their way to the ledger: numbered, bounded, and never an error."""

from __future__ import annotations

import json
from datetime import datetime

from bulkq.ledger.pending_events import LONGEST, MOST_WAITING, EventLog


def test_events_are_numbered_and_taken_once() -> None:
    """Numbers go on after a commit."""
    log = EventLog(7)
    log.add("pause", "paused", "ann@db1", {"for_s": 60})
    (row,) = log.take()
    assert (row["number"], row["kind"], row["text"], row["made_by"]) == (7, "pause", "paused", "ann@db1")
    assert json.loads(str(row["data"])) == {"for_s": 60}
    assert datetime.fromisoformat(str(row["at"])).tzinfo is not None
    assert log.take() == []
    log.add("continue", "continued", "", None)
    assert [(row["number"], row["data"]) for row in log.take()] == [(8, None)]


def test_what_no_database_takes_is_left_out() -> None:
    """NUL, half characters, line ends and endless texts; data that JSON has not, and endless data."""
    log = EventLog()
    log.add("change", "a\0b\ud800\n  c" + "x" * 10_000, "\0", {"path": object()})
    log.add("sample", "", "", {"x": "y" * 100_000})
    log.add("sample", "", "", {("a",): 1})  # type: ignore[dict-item]
    rows = log.take()
    assert str(rows[0]["text"]).startswith("ab? cx")
    assert len(str(rows[0]["text"])) <= LONGEST
    assert rows[0]["made_by"] == ""
    assert [row["data"] for row in rows[1:]] == [None, None]


def test_events_are_bounded() -> None:
    """A run whose ledger hangs keeps so many; numbers have no gap."""
    log = EventLog()
    for _ in range(MOST_WAITING + 5):
        log.add("sample", "", "", None)
    assert len(log.take()) == MOST_WAITING
    log.add("sample", "", "", None)
    assert log.take()[0]["number"] == MOST_WAITING + 1
