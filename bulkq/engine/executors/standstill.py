"""Notice that this process stood still: it was stopped, or its machine hung or slept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.ledger.sleepless_clock import sleepless_s

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_S = 0.5
"""Seconds between two looks at the clock."""


class StandstillWatch:
    """Looks at the clock from time to time, until it has noticed a standstill or is closed.

    The event loop handles a timer before the tasks whose answers arrived meanwhile, so none of them has gone on when `noticed` is called.

    Args:
        still_s: seconds of a standstill that is noticed.
        noticed: is called once.
    """

    def __init__(self, still_s: float, noticed: Callable[[], object]) -> None:
        self._still_s = still_s
        self._noticed = noticed
        self._looked_s = sleepless_s()
        self._timer = self._look_later()

    def look(self) -> None:
        """Look now: a message that arrives may be older than the standstill."""
        if not self._timer.cancelled() and sleepless_s() - self._looked_s >= self._still_s:
            self.close()
            self._noticed()

    def close(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look_later(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(LOOK_S, self._tick)

    def _tick(self) -> None:
        self.look()
        if not self._timer.cancelled():
            self._looked_s = sleepless_s()
            self._timer = self._look_later()
