"""Which rows were changed between two reads of them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bulkq.model import Reply
from bulkq.policy.rows_changed_between_reads import rows_of, same_rows, unchanged

NAN = (float("nan"),)


def test_the_rows_of_a_reply_are_tuples() -> None:
    """Column by column as a driver gives them."""
    assert rows_of(Reply((), [[1, 2], ["a", "b"]], [0, 0])) == [(1, "a"), (2, "b")]
    assert rows_of(Reply((), [[], []], [])) == []


def test_the_order_of_rows_does_not_matter() -> None:
    """No query has to be ordered; how often a row is there does matter."""
    assert same_rows([(1, "a"), (2, "b")], [(2, "b"), (1, "a")])
    assert not same_rows([(1,), (1,)], [(1,)])
    assert same_rows([NAN], [(float("nan"),)])


@pytest.mark.parametrize("other", [1.0, True, "1", Decimal(1), None, b"1"])
def test_values_that_a_function_tells_apart_are_not_the_same(other: object) -> None:
    """Also those that are equal in Python."""
    assert not same_rows([(1,)], [(other,)])


def test_rows_are_kept_as_often_as_they_were_there() -> None:
    """The rest is new or changed."""
    assert unchanged([(1,), (2,), (2,)], [(2,), (3,), (2,), (2,)]) == ([(2,), (2,)], [(3,), (2,)])
