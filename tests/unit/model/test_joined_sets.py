"""Unit tests of `bulkq.model.joined_sets`."""

from __future__ import annotations

import pickle

import pytest

from bulkq.model.joined_sets import JoinedSets, join_sets
from bulkq.text.array_literals import literal_of


def test_joined_sets_are_the_sets() -> None:
    """One by one, in pieces and as a whole, also in another process; each parameter is an array literal."""
    sets = [("1", "a,b"), ("", "{}"), ("NULL", "ä\n"), ("'", " ")]
    joined = pickle.loads(pickle.dumps(join_sets(sets)))
    assert isinstance(joined, JoinedSets)
    assert (len(joined), list(joined), joined[1], joined[-1], joined[1:3]) == (4, sets, sets[1], sets[-1], sets[1:3])
    assert joined.literals == [literal_of(column) for column in zip(*sets, strict=True)]
    assert list(join_sets([("",)])) == [("",)]


class Number(str):
    """A text of a kind of its own."""

    __slots__ = ()


@pytest.mark.parametrize("value", [None, 1, '"', '","', "\\", Number("1")])
def test_other_values_are_not_joined(value: object) -> None:
    """NULL, what is no text, and texts with characters that mean something in a literal."""
    for sets in ([(value,)], [("a", "b"), ("c", value)]):
        assert join_sets(sets) is sets
    assert join_sets([(), ()]) == [(), ()]
