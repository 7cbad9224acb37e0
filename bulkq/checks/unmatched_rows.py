"""Find the rows that only one of two results has, with bounded memory and in any order of rows. Pure.

The rows of each side are counted in buckets by their digest. Buckets with the same rows on both sides have the same count
and the same sum of digests, so only the rows of the other buckets have to be looked at, a bounded number at a time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import mutable
from bulkq.text import characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Row = tuple[str | None, ...]

BUCKETS = 1 << 16
"""Buckets of one side: about 10 MB when all are in use."""

WRAP = 1 << 128
"""Sums of digests wrap here; a digest has 16 bytes."""

MOST_AT_ONCE = 200_000
"""Rows of both sides that are looked at together."""


@mutable
class Buckets:
    """The rows of one side by bucket: how many, and the sum of their digests."""

    counts: dict[int, int] = field(default_factory=dict)
    sums: dict[int, int] = field(default_factory=dict)

    def add(self, digest: int) -> None:
        """Count a row."""
        bucket = digest % BUCKETS
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.sums[bucket] = (self.sums.get(bucket, 0) + digest) % WRAP

    def differing(self, other: Buckets) -> Mapping[int, int]:
        """The buckets whose rows are not the same on both sides, each with the number of its rows on both."""
        return {
            bucket: self.counts.get(bucket, 0) + other.counts.get(bucket, 0)
            for bucket in sorted(self.counts.keys() | other.counts.keys())
            if self.counts.get(bucket) != other.counts.get(bucket) or self.sums[bucket] != other.sums[bucket]
        }


def groups(rows: Mapping[int, int], most: int = MOST_AT_ONCE) -> list[frozenset[int]]:
    """Put buckets with their numbers of `rows` into groups of at most `most` rows, or of one bucket."""
    found: list[set[int]] = []
    size = 0
    for bucket, count in rows.items():
        if not found or size + count > most:
            found.append(set())
            size = 0
        found[-1].add(bucket)
        size += count
    return [frozenset(group) for group in found]


class Differences:
    """Takes the rows of both sides as they come; what is left at the end has no counterpart on the other side."""

    def __init__(self) -> None:
        self._here: Counter[Row] = Counter()
        self._there: Counter[Row] = Counter()

    def take(self, here: Iterable[Row], there: Iterable[Row]) -> None:
        """Some rows of each side."""
        for row in here:
            _settle(row, self._here, self._there)
        for row in there:
            _settle(row, self._there, self._here)

    def left(self) -> tuple[Sequence[Row], Sequence[Row]]:
        """The rows that only this side has, and those that only the other has, in the order in which they came."""
        return list(self._here.elements()), list(self._there.elements())


def tell_apart(here: Sequence[Row], there: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """The rows of both sides, with escapes where a reader would take one for a row of the other side."""
    ours, theirs = list(here), list(there)
    for i, row in enumerate(here):
        for k, other in enumerate(there):
            if len(row) == len(other) and _look_alike(row, other):
                ours[i], theirs[k] = _escaped(row, other), _escaped(other, row)
    return ours, theirs


def _settle(row: Row, own: Counter[Row], other: Counter[Row]) -> None:
    if row not in other:
        own[row] += 1
        return
    other[row] -= 1
    if not other[row]:
        del other[row]


def _look_alike(row: Row, other: Row) -> bool:
    """Whether the rows differ, and only in texts that look alike."""
    pairs = [(a, b) for a, b in zip(row, other, strict=True) if a != b]
    return bool(pairs) and all(a is not None and b is not None and characters.look_alike(a, b) for a, b in pairs)


def _escaped(row: Row, other: Row) -> Row:
    return tuple(a if a is None or a == b else characters.escape_non_ascii(a) for a, b in zip(row, other, strict=True))
