"""`lag(NAME)<2s`, where NAME is a target: the replica itself says what it has applied, and whose replica it is.

The time is ours, as in `replication_lag`: when was the position written that the replica has applied?
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import TargetError, UsageError
from bulkq.model.throttle_readings import Unit
from bulkq.policy.signal_history import PositionHistory
from bulkq.throttles.database_throttle import DatabaseThrottle
from bulkq.throttles.signal_reader import SignalReader

if TYPE_CHECKING:
    from bulkq.dialects.throttle_signal_catalog import PrimaryState, ReplicaCatalog, ReplicaState
    from bulkq.model import Target
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.throttles.throttle_context import ThrottleContext

ANSWER_S = 2.0
"""A replica that gives no answer for this time, in seconds, holds the lanes: how far it is behind is not known."""


class NamedReplicaLag(DatabaseThrottle):
    """Holds the lanes while a replica is too far behind, gives no answer, or is not a replica of the target any more.

    Args:
        expression: of the signal.
        context: of the run.
        label: of the target, which is the primary.
        target: the primary.
        replica: the replica.
    """

    def __init__(
        self, expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target, replica: Target
    ) -> None:
        super().__init__(expression, context, label, target)
        self._replica = SignalReader(expression, context, replica.name, replica)
        self._history = PositionHistory()
        self._catalog: ReplicaCatalog | None = None

    async def begin(self) -> None:
        """Look whether the replica is one of the target.

        Raises:
            UsageError: it is not, or it cannot be reached.
            RefusedError: the role may not see its state.
        """
        where = f"{self.expression.option} {self.expression.text}"
        catalog = self.dialect.signals.named_replica if self.dialect.signals is not None else None
        await self.examine(catalog.primary if catalog is not None else None)
        assert catalog is not None, "it was examined"
        if self.expression.unit is Unit.BYTES and not catalog.counts_bytes:
            raise UsageError(
                f"{where}: {self.label} does not say how many bytes a replica is behind: use a time: lag<2s"
            )
        if self._replica.dialect.name != self.dialect.name:
            raise UsageError(
                f"{where}: {self.expression.argument} is not a replica of {self.label}: it is another database"
            )
        self._catalog = catalog
        try:
            await self._replica.examine(catalog.replica)
            state = await self._compared(await self._position())
        except TargetError as error:  # the targets of a run may be left out, but not the replica of one
            raise UsageError(f"{where}: the replica cannot be reached: {error}") from error
        if state.wrong:
            raise UsageError(f"{where}: {self.expression.argument} is not a replica of {self.label}: {state.wrong}")

    async def read(self) -> str | None:
        """Compare the replica with the limit.

        Raises:
            DatabaseError, TargetError: a server cannot be asked.
        """
        primary = await self._position()
        now_s = time.monotonic()
        self._history.record(now_s, primary.position)
        try:
            async with asyncio.timeout(ANSWER_S):
                state = await self._compared(primary)
        except TimeoutError:
            await self._replica.close()
            return f"{self.name}: the replica gives no answer within {ANSWER_S:g}s"
        if state.wrong:
            return f"{self.name}: {state.wrong}"
        if self.expression.unit is Unit.BYTES:
            return self.compare(max(0.0, primary.position - state.applied))
        return self.compare(self._history.behind_s(state.applied, now_s))

    async def give_up(self) -> None:
        """Close both connections; the next reading opens others."""
        await self._replica.close()
        await super().give_up()

    async def _position(self) -> PrimaryState:
        assert self._catalog is not None, "it was looked for"
        catalog = self._catalog
        identity = str((await self.ask(catalog.identity))[0][0]) if catalog.identity else ""
        return catalog.read_primary(await self.ask(catalog.primary.sql), identity)

    async def _compared(self, primary: PrimaryState) -> ReplicaState:
        """What the replica has applied. It cannot be ahead of its primary, unless that has written since it was asked."""
        assert self._catalog is not None, "it was looked for"
        state = self._catalog.read_replica(await self._replica.ask(self._catalog.replica.sql), primary)
        if state.applied > primary.position and state.applied > (await self._position()).position:
            return replace(state, wrong="it has applied more than the primary has written")
        return state
