"""Several throttles as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.protocols import Throttle


class AnyOf:
    """Holds the lanes while any of `throttles` does, and names the reasons of all that do."""

    def __init__(self, throttles: Sequence[Throttle]) -> None:
        self._throttles = throttles
        self._opened: list[Throttle] = []

    async def open(self) -> None:
        """Open every throttle. `close` closes those that were opened, also after an error."""
        for throttle in self._throttles:
            self._opened.append(throttle)
            await throttle.open()

    def reason(self) -> str | None:
        """Return the reasons of all throttles that hold the lanes; None if none does."""
        reasons = [reason for throttle in self._throttles if (reason := throttle.reason()) is not None]
        return "; ".join(reasons) or None

    def load(self) -> float | None:
        """Return the highest load of those that have one."""
        return max((load for throttle in self._throttles if (load := throttle.load()) is not None), default=None)

    async def close(self) -> None:
        """Close the throttles that were opened."""
        while self._opened:
            await self._opened.pop().close()
