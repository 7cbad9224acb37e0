"""The thresholds of the collector while a worker has sessions."""

from __future__ import annotations

import gc

from bulkq.engine.executors.garbage_collection import COLLECTED_AFTER, CollectorThresholds


def test_thresholds_are_raised_from_the_first_session_to_the_last() -> None:
    """Sessions may overlap."""
    before = gc.get_threshold()
    made = CollectorThresholds()
    made.raise_for_session()
    made.raise_for_session()
    assert gc.get_threshold() == COLLECTED_AFTER
    made.restore_after_session()
    assert gc.get_threshold() == COLLECTED_AFTER
    made.restore_after_session()
    assert gc.get_threshold() == before
