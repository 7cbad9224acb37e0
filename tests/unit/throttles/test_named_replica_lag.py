"""`lag(NAME)`, where NAME is a target: what a replica says of itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bulkq.dialects.throttle_signal_catalog import (
    PrimaryState,
    ReplicaCatalog,
    ReplicaState,
    SignalCatalog,
    SignalQuery,
)
from bulkq.errors import TargetError, UsageError
from bulkq.model import Target
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import ThrottleContext, named_replica_lag
from bulkq.throttles.named_replica_lag import NamedReplicaLag
from tests.support.throttles import DATABASE

if TYPE_CHECKING:
    from collections.abc import Sequence

REPLICA = Target(url=DATABASE.url, name="r2")


def catalog(*, counts_bytes: bool = True) -> SignalCatalog:
    """A database whose positions stand in its rows."""
    return SignalCatalog(
        named_replica=ReplicaCatalog(
            primary=SignalQuery(sql="select 1"),
            identity="select 1",
            read_primary=lambda rows, identity: PrimaryState(float(str(rows[0][0])), identity),
            replica=SignalQuery(sql="select 1"),
            read_replica=lambda rows, _: ReplicaState(float(str(rows[0][0])), str(rows[0][1])),
            counts_bytes=counts_bytes,
        )
    )


class AskedLag(NamedReplicaLag):
    """A primary and a replica with answers of a test."""

    position = 1000.0
    replica: Sequence[object] | Exception | None = (1000.0, "")  # None: no answer

    def __init__(self, text: str, signals: SignalCatalog | None, replica: Target = REPLICA) -> None:
        context = ThrottleContext(targets=(("db", DATABASE),))
        super().__init__(parse_expression(text), context, "db", DATABASE, replica)
        self._database.dialect = self.dialect = type("Known", (), {"signals": signals, "name": "sqlite"})()
        self._replica.ask = self.answer  # type: ignore[method-assign]
        self._replica.examine = self._found  # type: ignore[method-assign]

    async def ask(self, sql: str, argument: str = "") -> Sequence[tuple[object, ...]]:
        return [(self.position,)]

    async def answer(self, sql: str, argument: str = "") -> Sequence[tuple[object, ...]]:
        if self.replica is None:
            await asyncio.sleep(60)
        if isinstance(self.replica, Exception):
            raise self.replica
        return [tuple(self.replica or ())]

    async def _found(self, query: SignalQuery | None, argument: str = "") -> SignalQuery:
        assert query is not None
        return query


async def test_the_replica_is_compared_with_its_primary(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes or by time; a replica that is silent or was promoted holds the lanes."""
    lag = AskedLag("lag(r2)<1kB", catalog())
    await lag.begin()
    assert await lag.read() is None
    lag.position = 3048.0
    assert await lag.read() == "lag(r2) 2 kB >= 1 kB"
    lag.replica = (3048.0, "it is not a standby")
    assert await lag.read() == "lag(r2): it is not a standby"
    lag.replica = (4000.0, "")
    assert await lag.read() == "lag(r2): it has applied more than the primary has written"
    monkeypatch.setattr(named_replica_lag, "ANSWER_S", 0.01)
    lag.replica = None
    assert await lag.read() == "lag(r2): the replica gives no answer within 0.01s"
    await lag.close()
    late = AskedLag("lag(r2)<1ms", catalog())
    await late.begin()
    assert await late.read() is None
    await asyncio.sleep(0.01)
    late.position = 2000.0
    await late.read()
    await asyncio.sleep(0.01)
    assert (await late.read() or "").startswith("lag(r2) ")
    assert (late.load() or 0) > 1
    await late.close()


@pytest.mark.parametrize(
    ("text", "signals", "replica", "message"),
    [
        ("lag(r2)<2s", None, (0.0, ""), "db: sqlite does not give the signal lag to bulkq"),
        ("lag(r2)<2s", SignalCatalog(), (0.0, ""), "db: sqlite does not give the signal lag to bulkq"),
        ("lag(r2)<2s", catalog(), (0.0, "it is not a standby"), "r2 is not a replica of db: it is not a standby"),
        ("lag(r2)<2s", catalog(), TargetError("r2: refused"), "the replica cannot be reached: r2: refused"),
        (
            "lag(r2)<2kB",
            catalog(counts_bytes=False),
            (0.0, ""),
            "db does not say how many bytes a replica is behind: use a time: lag<2s",
        ),
    ],
)
async def test_what_is_no_replica_is_refused(
    text: str, signals: SignalCatalog | None, replica: Sequence[object] | Exception, message: str
) -> None:
    """One line, before the start."""
    lag = AskedLag(text, signals)
    lag.replica = replica
    with pytest.raises(UsageError) as raised:
        await lag.begin()
    assert str(raised.value) == f"--throttle {text}: {message}"
    await lag.close()


async def test_another_database_is_no_replica() -> None:
    """Of SQLite, for one."""
    lag = AskedLag("lag(r2)<2s", catalog())
    lag._database.dialect = lag.dialect = type("Known", (), {"signals": catalog(), "name": "postgresql"})()
    with pytest.raises(UsageError, match=r"r2 is not a replica of db: it is another database$"):
        await lag.begin()
    await lag.close()
