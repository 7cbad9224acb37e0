"""Sort the sets of a write, so that transactions lock rows in one order and do not deadlock."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = Sequence[object]


def sorted_rows(rows: list[Row], order: Sequence[int]) -> list[Row]:
    """`rows` by the values at `order`: transactions that lock rows in one order do not deadlock."""
    try:
        return sorted(rows, key=itemgetter(*order))
    except TypeError:  # NULL among values, which Python does not compare
        pass
    try:
        return sorted(rows, key=lambda row: [(row[i] is None, row[i]) for i in order])
    except TypeError:  # values of different types; the order only spares deadlocks
        return rows
