"""A signal that cannot be read, or was not read for long."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bulkq.errors import TargetError, UsageError
from bulkq.model import Reading, Unit
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles import base
from bulkq.throttles.base import PolledThrottle
from tests.support.throttles import Signal, until


async def test_a_signal_that_fails_later_holds_the_lanes() -> None:
    """An unknown state is a reason to wait, until the signal can be read again."""
    signal = Signal(None, OSError(5, "Input/output error"), TargetError("db: refused"), None)
    await signal.open()
    assert signal.reason() is None
    await until(signal, "signal cannot be read: input/output error")
    await until(signal, "signal cannot be read: db: refused")
    await until(signal, None)
    await signal.close()


async def test_an_old_reading_holds_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that is not read any more is a reason to wait, whatever it said last."""
    signal = Signal(None)
    await signal.open()
    await signal.close()
    monkeypatch.setattr(base, "UNREAD_S", 0.0)
    assert signal.reason() == "signal was not read for 0s"


class Silent(PolledThrottle):
    """Gives an answer the first time only."""

    given_up = 0

    async def read(self) -> str | None:
        if self.answers:
            self.answers -= 1
            return None
        await asyncio.sleep(60)
        return None

    async def give_up(self) -> None:
        self.given_up += 1

    answers = 1


async def test_a_reading_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that gives no answer is given up and begun again; when the last answer is too old, the lanes wait."""
    monkeypatch.setattr(base, "READ_S", 0.02)
    monkeypatch.setattr(base, "UNREAD_S", 0.2)
    silent = Silent("signal", 0.01)
    await silent.open()
    assert silent.reason() is None
    await until(silent, "signal was not read for 0s")
    assert silent.given_up > 1
    await silent.close()


async def test_the_first_reading_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never answers is an error before the start."""
    monkeypatch.setattr(base, "OPEN_S", 0.02)
    silent = Silent("signal")
    silent.answers = 0
    with pytest.raises(UsageError, match=r"^--throttle: signal cannot be read: no answer within 0\.02s$"):
        await silent.open()


def test_a_value_is_compared_with_its_limit() -> None:
    """Below the limit the load says how near it is; at the limit there is a reason with both. Another limit counts at once."""
    lag = PolledThrottle("lag", expression=parse_expression("lag<2s"))
    assert lag.load() is None
    assert lag.compare(1.0) is None
    assert lag.load() == 0.5
    assert lag.compare(4.1, "replica-2") == "lag 4.1s >= 2s (replica-2)"
    lag.limit = 5.0
    assert lag.compare(4.1) is None
    assert PolledThrottle("active", expression=parse_expression("active<2")).compare(2.0) == "active 2 >= 2"


async def test_a_reading_has_value_limit_load_reason_and_age() -> None:
    """A signal that fails keeps its last value, and its age grows."""
    lag = PolledThrottle("lag", expression=parse_expression("lag<2s"), target="db")
    (unread,) = lag.readings()
    assert (unread.value, unread.number, unread.age_s, unread.reason) == ("", None, None, "lag was not read yet")
    signal = Signal(None, OSError(5, "Input/output error"))
    await signal.open()
    signal.note("2", 2.0)
    reason = "signal cannot be read: input/output error"
    await until(signal, reason)
    (reading,) = signal.readings()
    assert (reading.age_s or 0) > 0
    assert replace(reading, age_s=None) == Reading(name="signal", signal="signal", value="2", number=2.0, reason=reason)
    await signal.close()
    lag.compare(4.0)
    lag._set("late", known=True)
    assert replace(lag.readings()[0], age_s=None) == Reading(
        name="lag<2s",
        signal="lag",
        target="db",
        value="4s",
        number=4.0,
        limit=2.0,
        unit=Unit.SECONDS,
        load=2.0,
        reason="late",
    )


class Stubborn(Silent):
    """Swallows the first cancellation of a reading, as a library may."""

    async def read(self) -> str | None:
        try:
            return await super().read()
        except asyncio.CancelledError:
            return None


async def test_a_reading_that_swallows_its_cancellation_does_not_keep_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing ends it all the same."""
    monkeypatch.setattr(base, "CANCEL_S", 0.02)
    stubborn = Stubborn("signal", 0.001)
    await stubborn.open()
    await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        await stubborn.close()
