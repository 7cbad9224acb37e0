"""Objects are given in their order, and no two of one table at the same time."""

from __future__ import annotations

import asyncio

from bulkq.model.maintenance import MaintainedObject
from bulkq.sources.maintenance_object_source import ObjectSource


def index(name: str, table: str, *, last: bool = False) -> MaintainedObject:
    """An index of a table."""
    return MaintainedObject("index", "s", name, f"s.{table}", last)


async def names(source: ObjectSource) -> list[str]:
    """What the source gives until it has to wait, or is at its end."""
    found = []
    while source._waiting and source._next() is not None:
        batch = await source.take(1, 0)
        assert batch is not None
        found.append(batch.source)
    return found


async def test_m5_no_two_objects_of_one_table_are_in_flight() -> None:
    """Two concurrent index commands on one table deadlock; others of other tables go on."""
    source = ObjectSource()
    source.begin([index("a1", "a"), index("a2", "a"), index("b1", "b"), index("p", "p", last=True)], [(3, 3)])
    assert source.total == 3
    first = await source.take(8, 0)
    assert first is not None
    assert (first.first, first.sets, first.source) == (1, (("s.a1",),), "s.a1")
    assert source.object(2).name == "a2"
    assert await names(source) == []
    waiting = asyncio.create_task(source.take(1, 1))
    admitted = asyncio.create_task(source.admit(lambda: True))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert not admitted.done()
    source.settle(first)
    second = await waiting
    assert second is not None
    assert second.first == 2
    assert not admitted.done()
    source.wake()  # the object that comes last still waits for the second
    await asyncio.sleep(0)
    assert not admitted.done()
    source.settle(second)
    await admitted
    assert await names(source) == ["s.p"]
    assert await source.take(1, 3) is None
    assert source.fraction() is None
    await source.close()


async def test_a_lane_that_waits_sees_a_stop() -> None:
    """It holds nothing while it waits."""
    source = ObjectSource()
    source.begin([index("a1", "a"), index("a2", "a")])
    await source.take(1, 0)
    going = True
    waiting = asyncio.create_task(source.admit(lambda: going))
    await asyncio.sleep(0)
    going = False
    source.wake()
    await waiting


async def test_names_can_be_read_again() -> None:
    """All of them, whatever is in flight."""
    source = ObjectSource()
    source.begin([index("a1", "a"), index("a2", "a")], [(1, 1)])
    again = source.again()
    assert await names(again) == ["s.a1", "s.a2"]


async def test_quick_objects_are_given_together() -> None:
    """Those with consecutive numbers, of which no two belong to one table; one that is not quick, or comes last, is alone."""
    source = ObjectSource()
    made = [index(name, name) for name in "abcdef"]
    source.begin(
        [*made, index("f2", "f"), index("p", "p", last=True)], [(5, 5)], together=3, quick=[1, 2, 3, 4, 6, 7, 8]
    )
    found = []
    for size in (8, 8, 1, 8):
        batch = await source.take(size, 0)
        assert batch is not None
        found.append((batch.first, [batch.origin(at) for at in range(len(batch.sets))]))
        source.settle(batch)
    assert found == [(1, ["s.a", "s.b", "s.c"]), (4, ["s.d"]), (6, ["s.f"]), (7, ["s.f2"])]
    source.begin(made, together=3, quick=[2, 3])
    first, second = await source.take(3, 0), await source.take(3, 1)
    assert first is not None
    assert second is not None
    assert ([len(first.sets), len(second.sets)], second.slice(1, 1).names) == ([1, 2], ("s.c",))
    assert (second.slice(1, 1).first, second.slice(0, 2)) == (3, second)


async def test_an_object_waits_for_those_that_it_reads() -> None:
    """Also for one that is in flight; others go on meanwhile, and one that is not in the run is not waited for."""
    source = ObjectSource()
    view = MaintainedObject("materialized view", "s", "v", "s.v", after=("s.a", "s.away"))
    source.begin([view, index("a", "a"), index("b", "b")])
    first = await source.take(1, 0)
    assert first is not None
    assert first.source == "s.a"
    assert await names(source) == ["s.b"]
    source.settle(first)
    assert await names(source) == ["s.v"]
