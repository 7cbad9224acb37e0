"""`lag`: replicas that are behind, silent or gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.throttles import replication_lag
from tests.support.throttles import AnsweredLag, answered

if TYPE_CHECKING:
    from collections.abc import Callable

Row = tuple[object, ...]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the time on."""
    now = [1000.0]
    monkeypatch.setattr(replication_lag.time, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def row(written: float, applied: float, name: str = "replica-1", answered_s: float = 0.0) -> Row:
    """A replica as the server describes it."""
    return (name, 7, written, applied, answered_s, 30.0)


NONE: Row = (None, None, 100.0, None, None, 30.0)


async def test_the_time_is_that_of_the_position(clock: Callable[[float], None]) -> None:
    """A replica that applies nothing is late since what it lacks was written; when it has caught up, it is not."""
    lag = answered(AnsweredLag, "lag<2s")
    lag.rows = [row(1000, 1000)]
    await lag.begin()
    assert await lag.read() is None
    for second in range(1, 3):
        clock(1)
        lag.rows = [
            row(1000 + 100 * second, 1000, answered_s=second),
            row(1000 + 100 * second, 1000 + 100 * second, "replica-2"),
        ]
        reason = await lag.read()
    assert reason == "lag 2s >= 2s (replica-1)"
    lag.rows = [row(1200, 1200, answered_s=3)]
    assert await lag.read() is None
    assert lag.load() == 0.0


async def test_bytes() -> None:
    """The limit may be the bytes that are not applied."""
    lag = answered(AnsweredLag, "lag<1kB")
    lag.rows = [row(10_000, 9_000)]
    await lag.begin()
    assert await lag.read() is None
    lag.rows = [row(10_000, 5_904)]
    assert await lag.read() == "lag 4 kB >= 1 kB (replica-1)"


async def test_a_replica_that_is_gone_or_silent_is_a_reason(clock: Callable[[float], None]) -> None:
    """On a server where nothing is written, a replica that hangs is not behind: its answers tell."""
    lag = answered(AnsweredLag, "lag<2s")
    lag.rows = [row(100, 100, answered_s=1)]
    await lag.begin()
    assert await lag.read() is None
    clock(30)
    assert await lag.read() is None
    clock(6)
    assert await lag.read() == "lag: replica replica-1 has not answered for 36s"
    lag.rows = [row(100, 100, answered_s=2)]
    assert await lag.read() is None
    lag.rows = [NONE]
    assert await lag.read() == "lag: replica replica-1 is not connected any more"


async def test_a_server_without_replicas_has_no_lag() -> None:
    """The error names the replica that was asked for, and says what to do."""
    for text, message in (
        ("lag<2s", "no replica is connected"),
        ("lag(r2)<2s", 'no replica with the application_name "r2" is connected'),
    ):
        lag = answered(AnsweredLag, text)
        lag.rows = [NONE]
        with pytest.raises(UsageError) as raised:
            await lag.begin()
        assert str(raised.value) == f"--throttle {text}: db: {message}: connect it, or leave the throttle out"
