"""Find the rows that two results do not have in common."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from bulkq.checks.unmatched_rows import Differences, groups
from bulkq.model.frozen_dataclass import mutable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.checks.unmatched_rows import Row
    from bulkq.tasks.check.sink import CheckSink

COMPARED_AT_ONCE = 2_000
"""Rows of each side that are looked at together, so that rows in the same order find each other soon."""

MOST_PASSES = 4
"""Times that both answers are read to find what differs: with more rows that differ, "at least" stands before their number."""


@mutable
class FoundRows:
    """What differs between two answers: how many rows of each side, and the first of them."""

    only_here: list[tuple[str | None, ...]]
    only_there: list[tuple[str | None, ...]]
    here: int = 0
    there: int = 0
    at_least: bool = False


def find_differences(here: CheckSink, there: CheckSink, most: int) -> FoundRows | None:
    """What differs, with at most `most` rows of each side; None where it cannot be shown. In a thread: reads two files."""
    if not (here.whole and there.whole):
        return None
    passes = groups(here.buckets.differing(there.buckets))
    found = FoundRows([], [], at_least=len(passes) > MOST_PASSES)
    for buckets in passes[:MOST_PASSES]:
        ours, theirs = _left(here.rows(buckets), there.rows(buckets))
        found.here += len(ours)
        found.there += len(theirs)
        found.only_here += ours[: most - len(found.only_here)]
        found.only_there += theirs[: most - len(found.only_there)]
    return found


def _left(left: Iterator[Row], right: Iterator[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """The rows that only one side has."""
    differences = Differences()
    while True:
        ours, theirs = list(islice(left, COMPARED_AT_ONCE)), list(islice(right, COMPARED_AT_ONCE))
        if not ours and not theirs:
            return differences.left()
        differences.take(ours, theirs)
