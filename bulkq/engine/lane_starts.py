"""How many lanes of a target begin, and when: a few at once, the others as long as they are worth their connections.

A connection costs both sides milliseconds of processor time. If the first answers come sooner than that, a hundred lanes that begin
together delay a short run: 10,000 fast lookups took more than twice as long on 100 lanes as on 8. Then each batch that is cut
adds one lane, while enough is left to do. If the lanes are all busy for long, the others begin at once.
"""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import TYPE_CHECKING

from bulkq.policy.useful_lanes import is_worth_connecting

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = 16
"""Lanes that begin at once in any case. So many sessions cost less than to wait whether they are worth it."""

SLOW_S = 0.02
"""If no batch has ended for this time, all lanes begin."""


class LaneStarts:
    """Decides whether another lane begins now.

    Args:
        again: asks once more; called `SLOW_S` after a refusal.
    """

    def __init__(self, again: Callable[[], None]) -> None:
        self._again = again
        self._cut_s = inf  # when the first batch was cut, on the monotonic clock
        self._timer: asyncio.TimerHandle | None = None

    def allows(
        self, lanes: int, remaining: int | None, latency_s: float | None, finished_s: float, *, cut: bool
    ) -> bool:
        """Whether another lane begins.

        Args:
            lanes: that have begun.
            remaining: parameter sets that no lane has; None if unknown.
            latency_s: seconds per set of the last batch; None before its end.
            finished_s: when the last batch ended, on the monotonic clock; some earlier time if none has.
            cut: a batch was cut; False: a lane begins, which has no connection yet.
        """
        now_s = time.monotonic()
        if cut:
            self._cut_s = min(self._cut_s, now_s)
        if lanes < FEW or now_s - max(self._cut_s, finished_s) >= SLOW_S:
            return True
        if cut and is_worth_connecting(remaining, latency_s, lanes):
            return True
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SLOW_S, self._look_again)
        return False

    def close(self) -> None:
        """Do not ask any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look_again(self) -> None:
        self._timer = None
        self._again()
