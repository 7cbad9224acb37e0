"""What is known of a backfill before its first process has recorded anything."""

from __future__ import annotations

from bulkq.lifecycle.backfill.table_backfill_state import RecordedRanges


def test_nothing_is_recorded_at_first() -> None:
    """The whole key is left, and numbers begin at 1."""
    found = RecordedRanges()
    assert (found.start, found.end, found.last, found.rows) == ((), None, 0, 0)
    assert not (found.done)
    assert not (found.failed)
    assert not (found.lost)
