"""The gate at which lanes wait for a throttle, without a slot, a batch or an open transaction."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from bulkq.policy.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import Reading
    from bulkq.protocols import Throttle


class ThrottleGate:
    """Lets lanes cut a batch only while the throttle of the run has no reason. Without a throttle it is always open.

    Args:
        throttle: of the run.
        say: reports the begin and the end of a wait in one line.
        pace: of the run.
    """

    def __init__(self, throttle: Throttle | None, say: Callable[[str], None], pace: Pace | None = None) -> None:
        self._pace = pace or Pace(None)
        self._throttle = throttle
        self._say = say
        self._moved = asyncio.Event()
        self._lanes = 0  # that wait
        self._since_s: float | None = None
        self._throttled_s = 0.0
        self.reason: str | None = None
        """Why lanes are waiting, or None."""

    @property
    def closed(self) -> bool:
        """Whether no further batch may begin now."""
        return self._held or self._pace.wait_s(time.monotonic()) > 0

    @property
    def _held(self) -> bool:
        return self._throttle is not None and self._throttle.reason() is not None

    @property
    def load(self) -> float | None:
        """The load of the throttle, 1.0 at its limit; None if it has none."""
        return None if self._throttle is None else self._throttle.load()

    def readings(self) -> tuple[Reading, ...]:
        """Return the last reading of each signal of the throttle."""
        return () if self._throttle is None else self._throttle.readings()

    @property
    def throttled_s(self) -> float:
        """Seconds in which lanes have waited here."""
        return self._throttled_s + (0.0 if self._since_s is None else time.monotonic() - self._since_s)

    async def admit(self, going: Callable[[], bool]) -> None:
        """Wait until the throttle and the pace allow a batch, or until `going` returns False because none is needed."""
        if self._held:
            await self._wait(going)
        wait_s = self._pace.wait_s(time.monotonic())
        if wait_s:
            await self._rest(wait_s, going)

    async def _wait(self, going: Callable[[], bool]) -> None:
        self._lanes += 1
        try:
            while going() and self._look() is not None:
                self._moved.clear()
                await self._moved.wait()
        finally:
            self._lanes -= 1
            if not self._lanes:
                self._end()

    async def be_nice(self, worked_s: float, going: Callable[[], bool]) -> None:
        """Pause a lane after `worked_s` seconds of work, as the pace wants it."""
        await self._rest(self._pace.nice * worked_s, going)

    async def _rest(self, seconds: float, going: Callable[[], bool]) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0 and going():
            self._moved.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._moved.wait()

    def tick(self) -> None:
        """Wake the waiting lanes, so that they read the throttle again. A timer does this about once a second."""
        if self._lanes:
            self.wake()

    def wake(self) -> None:
        """Wake every waiting lane."""
        self._moved.set()

    def _look(self) -> str | None:
        reason = None if self._throttle is None else self._throttle.reason()
        if reason is not None and self._since_s is None:
            self._since_s = time.monotonic()
            self._say(f"throttled: {reason}: waiting")
        if reason is not None:
            self.reason = reason
        return reason

    def _end(self) -> None:
        self.reason = None
        if self._since_s is not None:
            waited_s = time.monotonic() - self._since_s
            self._since_s = None
            self._throttled_s += waited_s
            if not self._held:  # else the run stops
                self._say(f"no longer throttled, after {waited_s:.1f}s")
