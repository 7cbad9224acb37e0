"""`wal<20MB/s`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.throttles import wal_rate
from tests.support.throttles import AnsweredRate, answered

if TYPE_CHECKING:
    import pytest


async def test_the_rate_is_that_between_two_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first reading has none."""
    now_s = 100.0
    monkeypatch.setattr(wal_rate.time, "monotonic", lambda: now_s)
    wal = answered(AnsweredRate, "wal<1MB/s")
    await wal.begin()
    wal.rows = [("1000000",)]
    assert await wal.read() is None
    now_s += 1
    wal.rows = [(str(1000000 + 512 * 1024),)]
    assert await wal.read() is None
    assert wal.load() == 0.5
    now_s += 1
    wal.rows = [(str(1000000 + 9 * 1024 * 1024),)]
    assert await wal.read() == "wal 4.5 MB/s >= 1 MB/s"
