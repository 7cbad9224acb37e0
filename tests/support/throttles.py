"""Throttles by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from bulkq.dialects.throttle_signal_catalog import SignalQuery
from bulkq.model import Target
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext
from bulkq.throttles.base import PolledThrottle
from bulkq.throttles.replication_lag import ReplicationLag
from bulkq.throttles.server_value import ServerValue
from bulkq.throttles.wal_rate import WalRate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.throttles import AnyOf

_FOLDER = TemporaryDirectory(prefix="bulkq-throttles-")
(Path(_FOLDER.name) / "empty.db").touch()
DATABASE = Target(url=f"sqlite:///{_FOLDER.name}/empty.db")
"""An empty file of SQLite, which goes with the process."""


class Held(PolledThrottle):
    """Holds the lanes while `held` has a text."""

    def __init__(self, held: str | None, target: str | None = None) -> None:
        super().__init__("held", target=target)
        self.held = held

    def reason(self) -> str | None:
        return self.held


class Loaded(PolledThrottle):
    """Has the load `share`, and no reason."""

    def __init__(self, target: str) -> None:
        super().__init__("loaded", target=target)
        self.share = 0.0

    def reason(self) -> str | None:
        return None

    def load(self) -> float | None:
        return self.share


class Signal(PolledThrottle):
    """Gives what it is told to, or raises it."""

    def __init__(self, *readings: str | Exception | None) -> None:
        super().__init__("signal")
        self._readings = list(readings)

    async def read(self) -> str | None:
        reading = self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]
        if isinstance(reading, Exception):
            raise reading
        return reading


class Answers:
    """In front of a throttle of a database: its queries have the answers of `rows`, which a test sets."""

    rows: Sequence[tuple[object, ...]] = ()

    async def examine(self, query: SignalQuery | None, argument: str = "") -> SignalQuery:
        return query or SignalQuery(sql="")

    async def ask(self, sql: str, argument: str = "") -> Sequence[tuple[object, ...]]:
        return self.rows


class AnsweredLag(Answers, ReplicationLag):
    """`lag`, with answers of a test."""


class AnsweredValue(Answers, ServerValue):
    """A value of a server, with answers of a test."""


class AnsweredRate(Answers, WalRate):
    """`wal`, with answers of a test."""


T = TypeVar("T", AnsweredLag, AnsweredValue, AnsweredRate)


def answered(kind: type[T], text: str, table: str = "") -> T:
    """A throttle of an expression."""
    context = ThrottleContext(targets=(("db", DATABASE),), table=table)
    return kind(parse_expression(text), context, "db", DATABASE)


async def until(throttle: PolledThrottle | AnyOf, reason: str | None) -> None:
    """Wait until the throttle gives `reason`."""
    async with asyncio.timeout(10):
        while throttle.reason() != reason:
            await asyncio.sleep(0.005)
