"""`commit<200ms`: how long our own commits take, nine of ten of the last ten seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bulkq.policy.signal_history import CommitTimes
from bulkq.throttles.base import PolledThrottle

if TYPE_CHECKING:
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.throttles.throttle_context import ThrottleContext


RETRY_S = 3.0
"""Seconds without a commit after which lanes that wait try again: only a new commit can show that it is over."""


class CommitLatency(PolledThrottle):
    """Holds the lanes while the commits of the run on a target are slow. Without commits for `RETRY_S`, the lanes try again."""

    def __init__(self, expression: ThrottleExpression, context: ThrottleContext, label: str) -> None:
        super().__init__(context.title(expression.signal, label), context.every_s, expression=expression, target=label)
        self._times = CommitTimes()

    def record(self, took_s: float) -> None:
        """Record that a commit took `took_s` seconds."""
        self._times.record(time.monotonic(), took_s)

    async def read(self) -> str | None:
        """Compare the latency with the limit."""
        now_s = time.monotonic()
        reason = self._judge(now_s)
        if reason is not None and self._times.quiet_s(now_s) >= RETRY_S:
            self._times.forget()
            return self._judge(now_s)
        return reason

    def _judge(self, now_s: float) -> str | None:
        return self.compare(self._times.p90(now_s) or 0.0, "p90 of our commits")
