"""`lag<2s`, `lag<64MB`, `lag(replica-2)<2s`: how far the replicas of the server are behind.

The server's own figure for the time is not used: it is missing in many samples of a healthy replica, and stands still while one hangs.
The time is ours: when was the position written that the replica has applied?
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.throttle_readings import Unit
from bulkq.policy.signal_history import PositionHistory
from bulkq.throttles.database_throttle import DatabaseThrottle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.throttle_signal_catalog import SignalQuery
    from bulkq.model import Target
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.throttles.throttle_context import ThrottleContext


@frozen
class _Replica:
    """A row of `SignalCatalog.replicas`."""

    name: str
    connection: str
    written: float
    applied: float
    answered: float | None
    answers_within_s: float


class ReplicationLag(DatabaseThrottle):
    """Holds the lanes while the slowest replica is too far behind, does not answer, or is gone."""

    def __init__(self, expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target) -> None:
        super().__init__(expression, context, label, target)
        self._history = PositionHistory()
        self._query: SignalQuery | None = None
        self._wanted: Counter[str] = Counter()  # how many replicas of a name there were at the start
        self._answers: dict[
            str, tuple[float | None, float]
        ] = {}  # by connection: the last answer, and when it was seen

    async def begin(self) -> None:
        """Look which replicas there are.

        Raises:
            UsageError: there are none, or none of that name.
            RefusedError: the role may not see their state.
        """
        catalog = self.dialect.signals
        if catalog is not None and catalog.replicas is None and catalog.named_replica is not None:
            raise UsageError(
                f"{self.expression.option} {self.expression.text}: {self.label}: name a replica that is a target of bulkq.toml: "
                "lag(NAME)<2s"
            )
        self._query = await self.examine(catalog.replicas if catalog is not None else None)
        _, replicas = await self._look()
        self._wanted = Counter(replica.name for replica in replicas)
        if not replicas:
            name = self.expression.argument
            missing = (
                f'no replica with the application_name "{name}" is connected' if name else "no replica is connected"
            )
            raise UsageError(
                f"{self.expression.option} {self.expression.text}: {self.label}: {missing}: connect it, or leave the throttle out"
            )

    async def read(self) -> str | None:
        """Compare the slowest replica with the limit.

        Raises:
            DatabaseError, TargetError: the server cannot be asked.
        """
        position, replicas = await self._look()
        now_s = time.monotonic()
        self._history.record(now_s, position)
        behind = [(self._behind(one, position, now_s), one.name) for one in replicas]
        reason = self.compare(*max(behind, default=(0.0, "")))
        return self._gone(replicas) or reason or self._silent(replicas, now_s)

    def _behind(self, replica: _Replica, position: float, now_s: float) -> float:
        """How far a replica is behind, in the unit of the limit."""
        if self.expression.unit is Unit.BYTES:
            return max(0.0, position - replica.applied)
        return self._history.behind_s(replica.applied, now_s)

    def _gone(self, replicas: Sequence[_Replica]) -> str | None:
        """The reason if a replica of the start is not connected any more."""
        missing = self._wanted - Counter(one.name for one in replicas)
        return f"{self.name}: replica {min(missing)} is not connected any more" if missing else None

    def _silent(self, replicas: Sequence[_Replica], now_s: float) -> str | None:
        """The reason if a replica sends no answers: on a server where nothing is written, it may hang without being behind."""
        seen = self._answers
        self._answers = {}
        for one in replicas:
            answered, since_s = seen.get(one.connection, (None, now_s))
            self._answers[one.connection] = (one.answered, now_s if one.answered != answered else since_s)
        late = [
            (now_s - self._answers[one.connection][1], one.name)
            for one in replicas
            if now_s - self._answers[one.connection][1] > one.answers_within_s + ANSWER_MARGIN_S
        ]
        return f"{self.name}: replica {max(late)[1]} has not answered for {max(late)[0]:.0f}s" if late else None

    async def _look(self) -> tuple[float, list[_Replica]]:
        """The position of the log, and the replicas."""
        assert self._query is not None, "it was looked for"
        rows = await self.ask(self._query.sql)
        found = [
            _Replica(str(name), str(pid), _number(written), _number(applied), _number(answered), _number(within))
            for name, pid, written, applied, answered, within in rows
            if name is not None
        ]
        return _number(rows[0][2]), found


ANSWER_MARGIN_S = 5.0
"""Seconds that an answer may be late."""


def _number(value: object) -> float:
    return float(str(value or 0))
