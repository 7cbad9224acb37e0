"""Segments of a batch: one per statement, cut in halves, and their replies put together again."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bulkq.engine.batch_segments import Segment, halves, joined, pieces, segments_of
from bulkq.model import Batch, Column, Reply

COLUMNS = (Column("a"),)


def test_a_batch_of_one_statement_is_one_segment() -> None:
    """Without identifiers all sets are attempted together."""
    batch = Batch(0, 1, [(1,), (2,), (3,)])
    (segment,) = segments_of(batch, ())
    assert segment.positions == range(3)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=20))
def test_sets_of_one_name_stay_together(names: list[str]) -> None:
    """Each run of sets with the same identifier is a segment, in the order of the sets."""
    batch = Batch(0, 1, [(i, name) for i, name in enumerate(names)])
    segments = list(segments_of(batch, (1,)))
    assert [p for segment in segments for p in segment.positions] == list(range(len(names)))
    kinds = [{names[p] for p in segment.positions} for segment in segments]
    assert all(len(kind) == 1 for kind in kinds)
    assert all(one != other for one, other in pairwise(kinds))


def test_halves_keep_the_attempts_and_drop_the_rest() -> None:
    """Both halves count the attempts so far; a single set is not cut."""
    segment = Segment(range(5), attempts=2, once=True, in_doubt=True)
    first, second = halves(segment)
    assert (list(first.positions), list(second.positions)) == ([0, 1], [2, 3, 4])
    assert (first.attempts, first.once, first.in_doubt) == (2, False, False)
    single = Segment((3,))
    assert halves(single) == [single]


def test_pieces_are_small_enough_and_complete() -> None:
    """A segment that is so already stays itself; pieces of another may be executed by one statement again."""
    small = Segment(range(3), apart=True)
    assert pieces(small, 3) == pieces(small, None) == [small]
    found = pieces(Segment(range(5), attempts=2, apart=True), 2)
    assert [list(piece.positions) for piece in found] == [[0, 1], [2, 3], [4]]
    assert {(piece.attempts, piece.apart) for piece in found} == {(2, False)}


def test_no_reply_is_no_row() -> None:
    """A batch in which every set failed has no columns."""
    assert joined([]) == ((), (), ())


def test_the_only_reply_is_passed_on() -> None:
    """The rows of an undivided batch are not copied."""
    reply = Reply(COLUMNS, [[7, 8]], [0, 1])
    columns, values, positions = joined([(Segment(range(2)), reply)])
    assert columns is reply.columns
    assert values is reply.values
    assert positions is reply.positions


def test_rows_of_several_replies_are_in_the_order_of_the_sets() -> None:
    """Positions within a segment become positions within the batch."""
    late = (Segment([2, 3]), Reply(COLUMNS, [["c", "d", "d2"]], [0, 1, 1]))
    early = (Segment([0]), Reply(COLUMNS, [["a"]], [0]))
    empty = (Segment([1]), Reply((), (), ()))
    assert joined([late, early, empty]) == (COLUMNS, [("a", "c", "d", "d2")], [0, 2, 3, 3])


def test_replies_without_rows_keep_their_columns() -> None:
    """The columns are known though no set has a row."""
    parts = [(Segment([0]), Reply(COLUMNS, [[]], [])), (Segment([1]), Reply(COLUMNS, [[]], []))]
    assert joined(parts) == (COLUMNS, [()], [])
