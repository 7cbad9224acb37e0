"""The readings of throttles, as displays, reports and programs get them. Pure."""

from __future__ import annotations

from enum import StrEnum

from bulkq.model.frozen_dataclass import frozen


class Unit(StrEnum):
    """The unit of a signal and of its limit."""

    SECONDS = "seconds"
    BYTES = "bytes"
    RATE = "bytes per second"
    NUMBER = "number"


@frozen(kw_only=True)
class Reading:
    """The last reading of a throttle on one target.

    Attributes:
        name: its expression, as typed: `lag<2s`, `file:/run/hold`.
        signal: the name of the signal: `lag`, `file`, `window`.
        target: label of the database that gave it; None if it holds all targets.
        value: for people: `4.1s`, `exists`, `503 Service Unavailable`; "" if it was never read.
        number: the value in `unit`; None if it is not a number.
        limit: the lanes wait from this value on, in `unit`; None if the signal has none.
        unit: of `number` and `limit`; None if the signal has none.
        load: `number` divided by `limit`, 1.0 at the limit; None if the signal has no scale.
        reason: why the lanes wait, in one line; None if they need not.
        age_s: seconds since the signal was last read without an error; None if it never was.
        critical: at its limit the run ends.
    """

    name: str
    signal: str
    target: str | None = None
    value: str = ""
    number: float | None = None
    limit: float | None = None
    unit: Unit | None = None
    load: float | None = None
    reason: str | None = None
    age_s: float | None = None
    critical: bool = False


def reading_object(reading: Reading) -> dict[str, object]:
    """The fields of `reading` by name, as JSON has them."""
    return {
        "name": reading.name,
        "signal": reading.signal,
        "target": reading.target,
        "value": reading.value,
        "number": _rounded(reading.number),
        "limit": _rounded(reading.limit),
        "unit": reading.unit.value if reading.unit is not None else None,
        "load": _rounded(reading.load),
        "reason": reading.reason,
        "age_s": None if reading.age_s is None else round(reading.age_s, 1),
        "critical": reading.critical,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
