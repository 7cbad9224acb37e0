"""The gate at which lanes wait for a throttle, without a slot, a batch or an open transaction."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from bulkq.policy.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.protocols import Throttle


class ThrottleGate:
    """Lets the lanes of a target cut a batch only while its throttle has no reason. Without a throttle it is always open.

    Args:
        throttle: of the target.
        changed: is told when the lanes begin to wait (`reason` is set) and when the wait has ended.
        pace: of the run.
    """

    def __init__(
        self, throttle: Throttle | None, changed: Callable[[ThrottleGate], None], pace: Pace | None = None
    ) -> None:
        self._pace = pace or Pace(None)
        self._throttle = throttle
        self._changed = changed
        self._moved = asyncio.Event()
        self._lanes = 0  # that wait
        self._since_s = 0.0
        self.waited_s = 0.0
        """Seconds of the last wait that has ended."""

        self.reason: str | None = None
        """Why lanes are waiting, or None."""

    @property
    def closed(self) -> bool:
        """Whether no further batch may begin now."""
        return self.held or self._pace.wait_s(time.monotonic()) > 0

    @property
    def held(self) -> bool:
        """Whether the throttle has a reason now."""
        return self._throttle is not None and self._throttle.reason() is not None

    @property
    def load(self) -> float | None:
        """The load of the throttle, 1.0 at its limit; None if it has none."""
        return None if self._throttle is None else self._throttle.load()

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reason of each signal that has one now; as long as lanes wait, at least the last one."""
        readings = () if self._throttle is None else self._throttle.readings()
        found = tuple(reading.reason for reading in readings if reading.reason is not None)
        return found or (() if self.reason is None else (self.reason,))

    async def admit(self, going: Callable[[], bool]) -> None:
        """Wait until the throttle and the pace allow a batch, or until `going` returns False because none is needed."""
        if self.held:
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
        if reason is not None:
            begins, self.reason = self.reason is None, reason
            if begins:
                self._since_s = time.monotonic()
                self._changed(self)
        return reason

    def _end(self) -> None:
        if self.reason is not None:
            self.waited_s = time.monotonic() - self._since_s
            self.reason = None
            self._changed(self)
