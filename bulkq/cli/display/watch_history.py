"""The statuses of a run that a page has seen, as series over time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Reading
    from bulkq.model.run_status import RunStatus

MOST = 300
"""Statuses that are kept: five minutes."""


class WatchHistory:
    """The last statuses of a run, the newest last."""

    def __init__(self) -> None:
        self._statuses: deque[RunStatus] = deque(maxlen=MOST)

    def add(self, status: RunStatus) -> None:
        """Add a status."""
        self._statuses.append(status)

    @property
    def last(self) -> RunStatus | None:
        """The newest status; None before the first."""
        return self._statuses[-1] if self._statuses else None

    def rates(self) -> Sequence[float]:
        """Return the rates, each over the ten seconds before: ranges end in bursts, which say nothing."""
        return [one.rate for one in self._statuses]

    def sizes(self) -> Sequence[float | None]:
        """Return the rows of ranges, or the sets of batches."""
        return [one.batch if one.backfill is None else one.backfill.range_rows for one in self._statuses]

    def lanes(self) -> Sequence[float]:
        """Return the connections that work."""
        return [one.lanes.working for one in self._statuses]

    def values(self, reading: Reading) -> Sequence[float | None]:
        """Return the values of a throttle: its load if it has one, else 1 where it holds the run and 0 where it does not."""
        return [_value(one, reading) for one in self._statuses]


def _value(status: RunStatus, wanted: Reading) -> float | None:
    for reading in status.throttles:
        if (reading.name, reading.target) == (wanted.name, wanted.target):
            return reading.load if reading.load is not None else float(reading.reason is not None)
    return None
