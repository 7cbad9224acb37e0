"""The time for which a signal held lanes, and its JSON form. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@frozen(kw_only=True)
class ThrottleWait:
    """The time for which a signal held lanes.

    Attributes:
        name: its expression, as `Reading.name`.
        target: label of the database that gave it; None if it holds all targets.
        seconds: for which it had a reason while lanes waited.
        value: the last that held them, for people.
        number: the same as a number, in `unit`; None if it is not one.
        limit: of the signal, in `unit`; None if it has none.
        unit: `seconds`, `bytes`, `bytes per second` or `number`; None if it has none.
    """

    name: str
    target: str | None = None
    seconds: float = 0.0
    value: str = ""
    number: float | None = None
    limit: float | None = None
    unit: str | None = None


def waits_object(stood_s: float, waits: Iterable[ThrottleWait]) -> dict[str, object]:
    """The JSON form: `stood_s` seconds in which all targets waited, and the signals."""
    signals = [{name: getattr(wait, name) for name in ThrottleWait.__annotations__} for wait in waits]
    return {"seconds": round(stood_s, 2), "signals": signals}


def parse_waits(data: Mapping[str, object]) -> tuple[float, tuple[ThrottleWait, ...]]:
    """Return what `waits_object` was made from.

    Raises:
        KeyError, TypeError, ValueError: it is of another form.
    """
    signals = data["signals"]
    if not isinstance(signals, list):
        raise TypeError("signals must be a list")
    known = ThrottleWait.__annotations__
    waits = tuple(ThrottleWait(**{name: one[name] for name in known if name in one}) for one in signals)
    return float(str(data["seconds"])), waits
