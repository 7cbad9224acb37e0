"""Throttles by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.throttles.base import PolledThrottle

if TYPE_CHECKING:
    from bulkq.throttles import AnyOf


class Signal(PolledThrottle):
    """Gives what it is told to, or raises it."""

    def __init__(self, *readings: str | OSError | None) -> None:
        super().__init__("signal")
        self._readings = list(readings)

    async def read(self) -> str | None:
        reading = self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]
        if isinstance(reading, OSError):
            raise reading
        return reading


async def until(throttle: PolledThrottle | AnyOf, reason: str | None) -> None:
    """Wait until the throttle gives `reason`."""
    async with asyncio.timeout(10):
        while throttle.reason() != reason:
            await asyncio.sleep(0.005)
