"""How often a worker looks for garbage while it has sessions: parameter sets and rows hold no cycles.

With the thresholds of Python, a worker spent 30 % of its time in the collector, because a batch makes thousands of tuples.
"""

from __future__ import annotations

import gc

COLLECTED_AFTER = (50_000, 20, 50)
"""Thresholds of `gc.set_threshold`, as of the run itself."""


class CollectorThresholds:
    """The thresholds of this process, which belong to the owner of the cluster: they are restored with the end of the last session."""

    def __init__(self) -> None:
        self._sessions = 0
        self._before = gc.get_threshold()

    def raise_for_session(self) -> None:
        """Raise them, if there was no session."""
        if not self._sessions:
            self._before = gc.get_threshold()
            gc.set_threshold(*COLLECTED_AFTER)
        self._sessions += 1

    def restore_after_session(self) -> None:
        """Restore them, if this was the last session."""
        self._sessions -= 1
        if not self._sessions:
            gc.set_threshold(*self._before)


thresholds = CollectorThresholds()
"""Of this process."""
