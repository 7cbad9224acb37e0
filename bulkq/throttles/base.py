"""A signal that is read once a second in the background."""

from __future__ import annotations

import asyncio
import contextlib
import time

from bulkq.errors import UsageError

EVERY_S = 1.0
"""Time between two readings, in seconds."""

UNREAD_S = 15.0
"""A reading that is older, in seconds, says nothing any more: its throttle holds the lanes."""


class PolledThrottle:
    """Reads a signal every `EVERY_S`, so that `reason` answers at once. A subclass implements `read`.

    Fails closed: a signal that is not read for `UNREAD_S` is a reason to wait.

    Args:
        name: of the signal, for people.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._reason: str | None = f"{name} was not read yet"
        self._read_s = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    async def read(self) -> str | None:
        """Read the signal. Return the reason to wait; None if there is none.

        Raises:
            OSError: it cannot be read.
        """
        raise NotImplementedError

    async def open(self) -> None:
        """Read the signal once, and go on reading it until `close`.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            self._set(await self.read())
        except OSError as error:
            raise UsageError(f"--throttle: {self._unreadable(error)}") from error
        self._task = asyncio.create_task(self._poll())

    def reason(self) -> str | None:
        """Return why the lanes have to wait; None if they need not."""
        age_s = time.monotonic() - self._read_s
        if age_s < UNREAD_S:
            return self._reason
        return f"{self.name} was not read for {age_s:.0f}s"

    def load(self) -> float | None:
        """Return None: the signal has two states and no scale."""
        return None

    async def close(self) -> None:
        """Stop reading."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                self._set(await self.read())
            except OSError as error:
                self._set(self._unreadable(error))

    def _set(self, reason: str | None) -> None:
        self._reason, self._read_s = reason, time.monotonic()

    def _unreadable(self, error: OSError) -> str:
        return f"{self.name} cannot be read: {(error.strerror or str(error)).lower()}"
