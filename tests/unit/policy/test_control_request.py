"""The requests of live control, as scripts write them."""

from __future__ import annotations

import pytest

from bulkq.errors import UsageError
from bulkq.policy.control_request import ControlRequest, parse_for, parse_request, request_text


@pytest.mark.parametrize(
    "request_",
    [
        ControlRequest(command="status"),
        ControlRequest(command="pause", for_s=1800.0),
        ControlRequest(command="set", settings=("rate=5/s", "nice=1"), for_s=1.5),
        ControlRequest(command="get", key="rate"),
    ],
)
def test_a_request_is_read_back(request_: ControlRequest) -> None:
    """The JSON form loses nothing."""
    assert parse_request(request_text(request_)) == request_
    assert parse_request(request_text(request_).encode()) == request_


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("status", "the request is not a JSON object: write one such as"),
        ("[" * 100_000, "the request is not a JSON object"),
        ("[1]", "the request is not a JSON object"),
        (b"\xff\xfe", "the request is not a JSON object"),
        ("{}", 'unknown command "": use status, why, pause'),
        ('{"command": "paus"}', 'unknown command "paus" .did you mean "pause"..: use status'),
        ('{"command": ["pause"]}', "unknown command"),
        ('{"command": "drain", "for": "5m"}', 'drain: unknown field "for": it has none'),
        (
            '{"command": "set", "setting": []}',
            'set: unknown field "setting" .did you mean "settings"..: use settings, for',
        ),
        ('{"command": "set", "settings": "a=1"}', 'set: "settings" is not a list of texts: write'),
        ('{"command": "set", "settings": [1]}', 'set: "settings" is not a list of texts'),
        ('{"command": "get", "key": 1}', "get: key is not a text"),
        ('{"command": "pause", "for": 5}', "pause: for is not a text"),
        ('{"command": "pause", "for": "5"}', 'for "5" has no unit: write "5s" for seconds'),
    ],
)
def test_a_request_that_is_not_valid(text: str | bytes, said: str) -> None:
    """One line, with the nearest name."""
    with pytest.raises(UsageError, match=said):
        parse_request(text)


def test_the_time_of_a_change() -> None:
    """From a second on; without one the change stays."""
    assert parse_for(None) is None
    assert parse_for("30m") == 1800.0
    with pytest.raises(UsageError, match='for "none": leave it out'):
        parse_for("none")
    with pytest.raises(UsageError, match='for "5ms": must be at least 1s'):
        parse_for("5ms")
