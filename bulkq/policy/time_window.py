"""The hours in which a run may work: `--window '22:00-06:00 Europe/Berlin'`. Pure: the local time is an argument."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from datetime import datetime

_WINDOW = compile_late(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)(?:\s+(\S+))?", re.ASCII)
_DAY = 24 * 60


@frozen
class TimeWindow:
    """Hours of each day, by the clock on the wall of a place, whatever its summer time does.

    Attributes:
        text: as typed.
        first: minute of the day at which it opens, 0 to 1439.
        end: minute of the day at which it closes, 1 to 1440; at or before `first` if it goes over midnight.
        zone: name of the time zone; "" for that of the machine.
    """

    text: str
    first: int
    end: int
    zone: str = ""

    def open_at(self, local: datetime) -> bool:
        """Whether the window is open at `local`, a time in its zone."""
        minute = local.hour * 60 + local.minute
        if self.first < self.end:
            return self.first <= minute < self.end
        return minute >= self.first or minute < self.end


def parse_window(text: str) -> TimeWindow:
    """Parse `22:00-06:00`, `22:00-06:00 Europe/Berlin`, `00:00-24:00 UTC`.

    Raises:
        UsageError: not such a text, no time of a day, or a window without length.
    """
    found = _WINDOW.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--window {quoted(text)} is not a window: write it like '22:00-06:00 Europe/Berlin'")
    hours, minutes = (int(found[1]), int(found[3])), (int(found[2]), int(found[4]))
    first, end = (hour * 60 + minute for hour, minute in zip(hours, minutes, strict=True))
    if max(minutes) > 59 or first >= _DAY or end > _DAY:
        raise UsageError(f"--window {quoted(text)}: a time is between 00:00 and 24:00")
    if first == end:
        raise UsageError(f"--window {quoted(text)} is empty: it has to end at another time than it begins")
    return TimeWindow(text.strip(), first, end, found[5] or "")
