"""Readings as JSON."""

from __future__ import annotations

import json

from bulkq.model import Reading, Unit
from bulkq.model.throttle_readings import reading_object


def test_a_reading_as_json() -> None:
    """Numbers are rounded; what is not known is null."""
    reading = Reading(
        name="lag<2s",
        signal="lag",
        target="db",
        value="1.2s",
        number=1.23456,
        limit=2.0,
        unit=Unit.SECONDS,
        age_s=0.123,
    )
    assert json.loads(json.dumps(reading_object(reading))) == {
        "name": "lag<2s",
        "signal": "lag",
        "target": "db",
        "value": "1.2s",
        "number": 1.2346,
        "limit": 2.0,
        "unit": "seconds",
        "load": None,
        "reason": None,
        "age_s": 0.1,
        "critical": False,
    }
    plain = reading_object(Reading(name="file:/x", signal="file"))
    assert (plain["unit"], plain["age_s"], plain["number"]) == (None, None, None)
