"""A signal that cannot be read, or was not read for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.throttles import base
from tests.support.throttles import Signal, until

if TYPE_CHECKING:
    import pytest


async def test_a_signal_that_fails_later_holds_the_lanes() -> None:
    """An unknown state is a reason to wait, until the signal can be read again."""
    signal = Signal(None, OSError(5, "Input/output error"), None)
    await signal.open()
    assert signal.reason() is None
    await until(signal, "signal cannot be read: input/output error")
    await until(signal, None)
    await signal.close()


async def test_an_old_reading_holds_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that is not read any more is a reason to wait, whatever it said last."""
    signal = Signal(None)
    await signal.open()
    await signal.close()
    monkeypatch.setattr(base, "UNREAD_S", 0.0)
    assert signal.reason() == "signal was not read for 0s"
