"""What is left of a key when some ranges of it are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model.key_range import KeyRange, Position


def gaps(done: Iterable[KeyRange], end: Position, start: Position = ()) -> list[tuple[Position, Position]]:
    """What lies between the ranges `done` and behind them, each as the position that it begins behind and that it ends with.

    Ranges form a chain: each begins with the very texts with which its neighbour ends. So texts that are equal are enough to see
    that nothing is left between two ranges, and no key is compared here.

    Args:
        done: ranges that do not overlap, in the order of their upper ends.
        end: of the last range.
        start: of the first range.
    """
    left: list[tuple[Position, Position]] = []
    at = start
    for one in done:
        if one.after != at:
            left.append((at, one.after))
        at = one.upto
    if at != end:
        left.append((at, end))
    return left
