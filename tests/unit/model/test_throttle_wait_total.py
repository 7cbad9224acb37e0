"""The JSON form of the time for which signals held lanes."""

from __future__ import annotations

import json

import pytest

from bulkq.model import ThrottleWait
from bulkq.model.throttle_wait_total import parse_waits, waits_object

LAG = ThrottleWait(name="lag<2s", target="eu", seconds=60.1, value="4.1s", number=4.1, limit=2.0, unit="seconds")


def test_it_is_read_back() -> None:
    """From the ledger, also of a version that adds fields."""
    found = json.loads(json.dumps(waits_object(72.346, [LAG])))
    assert found["seconds"] == 72.35
    found["signals"][0]["later"] = 1
    assert parse_waits(found) == (72.35, (LAG,))


@pytest.mark.parametrize("data", [{}, {"signals": 1, "seconds": 1}, {"signals": [{}], "seconds": 1}])
def test_another_form_is_an_error(data: dict[str, object]) -> None:
    """It is left out."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse_waits(data)
