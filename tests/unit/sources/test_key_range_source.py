"""Ranges are cut ahead, come back in halves when they fail, and the source ends when all of them have ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError, RefusedError, StoppedError
from bulkq.model import Batch, BatchResult, Phase
from bulkq.model.key_range import KeyRange
from bulkq.policy.range_size import RangeSize
from bulkq.query import inline
from bulkq.sources.key_range_source import AHEAD, RangeSource

if TYPE_CHECKING:
    from bulkq.model import AttemptSteps, ParameterSet, Query
    from bulkq.model.key_range import Position

QUERY = inline("update t set a = 1 where id > :bulkq_lo and id <= :bulkq_hi", "postgres")


class Numbers:
    """A cutter over the whole numbers up to `last`, which counts its questions."""

    def __init__(self, last: int) -> None:
        """Begin."""
        self.last = last
        self.asked = 0
        self.closed = False
        self.error: DatabaseError | None = None

    async def greatest(self) -> Position | None:
        """The last number."""
        return (str(self.last),)

    async def next_range(self, after: Position, end: Position, rows: int) -> KeyRange | None:
        """The next numbers."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        low, high = int(after[0]) if after else 0, min(int(end[0]), self.last)
        upto = min(high, low + rows)
        return KeyRange(after, (str(upto),), upto - low) if upto > low else None

    async def prepare(self, query: Query) -> None:
        """Accept it."""

    def describe(self, wanted: KeyRange) -> str:
        """The last number."""
        return f"up to {wanted.upto[0]}"

    async def close(self) -> None:
        """Remember it."""
        self.closed = True


class Batches:
    """Statements and no steps."""

    def statement(self, wanted: KeyRange, number: int) -> tuple[Query, ParameterSet]:
        """One query for all."""
        del number
        return QUERY, (wanted.after, wanted.upto)

    def steps(self, number: int, wanted: KeyRange) -> AttemptSteps | None:
        """None."""
        del number, wanted


def opened(cutter: Numbers, *gaps: tuple[Position, Position], **settings: object) -> RangeSource:
    """A source of ranges of ten numbers."""
    source = RangeSource()
    size = RangeSize(least=10, most=10)
    source.begin(cutter, Batches(), size, gaps or [((), (str(cutter.last),))], **settings)  # type: ignore[arg-type]
    return source


def ended(batch: Batch, *, superseded: bool = False) -> BatchResult:
    """The result of a batch that went through, or was replaced."""
    return BatchResult(batch, QUERY, "db", (), (), (), ok=0 if superseded else 1, changed=10, superseded=superseded)


async def taken(source: RangeSource) -> list[tuple[int, Position, Position]]:
    """Number and ends of every batch, each ended before the next is taken."""
    found = []
    while (batch := await source.take(1, len(found))) is not None:
        ((after, upto),) = batch.sets
        found.append((batch.first, after, upto))
        source.settle(ended(batch), 0.1)
    return found


async def test_a_gap_is_cut_to_its_end() -> None:
    """Each range begins where the one before it ends."""
    assert await taken(opened(Numbers(25))) == [
        (1, (), ("10",)),
        (2, ("10",), ("20",)),
        (3, ("20",), ("25",)),
    ]


async def test_only_a_few_ranges_are_cut_ahead() -> None:
    """More would have a size that is out of date."""
    cutter = Numbers(1_000)
    source = opened(cutter)
    await source.take(1, 0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert cutter.asked == AHEAD + 1
    await source.close()
    assert cutter.closed


async def test_the_source_waits_for_ranges_that_may_come_back() -> None:
    """The end is the end of the last range, not its start."""
    source = opened(Numbers(10), least=1)
    batch = await source.take(1, 0)
    assert batch is not None
    later = asyncio.create_task(source.take(1, 1))
    await asyncio.sleep(0.01)
    assert not later.done()
    assert await source.split(batch)
    source.settle(ended(batch, superseded=True), None)
    half = await later
    assert half is not None
    assert half.sets == (((), ("5",)),)
    source.settle(ended(half), 0.1)
    assert await taken(source) == [(3, ("5",), ("10",))]


async def test_a_range_is_cut_at_rows_that_failed() -> None:
    """In pieces of the sizes that are wanted, and the rest; also a range that is too small for halves."""
    source = opened(Numbers(10), least=10)
    batch = await source.take(1, 0)
    assert batch is not None
    assert await source.split(batch, [3, 1, 2])
    source.settle(ended(batch, superseded=True), None)
    assert [upto for _, _, upto in await taken(source)] == [("3",), ("4",), ("6",), ("10",)]


async def test_a_small_range_is_not_cut() -> None:
    """Of so few rows the range is the failure."""
    source = opened(Numbers(10), least=10)
    batch = await source.take(1, 0)
    assert batch is not None
    assert source.range_of(batch.first) == KeyRange((), ("10",), 10)
    assert not await source.split(batch)


async def test_a_range_that_cannot_be_cut_now_stays() -> None:
    """The database does not answer, or the range has one row left."""
    cutter = Numbers(10)
    source = opened(cutter, least=1)
    batch = await source.take(1, 0)
    assert batch is not None
    cutter.error = DatabaseError("away", sqlstate=None, phase=Phase.SENT)
    assert not await source.split(batch)
    cutter.error, cutter.last = None, 1
    assert not await source.split(batch)
    await source.close()


async def test_failed_ranges_come_first_with_their_numbers() -> None:
    """A retry does them again, and new ranges go on behind the last number."""
    failed = [(7, KeyRange(("30",), ("40",)))]
    source = opened(Numbers(50), (("40",), ("50",)), first=12, again=failed)
    assert await taken(source) == [(7, ("30",), ("40",)), (12, ("40",), ("50",))]


async def test_a_recorded_failed_range_stays_whole() -> None:
    """Its number is in the table of ranges, where halves would overlap it."""
    failed = [(7, KeyRange(("30",), ("40",), 10))]
    source = opened(Numbers(40), (), first=12, again=failed)
    batch = await source.take(1, 1)
    assert batch is not None
    assert not await source.split(batch)
    await source.close()


async def test_an_open_end_follows_rows_that_are_inserted() -> None:
    """The end is asked for again when the last range is cut."""
    cutter = Numbers(10)
    source = opened(cutter, ((), ("10",)), follows=True)
    cutter.last = 15
    assert [upto for _, _, upto in await taken(source)] == [("10",), ("15",)]


async def test_rows_of_ended_ranges_are_counted() -> None:
    """Whether they were changed or not; a range that was replaced does not count."""
    passed: list[int] = []

    class Rows:
        """Collects."""

        def passed(self, rows: int, elapsed_s: float) -> None:
            """Collect."""
            del elapsed_s
            passed.append(rows)

    source = opened(Numbers(15), rows=Rows())
    for timed_out in (True, False):
        source.shrink(Batch(0, 1, ()), timed_out=timed_out)
    await taken(source)
    assert (source.rows, source.cut) == (15, True)
    assert passed == [10, 5]
    assert source.fraction() is None


async def test_a_table_that_cannot_be_cut_stops_the_run() -> None:
    """The error of the database is the reason."""
    cutter = Numbers(10)
    cutter.error = DatabaseError("permission denied", sqlstate="42501", phase=Phase.SENT)
    with pytest.raises(StoppedError, match="cannot be found: permission denied"):
        await taken(opened(cutter))


@pytest.mark.parametrize(
    ("state", "lost", "why"),
    [
        ("53100", False, "no room left: broken: free space"),
        ("SQLITE_FULL", False, "no room left: broken: free space"),
        ("08001", False, "another database that the statement uses does not answer: broken"),
        ("08001", True, ""),
        ("22012", False, ""),
    ],
)
async def test_an_error_that_every_range_would_meet_stops_the_run(state: str, lost: bool, why: str) -> None:
    """A full disk, and a foreign server that is away; not a connection that was lost, and not a value."""
    source = opened(Numbers(10))
    batch = await source.take(1, 0)
    assert batch is not None
    error = DatabaseError("broken", sqlstate=state, phase=Phase.SENT, connection_lost=lost)
    if why:
        with pytest.raises(StoppedError, match=why):
            await source.check(batch, error)
    else:
        await source.check(batch, error)
    await source.close()


async def test_a_source_that_never_began_can_be_closed() -> None:
    """The preflight failed."""
    await RangeSource().close()


async def test_a_range_that_would_change_more_rows_than_it_has_is_refused() -> None:
    """The statement reaches rows of other ranges; a few that were inserted meanwhile are none of them."""
    source = opened(Numbers(10))
    batch = await source.take(1, 0)
    assert batch is not None
    source.refuse_more(batch, 1_000)
    source.bounded = True
    source.refuse_more(batch, 60)
    with pytest.raises(RefusedError, match="a range of 10 rows would change 61 rows"):
        source.refuse_more(batch, 61)
    await source.close()
