"""Between two positions without rows, the ranges still lead from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.lifecycle.backfill.cutter import closing_ranges

if TYPE_CHECKING:
    from bulkq.model.key import Position


@pytest.mark.parametrize(
    ("after", "end", "through"),
    [
        ((), ("9",), [("9",)]),
        (("3",), ("9",), [("9",)]),
        (("9",), ("9",), []),
        ((), ("9", "4"), [("9", "4")]),
        (("3", "7"), ("9",), [("3",), ("9",)]),
        (("3", "7"), ("3",), [("3",)]),
        (("3", "7"), ("3", "9"), [("3", "9")]),
        (("3", "7"), ("9", "4"), [("3",), ("9", "4")]),
        (("1", "2", "3"), ("1", "5", "6"), [("1", "2"), ("1", "5", "6")]),
        (("1", "2", "3"), ("1",), [("1", "2"), ("1",)]),
        (("1", "2", "3"), ("4",), [("1", "2"), ("1",), ("4",)]),
    ],
)
def test_closing_ranges_leave_groups_one_by_one(after: Position, end: Position, through: list[Position]) -> None:
    """Each range ends the group that the one before it is in, or is at the level of its end."""
    ranges = closing_ranges(after, end)
    assert [cut.upto for cut in ranges] == through
    assert [cut.after for cut in ranges] == [after, *through][: len(ranges)]
    assert all(cut.rows == 0 for cut in ranges)
