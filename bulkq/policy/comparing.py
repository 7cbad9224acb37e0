"""Which rows only one of two answers has, row by row, with bounded memory. Called by `bulkq.tasks.checking`.

Rows that have come on one side and not on the other wait for their counterpart. Where both sides come in the same
order, few wait at a time; nothing is ever sorted here, because only the database knows its order.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Row = tuple[str | None, ...]

MOST_WAITING = 100_000
"""Rows that may wait for their counterpart; with more, what differs is not shown."""


class Differences:
    """Takes the rows of both sides as they come; what is left at the end has no counterpart.

    Args:
        most: rows that may wait.
    """

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._here: Counter[Row] = Counter()
        self._there: Counter[Row] = Counter()
        self._waiting = 0

    @property
    def overrun(self) -> bool:
        """Whether more rows wait than may: then nothing more need be taken, and nothing can be shown."""
        return self._waiting > self._most

    def take(self, here: Iterable[Row], there: Iterable[Row]) -> None:
        """Some rows of each side."""
        for row in here:
            self._settle(row, self._here, self._there)
        for row in there:
            self._settle(row, self._there, self._here)

    def left(self) -> tuple[Sequence[Row], Sequence[Row]]:
        """The rows that only this side has, and those that only the other has, in the order in which they came."""
        return list(self._here.elements()), list(self._there.elements())

    def _settle(self, row: Row, own: Counter[Row], other: Counter[Row]) -> None:
        if row in other:
            other[row] -= 1
            self._waiting -= 1
            if not other[row]:
                del other[row]
            return
        own[row] += 1
        self._waiting += 1
