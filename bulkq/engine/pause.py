"""A pause of a run: lanes wait without a slot, a batch or a connection."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Pause:
    """Whether a run is paused, and since when.

    Attributes:
        by: `user@host` of the person who paused it; "" if it is not paused.
        refusal: why this run cannot be paused; "" if it can.
    """

    def __init__(self) -> None:
        self.by = ""
        self.refusal = ""
        self._since_s = 0.0
        self._paused_s = 0.0
        self._lanes = 0
        self._moved = asyncio.Event()

    @property
    def on(self) -> bool:
        """Whether no further batch may begin."""
        return bool(self.by)

    @property
    def lanes(self) -> int:
        """Lanes that wait here."""
        return self._lanes

    @property
    def lasts_s(self) -> float:
        """Seconds since the present pause began; 0.0 if there is none."""
        return time.monotonic() - self._since_s if self.on else 0.0

    @property
    def paused_s(self) -> float:
        """Seconds for which the run was paused in all."""
        return self._paused_s + self.lasts_s

    def begin(self, by: str) -> None:
        """Let no further batch begin."""
        if not self.on:
            self._since_s = time.monotonic()
        self.by = by

    def end(self) -> float:
        """Let batches begin again. Return the seconds since the pause began."""
        lasted_s = self.lasts_s
        self._paused_s += lasted_s
        self.by = ""
        self.wake()
        return lasted_s

    def wake(self) -> None:
        """Let every waiting lane look again."""
        self._moved.set()

    async def admit(self, going: Callable[[], bool], let_go: Callable[[], Awaitable[None]] | None) -> None:
        """Wait until the run is not paused, or until `going` returns False because no batch is needed.

        Args:
            going: whether a batch is wanted.
            let_go: closes the connection of the lane, because a server may end it while it waits.
        """
        if not (self.on and going()):
            return
        self._lanes += 1
        try:
            if let_go is not None:
                await let_go()
            while self.on and going():
                self._moved.clear()
                await self._moved.wait()
        finally:
            self._lanes -= 1
