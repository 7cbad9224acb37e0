"""Keys in flight: how batches are cut so that sets of one row stay in order."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from bulkq.dialects import parameter_equality
from bulkq.engine import same_row_write_order as module
from bulkq.engine.same_row_write_order import Order
from bulkq.model import Batch
from bulkq.query.row_keys_of_parameter_sets import RowKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from bulkq.model import ParameterSet


class Source:
    """Sets of a list, in batches of any size."""

    def __init__(self, sets: Sequence[ParameterSet]) -> None:
        self.typed, self.replayable, self.total = False, True, len(sets)
        self._sets = sets
        self._given = 0

    async def take(self, size: int, index: int) -> Batch | None:
        sets = self._sets[self._given : self._given + size]
        first, self._given = self._given + 1, self._given + len(sets)
        return Batch(index, first, sets) if sets else None

    def fraction(self) -> float | None:
        return None

    async def close(self) -> None:
        pass


ID = RowKey(("id",), (0,), (parameter_equality.integers,))
NAME = RowKey(("name",), (1,), (parameter_equality.folded,))


def made(*ids: str) -> Order:
    return Order(Source([(one,) for one in ids]), [ID])


async def taken(order: Order, size: int, index: int) -> list[object] | None:
    batch = await order.take(size, index)
    return None if batch is None else [values[0] for values in batch.sets]


async def test_a_batch_ends_before_a_key_in_flight() -> None:
    """What lies behind the cut is given when the key is free, under its own number."""
    order = made("1", "2", "3", "4", "01", "5")
    assert await taken(order, 2, 0) == ["1", "2"]
    assert await taken(order, 9, 1) == ["3", "4"]
    assert (order.held, order.blocked) == (2, True)
    assert await order.take(9, 2) is None
    order.done(1)
    assert order.blocked
    order.done(0)
    assert not order.blocked
    batch = await order.take(9, 2)
    assert batch is not None
    assert (batch.first, batch.index, batch.sets) == (5, 2, [("01",), ("5",)])
    order.done(2)
    assert await order.take(9, 3) is None
    assert (order.held, order.blocked, order.repeated, order.exact) == (0, False, 1, True)


async def test_sets_of_one_row_may_share_a_batch() -> None:
    """Then the batch says so, and its sets are executed in their order; a batch without them says nothing."""
    batch = await made("1", "01", "2").take(9, 0)
    assert batch is not None
    assert batch.repeats
    batch = await made("1", "2").take(9, 0)
    assert batch is not None
    assert not batch.repeats


async def test_a_small_rest_waits() -> None:
    """If less than a quarter of a batch is free, the lane waits for more of it."""
    order = made("1", "2", "3", "4", "5", "6", "7", "1", "8", "9")
    assert await taken(order, 6, 0) == ["1", "2", "3", "4", "5", "6"]
    assert await taken(order, 8, 1) == ["7"]
    order = made("1", "2", "3", "1", "4", "5", "6", "7", "8")
    assert await taken(order, 2, 0) == ["1", "2"]
    assert await taken(order, 7, 1) is None
    assert order.blocked


async def test_a_value_that_may_equal_any_goes_alone() -> None:
    """Nothing else is in flight beside it."""
    order = made("1", "x", "2", "3", "4")
    assert await taken(order, 1, 0) == ["1"]
    assert await taken(order, 3, 1) is None
    assert order.blocked
    order.done(0)
    assert await taken(order, 2, 1) == ["x", "2"]
    assert await taken(order, 1, 2) is None
    assert order.blocked
    order.done(1)
    assert await taken(order, 5, 2) == ["3"]
    assert (order.repeated, order.exact) == (0, False)


async def test_a_row_has_several_names() -> None:
    """A set waits for each of them."""
    source = Source([("1", "a"), ("2", "b"), ("3", "A"), ("4", "c")])
    order = Order(source, [ID, NAME])
    assert await taken(order, 1, 0) == ["1"]
    assert await taken(order, 3, 1) == ["2"]
    assert order.blocked
    order.done(0)
    assert await taken(order, 3, 2) == ["3", "4"]


async def test_who_waits_is_woken() -> None:
    """By the end of the batch that it waits for, and by a stop."""
    order = made("1", "1")
    await order.take(1, 0)
    assert await order.take(1, 1) is None
    going = True
    waiting = asyncio.create_task(order.admit(lambda: going))
    await asyncio.sleep(0)
    order.wake()
    await asyncio.sleep(0)
    assert not waiting.done()
    going = False
    order.wake()
    await waiting
    going = True
    waiting = asyncio.create_task(order.admit(lambda: going))
    order.done(0)
    await waiting
    await order.admit(lambda: going)


async def test_counting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind so many different keys, only those within a batch are counted, which is said."""
    monkeypatch.setattr(module, "COUNTED", 3)
    order = made("1", "2", "2", "1", "5", "5", "1", "7")
    for index in range(4):
        await order.take(2, index)
        order.done(index)
    assert (order.repeated, order.exact) == (3, False)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["1", "01", " 1", "2", "3", "4", "5", "6", "x", None]), max_size=60),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_each_row_sees_its_sets_in_order(ids: list[str | None], lanes: int, chance: random.Random) -> None:
    """With any lanes, sizes and durations, every set is given once, and no two batches in flight share a row."""

    async def run() -> list[int]:
        order = Order(Source([(one,) for one in ids]), [ID])
        flying: dict[int, Batch] = {}
        ended: list[int] = []
        index = 0
        while True:
            batch = await order.take(chance.randint(1, 9), index) if len(flying) < lanes else None
            if batch is not None:
                flying[index] = batch
                index += 1
                continue
            if not flying:
                assert not order.held
                return ended
            _apart(list(flying.values()))
            chosen = chance.choice(list(flying))
            batch = flying.pop(chosen)
            ended += range(batch.first, batch.first + len(batch.sets))
            order.done(chosen)

    ended = asyncio.run(run())
    assert sorted(ended) == list(range(1, len(ids) + 1))
    for key in {_key(one) for one in ids}:
        mine = [n for n in ended if _key(ids[n - 1]) == key]
        assert mine == sorted(mine)


def _key(text: str | None) -> object:
    return text if text in {None, "x"} else int(str(text))


def _apart(batches: list[Batch]) -> None:
    keys = [{_key(values[0]) for values in batch.sets} for batch in batches]  # type: ignore[arg-type] # texts
    assert all("x" not in found for found in keys) or len(keys) == 1
    assert sum(map(len, keys)) == len(set().union(*keys))
