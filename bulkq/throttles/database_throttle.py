"""A signal that is read from a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.throttles.base import PolledThrottle
from bulkq.throttles.signal_reader import SignalReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.throttle_signal_catalog import SignalQuery
    from bulkq.model import Target
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.protocols import Connection
    from bulkq.throttles.throttle_context import ThrottleContext


class DatabaseThrottle(PolledThrottle):
    """Reads a signal from one database. A subclass implements `begin` and `read` with `ask`.

    Args:
        expression: of the signal.
        context: of the run.
        label: of the target.
        target: the database.
    """

    alone = False
    """Whether the signal has a connection of its own; see `SignalReader`."""

    def __init__(self, expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target) -> None:
        name = f"{expression.signal}({expression.argument})" if expression.argument else expression.signal
        super().__init__(context.title(name, label), context.every_s, expression=expression, target=label)
        self.label = label
        self._database = SignalReader(expression, context, label, target, alone=self.alone)
        self.dialect = self._database.dialect

    async def connected(self) -> Connection:
        """See `SignalReader.connected`."""
        return await self._database.connected()

    async def ask(self, sql: str, argument: str = "") -> Sequence[tuple[object, ...]]:
        """See `SignalReader.ask`."""
        return await self._database.ask(sql, argument)

    async def examine(self, query: SignalQuery | None, argument: str = "") -> SignalQuery:
        """See `SignalReader.examine`."""
        return await self._database.examine(query, argument)

    async def give_up(self) -> None:
        """Close the connection, unless another signal is read over it; the next reading opens another."""
        await self._database.close()
