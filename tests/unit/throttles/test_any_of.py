"""Several throttles as one."""

from __future__ import annotations

import pytest

from bulkq.errors import TargetError, UsageError
from bulkq.throttles import AnyOf
from bulkq.throttles.base import PolledThrottle
from bulkq.throttles.window import Windows
from tests.support.throttles import Signal


async def test_all_reasons_are_named() -> None:
    """Of several throttles each must be content."""
    both = AnyOf([Signal("a is high"), Signal(None), Signal("b is high")])
    await both.open()
    assert both.reason() == "a is high; b is high"
    assert both.load() is None
    assert [reading.reason for reading in both.readings()] == ["a is high", None, "b is high"]
    assert not any(reading.critical for reading in both.readings())
    await both.close()


def test_a_target_is_held_by_its_own_signals_and_those_of_all() -> None:
    """A signal of a database holds no lanes of other targets."""
    eu, us = (PolledThrottle(name, target=name) for name in ("eu", "us"))
    every = AnyOf([AnyOf([eu, us]), Windows(["00:00-24:00 UTC"]), PolledThrottle("file /x")])
    of_eu = every.of("eu")
    assert of_eu is not None
    assert of_eu.reason() == "eu was not read yet; file /x was not read yet"
    assert [reading.signal for reading in of_eu.readings()] == ["eu", "window", "file /x"]
    assert AnyOf([eu]).of("us") is None


def test_critical_readings_are_marked() -> None:
    """They end the run."""
    assert [reading.critical for reading in AnyOf([Signal(None)], critical=True).readings()] == [True]


async def test_a_target_that_is_gone_is_left_out_if_there_are_others() -> None:
    """Its lanes do not start anyway; of the only target it is an error."""
    said: list[str] = []
    away, too = Signal(TargetError("refused")), Signal(TargetError("refused"))
    away._target = too._target = "eu"
    signals = away, too, Signal("a is high")
    several = AnyOf(signals, said.append)
    await several.open()
    assert (several.reason(), said) == ("a is high", ["eu: refused: its signals are not read"])
    await several.close()
    with pytest.raises(TargetError):
        await AnyOf([Signal(TargetError("refused"))]).open()
    with pytest.raises(UsageError):
        await AnyOf([Signal(OSError(5, "Input/output error"))], said.append).open()
