"""`--window`."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bulkq.errors import UsageError
from bulkq.policy.time_window import TimeWindow, parse_window

BERLIN = ZoneInfo("Europe/Berlin")


def test_windows() -> None:
    """A window has two times of a day, and a time zone unless it is that of the machine."""
    assert parse_window("22:00-06:00 Europe/Berlin") == TimeWindow(
        "22:00-06:00 Europe/Berlin", 1320, 360, "Europe/Berlin"
    )
    assert parse_window(" 0:00 - 24:00") == TimeWindow("0:00 - 24:00", 0, 1440)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("night", "\"night\" is not a window: write it like '22:00-06:00 Europe/Berlin'"),
        ("22:60-06:00", '"22:60-06:00": a time is between 00:00 and 24:00'),
        ("24:00-06:00", '"24:00-06:00": a time is between 00:00 and 24:00'),
        ("22:00-24:01", '"22:00-24:01": a time is between 00:00 and 24:00'),
        ("06:00-06:00", '"06:00-06:00" is empty: it has to end at another time than it begins'),
    ],
)
def test_bad_windows(text: str, message: str) -> None:
    """An error quotes the window."""
    with pytest.raises(UsageError) as raised:
        parse_window(text)
    assert str(raised.value) == f"--window {message}"


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (datetime(2026, 1, 10, 20, 59, tzinfo=UTC), False),  # 21:59 in winter
        (datetime(2026, 1, 10, 21, 0, tzinfo=UTC), True),
        (datetime(2026, 1, 11, 4, 59, tzinfo=UTC), True),
        (datetime(2026, 1, 11, 5, 0, tzinfo=UTC), False),
        (datetime(2026, 7, 10, 20, 0, tzinfo=UTC), True),  # 22:00 in summer
        (datetime(2026, 7, 11, 4, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), True),  # the night in which 02:00 is missing
        (datetime(2026, 3, 29, 3, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 29, 4, 0, tzinfo=UTC), False),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), True),  # the second 02:30
    ],
)
def test_a_window_over_midnight_follows_the_clock_on_the_wall(moment: datetime, is_open: bool) -> None:
    """22:00 is 22:00 in winter and in summer."""
    assert parse_window("22:00-06:00").open_at(moment.astimezone(BERLIN)) is is_open


def test_a_window_within_a_day() -> None:
    """It opens at its first minute, and is closed at its last."""
    window = parse_window("12:30-13:00")
    opens = [
        window.open_at(datetime(2026, 1, 1, hour, minute, tzinfo=UTC)) for hour, minute in ((12, 29), (12, 30), (13, 0))
    ]
    assert opens == [False, True, False]
