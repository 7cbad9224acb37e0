"""The gate at which lanes wait for a throttle, without a slot, a batch or an open transaction."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from bulkq.engine.pause import Pause
from bulkq.policy.lane_allowance import LaneAllowance
from bulkq.policy.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bulkq.engine.range_transform import RangeTransform
    from bulkq.model import Reading
    from bulkq.policy.gentle_pace import GentlePace
    from bulkq.protocols import Slot, Throttle

LOOK_S = 0.1
"""A lane that rests looks after this time whether the rest has ended."""


class ThrottleGate:
    """Lets the lanes of a target cut a batch only while its throttle has no reason. Without a throttle it is always open.

    Args:
        throttle: of the target.
        changed: is told when the lanes begin to wait (`reason` is set) and when the wait has ended.
        pace: of the run.
        pause: of the run.
        gentle: when the lanes work and rest; None: they do not rest.
    """

    def __init__(
        self,
        throttle: Throttle | None,
        changed: Callable[[ThrottleGate], None],
        pace: Pace | None = None,
        pause: Pause | None = None,
        gentle: GentlePace | None = None,
    ) -> None:
        self.gentle = gentle
        self._pace = pace or Pace(None)
        self._pause = pause or Pause()
        self._throttle = throttle
        self._changed = changed
        self._moved = asyncio.Event()
        self._lanes = 0  # that wait
        self._since_s = 0.0
        self.waited_s = 0.0
        """Seconds of the last wait that has ended."""

        self.reason: str | None = None
        """Why lanes are waiting, or None."""

        self.allowance = LaneAllowance()
        """How many lanes may work while the throttle is near a limit."""

    @property
    def closed(self) -> bool:
        """Whether no further batch may begin now."""
        return self._pause.on or self.held or self._pace_s() > 0

    @property
    def resting(self) -> bool:
        """Whether the lanes rest, so that others can be measured without them."""
        return self.gentle is not None and self.gentle.resting

    def lanes(self, most: int) -> int:
        """Lanes that may work, of `most`."""
        allowed = min(self.allowance.lanes or most, most)
        if self.gentle is None:
            return allowed
        self.gentle.most = most
        return min(self.gentle.lanes or allowed, allowed)

    @property
    def why(self) -> str:
        """Why fewer lanes may work, or why they rest; "" if neither is so."""
        return self.allowance.why or (self.gentle.why if self.gentle is not None else "")

    def begin(self) -> float:
        """Count a batch that begins. Return the time, of a monotonic clock."""
        if self.gentle is not None:
            self.gentle.begin()
        return time.monotonic()

    def end(self, began_s: float, transform: RangeTransform | None = None) -> float:
        """Count a batch that has ended. Return the seconds since it began, also those in which `transform` computed."""
        worked_s = time.monotonic() - began_s
        computed_s, reads = (0.0, 0) if transform is None else transform.take_cost()
        if self.gentle is not None:
            self.gentle.end(worked_s - computed_s, 1 + reads)
        return worked_s

    @property
    def held(self) -> bool:
        """Whether the throttle has a reason now."""
        return self._throttle is not None and self._throttle.reason() is not None

    @property
    def load(self) -> float | None:
        """The load of the throttle, 1.0 at its limit; None if it has none."""
        return None if self._throttle is None else self._throttle.load()

    @property
    def nearest(self) -> str:
        """The throttle whose load that is, as it was typed."""
        readings = () if self._throttle is None else self._throttle.readings()
        known = [reading for reading in readings if reading.load is not None]
        return max(known, key=lambda reading: reading.load or 0.0).name if known else "a throttle"

    @property
    def holding(self) -> tuple[Reading, ...]:
        """The readings of the signals that have a reason now."""
        readings = () if self._throttle is None else self._throttle.readings()
        return tuple(reading for reading in readings if reading.reason is not None)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reason of each signal that has one now; as long as lanes wait, at least the last one."""
        found = tuple(reading.reason for reading in self.holding if reading.reason is not None)
        return found or (() if self.reason is None else (self.reason,))

    async def admit(self, going: Callable[[], bool], let_go: Callable[[], Awaitable[None]] | None = None) -> None:
        """Wait until pause, throttle and pace allow a batch, or until `going` returns False because none is needed.

        Args:
            going: whether a batch is wanted.
            let_go: closes the connection of the lane in a pause; None: it has none.
        """
        while self.closed and going():
            if self._pause.on:
                await self._pause.admit(going, let_go)
            elif self.held:
                await self._wait(going)
            else:
                await self._rest(self._pace_s, going)

    async def stand_by(self, slot: Slot, going: Callable[[], bool], let_go: Callable[[], Awaitable[None]]) -> None:
        """Wait out a pause that began while the lane waited for its source: it holds a batch, and lends its slot."""
        if self._pause.on:
            async with slot.lent():
                await self._pause.admit(going, let_go)

    def _pace_s(self) -> float:
        """Seconds until the pace allows a batch; of a rest, until it is to be looked at again."""
        wait_s = self._pace.wait_s(time.monotonic())
        return max(wait_s, LOOK_S) if self.resting else wait_s

    async def _wait(self, going: Callable[[], bool]) -> None:
        self._lanes += 1
        try:
            while going() and not self._pause.on and self._look() is not None:
                self._moved.clear()
                await self._moved.wait()
        finally:
            self._lanes -= 1
            if not self._lanes:
                self._end()

    async def be_nice(self, worked_s: float, going: Callable[[], bool]) -> None:
        """Pause a lane after `worked_s` seconds of work, as the pace wants it."""
        ended_s = time.monotonic()
        await self._rest(lambda: ended_s + self._pace.nice * worked_s - time.monotonic(), going)

    async def _rest(self, left: Callable[[], float], going: Callable[[], bool]) -> None:
        """Wait for the seconds that `left` returns, which may change meanwhile; a pause of the run ends the wait."""
        while (left_s := left()) > 0 and going() and not self._pause.on:
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
        self._pause.wake()

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
