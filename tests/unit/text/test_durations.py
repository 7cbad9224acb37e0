"""Durations."""

from __future__ import annotations

import pytest

from bulkq.query import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("5m", 300.0),
        ("2h", 7200.0),
        (" 1.5 S ", 1.5),
        (".5s", 0.5),
        ("none", None),
        ("NONE", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    """Number and unit; none is no limit."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("30", '"30" has no unit: write "30s" for seconds, "30ms" for milliseconds or "none"'),
        ("-5", '"-5" has no unit: write "5s" for seconds, "5ms" for milliseconds or "none"'),
        ("0", '"0" has no unit: write "0s" for seconds, "0ms" for milliseconds or "none"'),
        ("0s", '"0s" is not longer than zero: write "none" for no limit'),
        ("-5s", '"-5s" is not longer than zero: write "none" for no limit'),
        ("5d", '"5d" has an unknown unit "d": use ms, s, m or h'),
        ("", '"" is not a duration: write "250ms", "30s", "5m", "2h" or "none"'),
        ("soon", '"soon" is not a duration: write "250ms", "30s", "5m", "2h" or "none"'),
        ("1e3s", '"1e3s" is not a duration: write "250ms", "30s", "5m", "2h" or "none"'),
        ("٣s", '"٣s" is not a duration: write "250ms", "30s", "5m", "2h" or "none"'),
        ("9999h", '"9999h" is longer than 24 days: write "none" for no limit'),
        ("5\n5", '"5\\n5" is not a duration: write "250ms", "30s", "5m", "2h" or "none"'),
    ],
)
def test_bad_durations(text: str, message: str) -> None:
    """One line that says what to write."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse_duration(text)
    assert str(caught.value) == message


def test_long_text_is_cut() -> None:
    """A message does not repeat a page."""
    with pytest.raises(ValueError, match=r"^.{1,130}$"):
        parse_duration("x" * 1000)
