"""The words of `bulkq ctl`."""

from __future__ import annotations

import pytest

from bulkq.cli.commands.ctl import parse_words
from bulkq.errors import UsageError
from bulkq.policy.control_request import ControlRequest


def test_words() -> None:
    """A first word that is not a command is a run; without a command the status is shown."""
    assert parse_words([], None) == (None, ControlRequest(command="status"))
    assert parse_words(["01kb"], None) == ("01kb", ControlRequest(command="status"))
    assert parse_words(["pause"], "30m") == (None, ControlRequest(command="pause", for_s=1800.0))
    request = ControlRequest(command="set", settings=("rate=5/s", "nice=1"))
    assert parse_words(["01kb", "set", "rate=5/s", "nice=1"], None) == ("01kb", request)
    assert parse_words(["get", "rate"], None) == (None, ControlRequest(command="get", key="rate"))


@pytest.mark.parametrize(
    ("words", "duration", "said"),
    [
        (["01kb", "paus"], None, 'unknown command "paus" .did you mean "pause"..: use status'),
        (["pause", "now"], None, 'pause: unexpected word "now": leave it out'),
        (["get", "rate", "nice"], None, 'get: unexpected word "nice"'),
        (["drain"], "5m", "--for 5m: only pause and set can be taken back: leave it out"),
        (["pause"], "5", '--for "5" has no unit'),
    ],
)
def test_words_that_are_not_valid(words: list[str], duration: str | None, said: str) -> None:
    """One line with the next step."""
    with pytest.raises(UsageError, match=said):
        parse_words(words, duration)
