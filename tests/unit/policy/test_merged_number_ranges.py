"""Ranges against a plain set of numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.policy.merged_number_ranges import Ranges, numbers_in

SPANS = st.lists(st.tuples(st.integers(-5, 40), st.integers(0, 8)).map(lambda s: (s[0], s[0] + s[1])), max_size=20)


def numbers(spans: list[tuple[int, int]]) -> set[int]:
    """Every number of `spans`."""
    return {n for first, last in spans for n in range(first, last + 1)}


@given(SPANS)
def test_holds_what_was_added_in_ranges_that_do_not_touch(spans: list[tuple[int, int]]) -> None:
    """Whatever the order and overlap: the same numbers, ascending, with a gap between any two ranges."""
    ranges = Ranges(spans)
    held = list(ranges)
    assert numbers(held) == numbers(spans)
    assert ranges.count == len(numbers(spans))
    assert len(ranges) == len(held)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(held))
    assert Ranges(reversed(spans)).count == ranges.count
    assert list(Ranges(held)) == held


@given(SPANS, st.integers(-6, 50))
def test_contains_exactly_its_numbers(spans: list[tuple[int, int]], number: int) -> None:
    """`in` says what a set would say."""
    assert (number in Ranges(spans)) == (number in numbers(spans))


@given(SPANS, st.integers(-6, 50), st.integers(-6, 50))
def test_gaps_and_ranges_together_are_the_whole(spans: list[tuple[int, int]], first: int, last: int) -> None:
    """The gaps between two numbers are what is missing there, as long as possible, in order."""
    gaps = list(Ranges(spans).gaps(first, last))
    assert numbers(gaps) == set(range(first, last + 1)) - numbers(spans)
    assert gaps == list(Ranges(gaps))


@given(SPANS)
def test_prefix_is_the_end_of_what_is_complete_from_one(spans: list[tuple[int, int]]) -> None:
    """All numbers from 1 to the prefix are in, the next is not."""
    prefix = Ranges(spans).prefix
    held = numbers(spans)
    assert set(range(1, prefix + 1)) <= held
    assert prefix + 1 not in held


@given(SPANS)
def test_a_copy_kept_by_the_changes_alone_stays_equal(spans: list[tuple[int, int]]) -> None:
    """Writing what `add` names, and deleting what has no end any more, keeps a table equal: that is a group commit."""
    ranges, table = Ranges(), {}
    for first, last in spans:
        changed = ranges.add(first, last)
        for start in changed:
            end = ranges.end_of(start)
            if end is None:
                table.pop(start, None)
            else:
                table[start] = end
        assert sorted(table.items()) == list(ranges)


def test_adding_what_is_there_changes_nothing() -> None:
    """No change, so nothing is written."""
    ranges = Ranges([(1, 10)])
    assert ranges.add(3, 7) == ()
    assert ranges.add(11, 12) == (1,)
    assert list(ranges) == [(1, 12)]


def test_a_backward_range_is_an_error() -> None:
    """A bug is told, not repaired."""
    with pytest.raises(ValueError, match=r"5\.\.4"):
        Ranges([(5, 4)])


def test_what_is_no_number_is_not_in() -> None:
    """`in` answers for everything; `repr` shows the ranges."""
    assert "1" not in Ranges([(1, 1)])
    assert repr(Ranges([(1, 2)])) == "Ranges([(1, 2)])"
    assert Ranges([(1, 2)]).end_of(5) is None


def test_numbers_are_counted() -> None:
    """Both ends of a range belong to it."""
    assert numbers_in([(1, 3), (7, 7)]) == 4
    assert numbers_in(()) == 0
