"""`slot<10GB`, `archive<50`, `waiters<1`, `active<50`, `oldest_xact<1h`, `autovacuum`: a number that the server gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.throttle_readings import Unit
from bulkq.throttles.database_throttle import DatabaseThrottle

if TYPE_CHECKING:
    from bulkq.dialects.throttle_signal_catalog import SignalQuery
    from bulkq.model import Target
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.throttles.throttle_context import ThrottleContext


class ServerValue(DatabaseThrottle):
    """Holds the lanes while a value of the server has reached the limit. A signal without a limit holds them from 1 on."""

    def __init__(self, expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target) -> None:
        super().__init__(expression, context, label, target)
        self._argument = expression.argument or (context.table if expression.limit is None else "")
        self._query: SignalQuery | None = None

    async def begin(self) -> None:
        """Look whether the server gives the value.

        Raises:
            UsageError: it does not.
            RefusedError: not to this role.
        """
        if self.expression.limit is None and not self._argument:
            raise UsageError(
                f"{self.expression.option} {self.expression.text}: name the table: {self.expression.signal}(TABLE)"
            )
        catalog = self.dialect.signals
        known = catalog.values.get(self.expression.signal) if catalog is not None else None
        self._query = await self.examine(known, self._argument)

    async def read(self) -> str | None:
        """Compare the value with the limit.

        Raises:
            DatabaseError, TargetError: the server cannot be asked.
        """
        assert self._query is not None, "it was looked for"
        rows = await self.ask(self._query.sql, self._argument)
        value, whose = rows[0] if rows else (0.0, "")
        number = float(str(value or 0))
        unit = self.expression.unit
        if unit is None:
            self.note(f"a worker is on {whose}" if number else "no worker", number)
            return f"{self.name}: a worker is on {whose}" if number else None
        return self.compare(number, str(whose or "") if unit is not Unit.NUMBER or number >= 1 else "")
