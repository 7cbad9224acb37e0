"""An observer that sees when batches of a run begin, and why none does."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.engine.stop_control import Control
    from bulkq.model import RunSummary
    from bulkq.policy.progress import Progress

LONGEST_S = 30.0
QUIET_S = 0.4


class Watcher:
    """Holds the progress and the notices of a run."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.lines: list[str] = []
        self.work: asyncio.Task[RunSummary] | None = None
        self.control: Control | None = None

    def started(self, progress: Progress) -> None:
        self.progress = progress

    def batch_done(self, result: object) -> None: ...
    def finished(self, summary: object) -> None: ...

    def notice(self, text: str) -> None:
        self.lines.append(text)

    @property
    def summary(self) -> RunSummary:
        """Of the run, which has ended."""
        assert self.work is not None
        return self.work.result()

    @property
    def begun(self) -> int:
        """Sets that a lane has taken."""
        return 0 if self.progress is None else self.progress.done + self.progress.in_flight

    @property
    def state(self) -> str:
        """Of the run."""
        return "" if self.progress is None else self.progress.state

    async def until(self, state: str) -> Progress:
        """Wait for a state of the run, by how it begins; "" is that of a run which is not held.

        Returns:
            The progress.
        """
        await self._until(lambda: self.state.startswith(state) if state else not self.state)
        assert self.progress is not None
        return self.progress

    async def until_begun(self, more: int = 1) -> float:
        """Wait until lanes have taken so many sets more. Return the time of a monotonic clock."""
        wanted = self.begun + more
        await self._until(lambda: self.begun >= wanted)
        return time.monotonic()

    async def until_lanes(self, count: int) -> None:
        """Wait until so many lanes are left."""
        await self._until(lambda: self.progress is not None and self.progress.lanes_working == count)

    async def until_ended(self) -> None:
        """Wait until the run has ended by itself."""
        assert self.work is not None
        await asyncio.wait_for(asyncio.shield(self.work), LONGEST_S)

    async def until_held(self, reason: str) -> float:
        """Wait until the run is throttled for `reason`; see `until_still`."""
        return await self.until_still(f"throttled: {reason}")

    async def until_still(self, state: str) -> float:
        """Wait for a state of the run, see that no batch begins then, and return when the last one began."""
        last, last_s = self.begun, time.monotonic()

        def held() -> bool:
            nonlocal last, last_s
            if self.begun != last:
                last, last_s = self.begun, time.monotonic()
            return self.state.startswith(state) and not self.progress.in_flight  # type: ignore[union-attr]

        await self._until(held)
        await asyncio.sleep(QUIET_S)
        assert self.begun == last, self.state
        return last_s

    async def _until(self, true: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                while self.progress is None or not true():
                    if self.work is not None and self.work.done():
                        ended = await self.work
                        raise AssertionError(f"the run has ended: {ended.exit_code} {ended.reason}, {self.lines}")
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(
                f"after {LONGEST_S:g} s: {self.state!r}, {self.begun} sets begun, {self.lines}"
            ) from None
