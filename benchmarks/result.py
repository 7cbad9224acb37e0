"""What a benchmark gives: both sides with what they took, their ratio and its bounds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


OURS, EARLIER = "bulkq", "earlier build"
"""Names of the two builds."""


class Skipped(Exception):
    """A peer is not installed."""


class Broken(RuntimeError):
    """A side did not do its work; its time means nothing."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a whole process took.

    Attributes:
        wall_s: seconds from start to end.
        peak_bytes: its largest resident set.
        runs_s: the seconds of each run, if this is the median of several.
        cpu_s: seconds of processor time.
    """

    wall_s: float
    peak_bytes: int
    runs_s: tuple[float, ...] = ()
    cpu_s: float = 0.0

    def less(self, other: Cost) -> Cost:
        """Subtract the median of another process, such as one that does one piece of the work: a start does not count."""
        return replace(self, wall_s=self.wall_s - other.wall_s, runs_s=tuple(run - other.wall_s for run in self.runs_s))


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        statistics.median(cost.wall_s for cost in costs),
        int(statistics.median(cost.peak_bytes for cost in costs)),
        tuple(cost.wall_s for cost in costs),
        statistics.median(cost.cpu_s for cost in costs),
    )


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        value: the median, in `unit`.
        unit: s, ms or MB.
        count: pieces of work in `value` seconds; 0 if a rate says nothing.
        runs: the value of each run.
        note: what the value does not count.
    """

    name: str
    value: float
    unit: str = "s"
    count: int = 0
    runs: tuple[float, ...] = ()
    note: str = ""

    @property
    def rate(self) -> float:
        """Pieces of work in a second."""
        return self.count / self.value

    def __str__(self) -> str:
        """`pgbench: 7.12 s, 140,449/s`."""
        value = f"{self.value:.2f} s" if self.unit == "s" else f"{self.value:.0f} {self.unit}"
        rate = f", {self.rate:,.0f}/s" if self.count else ""
        note = f" ({self.note})" if self.note else ""
        return f"{self.name}: {value}{rate}{note}"


def timed(name: str, cost: Cost, count: int = 0, note: str = "") -> Side:
    """A side of which the time counts."""
    return Side(name, cost.wall_s, count=count, runs=cost.runs_s, note=note)


def less_start(one: Cost) -> str:
    """The note of a side without the process that does one piece of the work."""
    return f"less {one.wall_s:.2f} s of one"


def megabytes(name: str, cost: Cost) -> Side:
    """A side of which the peak memory counts."""
    return Side(name, cost.peak_bytes / 1_000_000, "MB")


@dataclass(frozen=True, slots=True)
class Result:
    """Both sides and their ratio.

    Attributes:
        work: what both sides do.
        theirs: None if the value itself has a bound.
        ratio: how many times as fast ours is (`at_least`), or the share of what theirs takes (`at_most`).
        at_least, at_most: the bound that must hold; one of them is given.
        aim: where to go.
    """

    work: str
    ours: Side
    theirs: Side | None
    ratio: float
    aim: float
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "x"

    @property
    def reached(self) -> bool:
        """Whether the bound holds."""
        low, high = self.at_least, self.at_most
        return (low is None or self.ratio >= low) and (high is None or self.ratio <= high)

    @property
    def bound(self) -> str:
        """`at least 1.5`."""
        return f"at least {self.at_least}" if self.at_least is not None else f"at most {self.at_most}"

    def __str__(self) -> str:
        """One line."""
        verdict = "ok" if self.reached else "SHORT"
        theirs = "absolute" if self.theirs is None else str(self.theirs)
        ratio = f"{self.ratio:.2f}{self.unit}"
        return f"{self.ours!s:<50} {theirs:<50} {ratio:>9}  {verdict} ({self.bound}, aim {self.aim})"


def faster(work: str, ours: Side, theirs: Side, *, at_least: float, aim: float) -> Result:
    """Compare rates, or times if the sides have no count: 2 if ours does twice as much in a second."""
    ratio = ours.rate / theirs.rate if ours.count else theirs.value / ours.value
    return Result(work, ours, theirs, ratio, aim, at_least=at_least)


def share(work: str, ours: Side, theirs: Side, *, at_most: float, aim: float) -> Result:
    """Compare values: 0.5 if ours takes half."""
    return Result(work, ours, theirs, ours.value / theirs.value, aim, at_most=at_most)
