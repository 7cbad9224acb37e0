"""Several throttles as one: their reasons together, and which of them are left out because their target cannot be reached."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bulkq.model import Reading
    from bulkq.protocols import Throttle


class AnyOf:
    """Holds the lanes while any of `throttles` does, and names the reasons of all that do.

    Args:
        throttles: not open yet.
        leave_out: told why a throttle is left out whose target cannot be reached; None: that is an error.
        critical: their reasons end the run.
    """

    def __init__(
        self,
        throttles: Sequence[Throttle],
        leave_out: Callable[[str], None] | None = None,
        *,
        critical: bool = False,
    ) -> None:
        self._throttles = list(throttles)
        self._critical = critical
        self._leave_out = leave_out
        self._opened: list[Throttle] = []

    async def open(self) -> None:
        """Open all throttles side by side. `close` closes them, also after an error.

        Raises:
            BulkqError: the first that cannot be opened.
        """
        self._opened = [*self._throttles]
        ends = await asyncio.gather(*(throttle.open() for throttle in self._opened), return_exceptions=True)
        left_out: set[str] = set()  # several signals of one target have one reason
        for throttle, error in zip(self._opened, ends, strict=True):
            if isinstance(error, TargetError) and self._leave_out is not None:
                self._throttles.remove(throttle)
                whose = "".join(f"{reading.target}: " for reading in throttle.readings()[:1] if reading.target)
                text = f"{whose}{error}: its signals are not read"
                if text not in left_out:
                    self._leave_out(text)
                left_out.add(text)
            elif error is not None:
                raise error

    def reason(self) -> str | None:
        """Return the reasons of all throttles that hold the lanes; None if none does."""
        reasons = [reason for throttle in self._throttles if (reason := throttle.reason()) is not None]
        return "; ".join(reasons) or None

    def load(self) -> float | None:
        """Return the highest load of those that have one."""
        return max((load for throttle in self._throttles if (load := throttle.load()) is not None), default=None)

    @property
    def every(self) -> Sequence[Throttle]:
        """The throttles, without those that were left out."""
        return self._throttles

    def readings(self) -> tuple[Reading, ...]:
        """Return the readings of all throttles, in their order."""
        found = tuple(reading for throttle in self._throttles for reading in throttle.readings())
        return tuple(replace(reading, critical=True) for reading in found) if self._critical else found

    def of(self, target: str) -> AnyOf | None:
        """Return those that hold the lanes of `target` as one, opened and closed with this one; None if none does."""
        parts = [part for throttle in self._throttles if (part := throttle.of(target)) is not None]
        return AnyOf(parts, critical=self._critical) if parts else None

    async def close(self) -> None:
        """Close the throttles that were opened, side by side."""
        opened, self._opened = self._opened, []
        await asyncio.gather(*(throttle.close() for throttle in opened))


def flat(throttle: Throttle | None) -> Iterator[Throttle]:
    """Yield the single throttles of one that may be several."""
    if isinstance(throttle, AnyOf):
        for one in throttle.every:
            yield from flat(one)
    elif throttle is not None:
        yield throttle
