"""Sets of parameter-set numbers as merged ranges: what is done of a part, and what is missing.

There is one kind of range in bulkq: `(first, last)`, both inclusive. Plan, execution, ledger and markers use it alike, so
no border has two meanings.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def numbers_in(ranges: Iterable[tuple[int, int]]) -> int:
    """How many numbers `ranges` hold, none of which overlap."""
    return sum(last - first + 1 for first, last in ranges)


class Ranges:
    """A set of whole numbers, kept as ascending ranges of which no two touch.

    Args:
        ranges: what is in it at first, in any order; may overlap.
    """

    __slots__ = ("_firsts", "_lasts", "count")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.count = 0
        self.merge(ranges)

    def add(self, first: int, last: int) -> tuple[int, ...]:
        """Put `first` to `last` in.

        Returns:
            The first number of every range that is new, longer or gone by it; () where all of it was there.

        Raises:
            ValueError: `last` is before `first`.
        """
        if last < first:
            raise ValueError(f"a range ends before it starts: {first}..{last}")
        left = bisect_left(self._lasts, first - 1)  # the first range that touches or lies behind
        right = bisect_right(self._firsts, last + 1)  # one behind the last that touches
        gone = self._firsts[left:right]
        if not gone:
            self._firsts.insert(left, first)
            self._lasts.insert(left, last)
            self.count += last - first + 1
            return (first,)
        if gone[0] <= first and last <= self._lasts[left]:
            return ()
        start, end = min(first, gone[0]), max(last, self._lasts[right - 1])
        covered = sum(b - a + 1 for a, b in zip(gone, self._lasts[left:right], strict=True))
        self._firsts[left:right] = [start]
        self._lasts[left:right] = [end]
        self.count += end - start + 1 - covered
        return tuple(gone) if gone[0] == start else (start, *gone)

    def merge(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Put all of `ranges` in."""
        for first, last in ranges:
            self.add(first, last)

    def end_of(self, first: int) -> int | None:
        """The last number of the range that begins at `first`; None where none does."""
        at = bisect_left(self._firsts, first)
        return self._lasts[at] if at < len(self._firsts) and self._firsts[at] == first else None

    @property
    def prefix(self) -> int:
        """The largest n for which 1 to n are all in; 0 where 1 is not."""
        at = bisect_right(self._firsts, 1) - 1
        return self._lasts[at] if at >= 0 and self._lasts[at] >= 1 else 0

    def gaps(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """The ranges between `first` and `last` that are not in, ascending."""
        left, right = bisect_left(self._lasts, first), bisect_right(self._firsts, last)
        edges = [first - 1]
        for a, b in zip(self._firsts[left:right], self._lasts[left:right], strict=True):
            edges += (a, b)
        edges.append(last + 1)
        for before, after in list(pairwise(edges))[::2]:
            if before + 1 <= after - 1:
                yield before + 1, after - 1

    def __contains__(self, number: object) -> bool:
        """Whether `number` is in."""
        if not isinstance(number, int):
            return False
        at = bisect_left(self._lasts, number)
        return at < len(self._lasts) and self._firsts[at] <= number

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The ranges, ascending."""
        return zip(self._firsts, self._lasts, strict=True)

    def __len__(self) -> int:
        """How many ranges they are; `count` is how many numbers."""
        return len(self._firsts)

    def __repr__(self) -> str:
        """`Ranges([(1, 5), (8, 8)])`."""
        return f"Ranges({list(self)})"
