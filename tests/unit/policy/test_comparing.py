"""Rows that only one of two answers has."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bulkq.policy.comparing import Differences, Row

ROWS = st.lists(st.sampled_from([("1", None), ("1", "a"), ("2", "b"), (None, None)]), max_size=12)


@given(ROWS, ROWS, st.integers(1, 5))
def test_what_is_left_has_no_counterpart(here: list[Row], there: list[Row], step: int) -> None:
    """Whatever the order and the pieces in which they come: the difference of two bags."""
    found = Differences()
    for first in range(0, max(len(here), len(there)), step):
        found.take(here[first : first + step], there[first : first + step])
    only_here, only_there = found.left()
    assert Counter(only_here) == Counter(here) - Counter(there)
    assert Counter(only_there) == Counter(there) - Counter(here)
    assert not found.overrun


def test_only_so_many_may_wait() -> None:
    """Memory is bounded: rows in the same order never wait long, rows without a counterpart do."""
    found = Differences(most=3)
    for n in range(100):
        found.take([(str(n),)], [(str(n),)])
    assert not found.overrun
    found.take([("a",), ("b",)], [("c",), ("d",)])
    assert found.overrun
