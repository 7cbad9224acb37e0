"""`wal<20MB/s`: how fast the log of the server grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bulkq.policy.signal_history import PositionHistory
from bulkq.throttles.database_throttle import DatabaseThrottle

if TYPE_CHECKING:
    from bulkq.dialects.throttle_signal_catalog import SignalQuery
    from bulkq.model import Target
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.throttles.throttle_context import ThrottleContext


class WalRate(DatabaseThrottle):
    """Holds the lanes while the position of the log moves too fast, whichever session writes. The first reading has no rate."""

    def __init__(self, expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target) -> None:
        super().__init__(expression, context, label, target)
        self._history = PositionHistory()
        self._query: SignalQuery | None = None

    async def begin(self) -> None:
        """Look whether the server has such a position.

        Raises:
            UsageError: it has not, or it is a standby.
        """
        catalog = self.dialect.signals
        self._query = await self.examine(catalog.position if catalog is not None else None)

    async def read(self) -> str | None:
        """Compare the rate of the last seconds with the limit.

        Raises:
            DatabaseError, TargetError: the server cannot be asked.
        """
        assert self._query is not None, "it was looked for"
        ((position,),) = await self.ask(self._query.sql)
        now_s = time.monotonic()
        self._history.record(now_s, float(str(position)))
        rate = self._history.rate(now_s)
        return None if rate is None else self.compare(rate)
