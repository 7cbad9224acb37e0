"""Between two positions without rows, the ranges still lead from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.lifecycle.backfill import cutter
from bulkq.lifecycle.backfill.cutter import closing_ranges
from bulkq.model import Phase

if TYPE_CHECKING:
    from bulkq.model.key_range import Position


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


def test_a_query_gets_more_time_until_it_had_it_all() -> None:
    """The second one has as much as the first, because it is smaller; other errors are raised at once."""
    late = DatabaseError("late", sqlstate="57014", phase=Phase.SENT)
    assert cutter._more_time(late, 5.0, first=True) == 5.0
    assert cutter._more_time(late, 5.0, first=False) == 10.0
    for error, timeout_s in (
        (late, 80.0),
        (DatabaseError("gone", sqlstate="57014", phase=Phase.SENT, connection_lost=True), 5.0),
        (DatabaseError("no such table", sqlstate="42P01", phase=Phase.SENT), 5.0),
    ):
        with pytest.raises(DatabaseError) as raised:
            cutter._more_time(error, timeout_s, first=True)
        assert raised.value is error


def test_few_numbers_of_rows_occur() -> None:
    """Each has a statement of its own; none is above what was wanted, nor far below."""
    assert [cutter._rounded(rows) for rows in (0, 1, 63, 64, 127, 5000, 100_000)] == [1, 1, 63, 64, 126, 4992, 98_304]
