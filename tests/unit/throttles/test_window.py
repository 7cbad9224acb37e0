"""`--window`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bulkq.errors import UsageError
from bulkq.throttles.window import Windows


async def test_the_lanes_wait_outside_of_all_windows() -> None:
    """Inside one of them they work."""
    now = datetime(2026, 7, 10, 20, 30, tzinfo=UTC)
    windows = Windows(["12:00-13:00 UTC", "22:00-06:00 Europe/Berlin"], now=lambda: now)
    await windows.open()
    assert windows.reason() is None
    now = datetime(2026, 7, 10, 4, 30, tzinfo=UTC)
    assert windows.reason() == "outside of the window 12:00-13:00 UTC, 22:00-06:00 Europe/Berlin"
    assert windows.load() is None
    assert windows.of("any target") is windows
    (reading,) = windows.readings()
    assert (reading.signal, reading.value, reading.reason) == ("window", "closed", windows.reason())
    await windows.close()
    assert Windows(["00:00-24:00"]).reason() is None, "the time zone of the machine"
    assert Windows(["00:00-24:00"]).readings()[0].value == "open"


@pytest.mark.parametrize("zone", ["Europe/Berlinn", "Europe", "../etc"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    """The error names it."""
    with pytest.raises(UsageError, match=f'unknown time zone "{zone}": use one such as Europe/Berlin or UTC$'):
        Windows([f"22:00-06:00 {zone}"])
