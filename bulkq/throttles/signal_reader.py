"""How a signal is read from a database: over the connection of its target, or over one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.errors import RefusedError, UsageError
from bulkq.throttles.base import READ_S
from bulkq.throttles.monitor_connection import MonitorConnection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.throttle_signal_catalog import SignalQuery
    from bulkq.model import Target
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.protocols import Connection
    from bulkq.throttles.throttle_context import ThrottleContext


class SignalReader:
    """Reads a signal from one database.

    Args:
        expression: of the signal.
        context: of the run.
        label: of the database, for messages.
        target: the database.
        alone: the signal has a connection of its own, because its queries are those of a user and may take long.
    """

    def __init__(
        self,
        expression: ThrottleExpression,
        context: ThrottleContext,
        label: str,
        target: Target,
        *,
        alone: bool = False,
    ) -> None:
        self.dialect = dialect_for(dialect_of(target.url))
        self._expression = expression
        self._label = label
        self._ours = context.application_name
        self._reader = context.reader
        self._monitor = MonitorConnection(target, self._reader) if alone else context.monitor(label, target)

    async def connected(self) -> Connection:
        """See `MonitorConnection.connected`."""
        return await self._monitor.connected()

    async def ask(self, sql: str, argument: str = "") -> Sequence[tuple[object, ...]]:
        """The rows of a query of `SignalQuery`, with the values of its literals.

        Raises:
            DatabaseError: the server rejects it.
            TargetError, RefusedError, UsageError: it cannot be reached.
        """
        names = {"name": argument or self._expression.argument, "ours": self._ours, "reader": self._reader}
        literals = {name: self.dialect.literal(value) for name, value in names.items()}
        return await self._monitor.ask(sql.format(**literals), READ_S)

    async def examine(self, query: SignalQuery | None, argument: str = "") -> SignalQuery:
        """Return `query` if the server can give its signal to this role.

        Raises:
            UsageError: the database, or this server, cannot give it.
            RefusedError: the role lacks a right; the message names what would give it.
        """
        connection = await self.connected()
        where = f"{self._expression.option} {self._expression.text}: {self._label}"
        if query is None:
            product = connection.server.product
            raise UsageError(f"{where}: {product} does not give the signal {self._expression.signal} to bulkq")
        if query.impossible and (why := (await self.ask(query.impossible, argument))[0][0]):
            raise UsageError(f"{where}: {why}")
        if query.allowed and not (await self.ask(query.allowed))[0][0]:
            role = self.dialect.identifier(connection.server.user) if connection.server.user else "the role"
            raise RefusedError(f"{where}: the role may not see it: {query.grant.format(role=role)}")
        return query

    async def close(self) -> None:
        """See `MonitorConnection.close`."""
        await self._monitor.close()
