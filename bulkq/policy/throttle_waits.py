"""Add up how long each signal held lanes of a run. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.model.throttle_wait_total import ThrottleWait
from bulkq.text.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import Reading

    Key = tuple[str, str | None]

SHOWN = 5
"""Signals that a line names at most."""


class ThrottleWaits:
    """Adds up the time for which each signal holds lanes."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[Key, tuple[float, Reading]] = {}

    def record(self, readings: Iterable[Reading], seconds: float) -> None:
        """Count `seconds` for each of `readings`, which hold lanes. A signal that several targets have in common counts once."""
        for key, reading in {(one.name, one.target): one for one in readings}.items():
            before = self._found.get(key)
            self._found[key] = (seconds + (before[0] if before is not None else 0.0), reading)

    def all(self) -> tuple[ThrottleWait, ...]:
        """Return the times so far, the longest first."""
        found = [_wait(reading, seconds) for seconds, reading in self._found.values()]
        return tuple(sorted(found, key=lambda one: -one.seconds))


def _wait(reading: Reading, seconds: float) -> ThrottleWait:
    return ThrottleWait(
        name=reading.name,
        target=reading.target,
        seconds=round(seconds, 2),
        value=reading.value,
        number=reading.number,
        limit=reading.limit,
        unit=reading.unit.value if reading.unit is not None else None,
    )


def sum_waits(waits: Iterable[ThrottleWait]) -> tuple[ThrottleWait, ...]:
    """Add the times of equal signals, of which the last value counts; the longest first."""
    found: dict[Key, ThrottleWait] = {}
    for one in waits:
        before = found.get((one.name, one.target))
        seconds = one.seconds + (before.seconds if before is not None else 0.0)
        found[one.name, one.target] = replace(one, seconds=round(seconds, 2))
    return tuple(sorted(found.values(), key=lambda one: -one.seconds))


def waits_text(stood_s: float, waits: Sequence[ThrottleWait]) -> str:
    """Return `throttled for 1m12s: lag<2s on eu 1m00s (last 4.1s), file:/run/hold 12.2s (last exists)`; "" if nothing held."""
    if not waits:
        return ""
    shown = [_shown(wait) for wait in waits[:SHOWN]]
    more = [f"{len(waits) - SHOWN} more"] if len(waits) > SHOWN else []
    return f"throttled for {_time_text(stood_s)}: {', '.join([*shown, *more])}"


def _shown(wait: ThrottleWait) -> str:
    where = f" on {wait.target}" if wait.target is not None else ""
    last = f" (last {wait.value})" if wait.value else ""
    return f"{wait.name}{where} {_time_text(wait.seconds)}{last}"


def _time_text(seconds: float) -> str:
    return f"{seconds:.1f}s" if seconds < 60 else duration_text(seconds)
