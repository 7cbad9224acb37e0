"""What is left of a key follows from the ends of the ranges that are done."""

from __future__ import annotations

import pytest

from bulkq.model.key_range import KeyRange, Position
from bulkq.policy.remaining_key_ranges import gaps


@pytest.mark.parametrize(
    ("done", "left"),
    [
        ([], [((), ("9",))]),
        ([((), ("3",)), (("3",), ("9",))], []),
        ([((), ("3",)), (("5",), ("9",))], [(("3",), ("5",))]),
        ([(("3",), ("5",))], [((), ("3",)), (("5",), ("9",))]),
    ],
)
def test_what_no_range_covers_is_left(
    done: list[tuple[Position, Position]], left: list[tuple[Position, Position]]
) -> None:
    """In front of the first range, between two, and behind the last."""
    assert gaps([KeyRange(after, upto) for after, upto in done], ("9",)) == left
