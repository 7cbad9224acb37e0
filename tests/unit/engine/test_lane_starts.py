"""How many lanes begin, and when."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bulkq.engine import lane_starts
from bulkq.engine.lane_starts import FEW, LaneStarts

if TYPE_CHECKING:
    import pytest


async def test_lanes_begin_as_long_as_they_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few at once; others with a batch, while enough is left to do; all of them if no batch ends for some time."""
    monkeypatch.setattr(lane_starts, "SLOW_S", 0.05)
    asked = asyncio.Event()
    starts = LaneStarts(asked.set)
    never = time.monotonic() - 60
    assert all(starts.allows(lanes, None, None, never, cut=False) for lanes in range(1, FEW))
    assert not starts.allows(FEW, None, None, never, cut=False)  # nothing was sent yet
    assert starts.allows(FEW, None, None, never, cut=True)
    assert not starts.allows(FEW, 1_000_000, 1.0, time.monotonic(), cut=False)
    assert starts.allows(FEW, 1_000_000, 1.0, time.monotonic(), cut=True)
    assert not starts.allows(FEW, 100, 0.0001, time.monotonic(), cut=True)
    await asyncio.wait_for(asked.wait(), 5)
    assert starts.allows(FEW, 100, 0.0001, never, cut=False)
    asked.clear()
    assert not starts.allows(FEW, 100, 0.0001, time.monotonic(), cut=True)
    starts.close()
    await asyncio.sleep(0.1)
    assert not asked.is_set()
    LaneStarts(asked.set).close()
