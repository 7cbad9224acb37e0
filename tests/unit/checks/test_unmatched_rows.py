"""Rows that only one of two answers has."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bulkq.checks.unmatched_rows import BUCKETS, Buckets, Differences, Row, groups, tell_apart

ROWS = st.lists(st.sampled_from([("1", None), ("1", "a"), ("2", "b"), (None, None)]), max_size=12)
DIGESTS = st.lists(st.sampled_from([1, 2, 1 + BUCKETS, 2 + 3 * BUCKETS, 7]), max_size=12)


@given(ROWS, ROWS, st.integers(1, 5))
def test_what_is_left_has_no_counterpart(here: list[Row], there: list[Row], step: int) -> None:
    """Whatever the order and the pieces in which they come: the difference of two bags."""
    found = Differences()
    for first in range(0, max(len(here), len(there)), step):
        found.take(here[first : first + step], there[first : first + step])
    only_here, only_there = found.left()
    assert Counter(only_here) == Counter(here) - Counter(there)
    assert Counter(only_there) == Counter(there) - Counter(here)


def filled(digests: list[int]) -> Buckets:
    """Buckets with rows of these digests."""
    buckets = Buckets()
    for digest in digests:
        buckets.add(digest)
    return buckets


@given(DIGESTS, DIGESTS)
def test_only_buckets_with_other_rows_differ(here: list[int], there: list[int]) -> None:
    """Equal bags have equal buckets in any order, and a bucket that differs is found with the rows of both sides."""
    ours, theirs = filled(here), filled(there)
    assert (ours == theirs) is (Counter(here) == Counter(there))
    differing = ours.differing(theirs)
    for bucket in {digest % BUCKETS for digest in (*here, *there)}:
        mine = sorted(d for d in here if d % BUCKETS == bucket)
        other = sorted(d for d in there if d % BUCKETS == bucket)
        assert differing.get(bucket, 0) == (0 if mine == other else len(mine) + len(other))


def test_buckets_are_looked_at_in_groups() -> None:
    """A group has a bounded number of rows, or one bucket."""
    assert groups({1: 2, 2: 2, 3: 9, 4: 1}, most=4) == [{1, 2}, {3}, {4}]
    assert groups({}) == []


def test_rows_that_look_alike_are_told_apart() -> None:
    """Both rows get escapes; rows that a reader can tell apart stay as they are."""
    here: list[Row] = [("1", "caf\u00e9"), ("2", "x"), ("3", None)]
    there: list[Row] = [("1", "cafe\u0301"), ("2", "y"), ("3", "z"), ("4",)]
    ours, theirs = tell_apart(here, there)
    assert ours == [("1", r"caf\xe9"), ("2", "x"), ("3", None)]
    assert theirs == [("1", r"cafe\u0301"), ("2", "y"), ("3", "z"), ("4",)]
