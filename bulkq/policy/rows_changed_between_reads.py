"""Decide which rows another session has changed between two reads of them.

Rows are compared by what Python writes for them: 1 and 1.0 are equal in Python, a NaN is not equal to itself, and a function may
tell all of them apart.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Reply

    Rows = Sequence[tuple[object, ...]]


def rows_of(reply: Reply) -> Rows:
    """The rows of a reply."""
    return list(zip(*reply.values, strict=True))


def same_rows(then: Rows, now: Rows) -> bool:
    """Whether both are the same rows, in any order."""
    before, after = list(map(repr, then)), list(map(repr, now))
    return before == after or Counter(before) == Counter(after)


def unchanged(then: Rows, now: Rows) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The rows of `now` that were there before, and those that are new or were changed.

    Args:
        then: the rows that were read first.
        now: those that were read later.
    """
    left = Counter(map(repr, then))
    kept: list[tuple[object, ...]] = []
    fresh: list[tuple[object, ...]] = []
    for row in now:
        written = repr(row)
        (kept if left[written] > 0 else fresh).append(row)
        left[written] -= 1
    return kept, fresh
