"""The pace of a run: `--max-rate 500/s`, `--max-rate 5000rows/s`, `--nice 0.5`. Pure: the time is an argument."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.gentle_pace import AUTO
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.policy.gentle_pace import GentlePace

_RATE = compile_late(r"(\d+(?:\.\d+)?)\s*(|sets?|rows?)\s*/\s*(s|m|h)", re.ASCII | re.IGNORECASE)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}

SMOOTH_S = 0.25
"""A batch has at most the sets of this time, so that the work is spread evenly."""


@frozen
class Rate:
    """The limit of `--max-rate`.

    Attributes:
        per_s: sets or rows per second.
        rows: rows are counted, not parameter sets.
    """

    per_s: float
    rows: bool = False

    @property
    def text(self) -> str:
        """The rate as `parse_rate` reads it: `500/s`, `5000rows/m`."""
        word = "rows" if self.rows else ""
        unit = next((unit for unit, seconds in _SECONDS.items() if (self.per_s * seconds) % 1 == 0), "s")
        return f"{round(self.per_s * _SECONDS[unit], 6):.15g}{word}/{unit}"


def parse_rate(text: str, *, backfill: bool = False) -> Rate:
    """Parse `500/s`, `500sets/s`, `5000rows/s`; the time may also be `m` or `h`.

    Args:
        text: as typed.
        backfill: a set is a range of rows, so that the word `rows` is required.

    Raises:
        UsageError: not a rate, or zero.
    """
    found = _RATE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        form = "5000rows/s" if backfill else "500/s for parameter sets, or 5000rows/s"
        raise UsageError(f"--max-rate {quoted(text)} is not a rate: use {form}")
    rows = found[2].lower().startswith("row")
    if backfill and not rows:
        raise UsageError(f"--max-rate {quoted(text)}: a backfill counts rows: use {found[1]}rows/{found[3]}")
    return Rate(float(found[1]) / _SECONDS[found[3].lower()], rows)


def check_nice(nice: float | str | None, *, backfill: bool) -> None:
    """Refuse `--nice auto` of a run that is not a backfill.

    Raises:
        UsageError: it is.
    """
    if nice == AUTO and not backfill:
        raise UsageError(f"--nice {AUTO}: only a backfill finds its pace: give a number, for example --nice 1")


class Pace:
    """When the next batch may begin, so that a run keeps its rate on average. An unused second is not made up for.

    Args:
        rate: the limit; None: there is none.
        nice: the pause of a lane after a batch, as a multiple of the time that the batch took.
        gentle: of `--nice auto`: the pace of each target by its label, which replaces `nice`.
    """

    __slots__ = ("_next_s", "gentle", "largest", "nice", "rate")

    def __init__(self, rate: Rate | None, nice: float = 0.0, gentle: Mapping[str, GentlePace] | None = None) -> None:
        self.rate = rate
        self.nice = nice
        self.gentle = gentle or {}
        self.largest: int | None = None
        """Sets of a batch at most, whatever the rate; None for no limit."""

        self._next_s = 0.0

    @property
    def most_sets(self) -> int | None:
        """The sets that a batch may have; None if any number may."""
        return None if self.rate is None or self.rate.rows else max(1, int(self.rate.per_s * SMOOTH_S))

    def limit(self, size: int) -> int:
        """Return `size`, or the fewer sets that a batch may have."""
        return min(size, self.most_sets or size, self.largest or size)

    def change(self, rate: Rate | None) -> None:
        """Have another rate from now on."""
        self.rate, self._next_s = rate, 0.0

    def set_nice(self, nice: float | None) -> None:
        """Pause for `nice` times the work from now on; None: as the pace of each target."""
        self.nice = nice or 0.0
        for gentle in self.gentle.values():
            gentle.on = nice is None

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next batch may begin; 0.0: now."""
        return max(0.0, self._next_s - now_s)

    def spend(self, amount: int, now_s: float, *, rows: bool = False) -> None:
        """Count `amount` sets, or `rows`, if the rate counts them."""
        if self.rate is not None and self.rate.rows is rows:
            self._next_s = max(self._next_s, now_s) + amount / self.rate.per_s
