"""Parameter sets of the Python API: mappings from lists, generators and asynchronous generators."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import ParameterError
from bulkq.model import Parameter
from bulkq.sources.iterable import MappingSource
from tests.support.sources import batches, query, sets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

AB = query("a", "b", file=None)


async def test_values_stay_as_they_are() -> None:
    """Python values go to the driver untouched; any mapping will do."""
    marker = object()
    source = MappingSource(AB, [{"a": 1, "b": None}, MappingProxyType({"b": marker, "a": [1]})])
    assert (source.typed, source.replayable, source.total, source.fraction()) == (True, False, 2, 0.0)
    assert await sets(source) == [(1, None), ([1], marker)]
    assert source.fraction() == 1.0


async def test_defaults() -> None:
    """A text default becomes a value of its declared type."""
    wanted = query("a", Parameter("b", type="int", default="7", has_default=True), Parameter("c", has_default=True))
    assert await sets(MappingSource(wanted, [{"a": 1}, {"a": 2, "b": 3, "c": 4}])) == [(1, 7, None), (2, 3, 4)]


async def test_generators_are_consumed_as_we_go() -> None:
    """No set is made before it is asked for, and the generator is closed."""
    made: list[int] = []
    closed: list[bool] = []

    def generate() -> Iterator[Mapping[str, object]]:
        try:
            for i in range(100):
                made.append(i)
                yield {"a": i, "b": i}
        finally:
            closed.append(True)

    source = MappingSource(AB, generate())
    assert (source.total, source.fraction()) == (None, None)
    await source.take(5, 0)
    assert made == [0, 1, 2, 3, 4]
    await source.close()
    await source.close()
    assert closed == [True]
    assert await source.take(5, 1) is None


async def test_asynchronous_generators() -> None:
    """What is there is given without waiting for a whole batch; all of it runs in one task."""
    gate = asyncio.Event()
    tasks: set[object] = set()

    async def generate() -> AsyncIterator[Mapping[str, object]]:
        for i in range(7):
            tasks.add(asyncio.current_task())
            if i == 2:
                await gate.wait()
            yield {"a": i, "b": i}

    source = MappingSource(AB, generate())
    first = await source.take(5, 0)
    assert first is not None
    assert first.sets == [(0, 0), (1, 1)]
    gate.set()
    rest = [one for batch in await batches(source, 3) for one in batch.sets]
    assert rest == [(i, i) for i in range(2, 7)]
    assert len(tasks) == 1
    assert asyncio.current_task() not in tasks


async def test_asynchronous_generator_is_at_most_a_batch_ahead() -> None:
    """Memory does not grow with a generator that is faster than the database; leaving it closes it."""
    made: list[int] = []
    closed: list[bool] = []

    async def generate() -> AsyncIterator[Mapping[str, object]]:
        try:
            for i in range(1000):
                made.append(i)
                yield {"a": i, "b": i}
        finally:
            closed.append(True)

    source = MappingSource(AB, generate())
    for index in range(3):
        await source.take(10, index)
    assert len(made) <= 40
    await source.close()
    await source.close()
    assert closed == [True]
    assert await source.take(1, 9) is None


async def test_closing_before_the_first_set() -> None:
    """Nothing was started, nothing is left."""

    async def generate() -> AsyncIterator[Mapping[str, object]]:
        yield {}

    source = MappingSource(AB, generate())
    await source.close()
    assert await source.take(1, 0) is None


class Counted:
    """An asynchronous iterator that is no generator."""

    def __init__(self) -> None:
        self.n = 0

    def __aiter__(self) -> Counted:
        return self

    async def __anext__(self) -> Mapping[str, object]:
        self.n += 1
        if self.n > 3:
            raise StopAsyncIteration
        return {"a": self.n, "b": 0}


async def test_asynchronous_iterators() -> None:
    """Anything that `async for` takes."""
    assert await sets(MappingSource(AB, Counted())) == [(1, 0), (2, 0), (3, 0)]


async def test_errors_of_the_generator() -> None:
    """They reach the caller after the sets before them, as they are, and stay."""

    def generate() -> Iterator[Mapping[str, object]]:
        yield {"a": 1, "b": 1}
        raise LookupError("mine")

    async def generate_slowly() -> AsyncIterator[Mapping[str, object]]:
        for one in generate():
            yield one

    for source in (MappingSource(AB, generate()), MappingSource(AB, generate_slowly())):
        assert await source.take(1, 0) is not None
        for _ in range(2):
            with pytest.raises(LookupError, match="mine"):
                await source.take(1, 1)
        await source.close()


BAD = [
    ({"a": 1}, 'parameter set 2: no key "b" for :b of q; there is "a"'),
    ({"a": 1, "b": 2, "c": 3}, 'parameter set 2: key "c" is not used by q'),
    ({"a": 1, "b": 2, 3: 3}, 'parameter set 2: key "3" is not used by q'),
    ({1: 1}, 'parameter set 2: no key "a" for :a of q; there is "1"'),
    ((1, 2), "parameter set 2: expected a mapping of names to values, found tuple"),
    ("ab", "parameter set 2: expected a mapping of names to values, found str"),
]


@pytest.mark.parametrize("size", [1, 10])
@pytest.mark.parametrize(("bad", "message"), BAD)
async def test_sets_that_do_not_fit(bad: object, message: str, size: int) -> None:
    """Each is named with its number."""
    source = MappingSource(AB, [{"a": 1, "b": 2}, bad])  # type: ignore[list-item]
    with pytest.raises(ParameterError) as caught:
        await sets(source, size)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [[], (), "abc", None, 5])
async def test_lists(value: object) -> None:
    """A list parameter needs a list with something in it."""
    assert await sets(MappingSource(query("a*"), [{"a": [1]}, {"a": (2,)}])) == [([1],), ((2,),)]
    with pytest.raises(
        ParameterError, match=r"^parameter set 1: :a\* of q.sql:q needs a list with at least one value$"
    ):
        await sets(MappingSource(query("a*"), [{"a": value}]))


async def test_one_mapping_is_not_many() -> None:
    """Who forgets the brackets is told so."""
    with pytest.raises(
        ParameterError, match=r"^expected a list of parameter sets, found one mapping: write \[\{...\}\]$"
    ):
        MappingSource(AB, {"a": 1, "b": 2})  # type: ignore[dict-item]


async def test_no_sets() -> None:
    """An empty list is a run without sets."""
    source = MappingSource(AB, [])
    assert (source.total, source.fraction()) == (0, 1.0)
    assert await source.take(1, 0) is None
