"""Ranges: sets, slices, and what is no range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.errors import ParameterError
from bulkq.sources.column_feed import WantedColumns
from bulkq.sources.constants_and_ranges import RangeFeed
from tests.support.sources import opened, query, sets

RANGES = {
    "range:id=1..4": ("id", [1, 2, 3, 4]),
    "range:id=-2..+1": ("id", [-2, -1, 0, 1]),
    "range:id=5..5": ("id", [5]),
    "range:id=1..10/4": ("lo hi", [(0, 4), (4, 8), (8, 10)]),
    "range:id=-5..4/5": ("lo hi", [(-6, -1), (-1, 4)]),
    "range:id=1..2/1000": ("hi lo", [(2, 0)]),
}


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("spec", RANGES)
async def test_ranges(spec: str, size: int) -> None:
    """Both ends are included; slices are (lo, hi]."""
    names, numbers = RANGES[spec]
    expected = [n if isinstance(n, tuple) else (n,) for n in numbers]
    wanted = query(*names.split())
    source = await opened(spec, wanted, text=False)
    assert (source.total, source.replayable, source.fraction()) == (len(expected), True, 0.0)
    assert await sets(source, size) == expected
    assert source.fraction() == 1.0
    as_text = [tuple(map(str, one)) for one in expected]
    assert await sets(await opened(spec, wanted), size) == as_text


async def test_a_huge_range_costs_nothing() -> None:
    """More numbers than memory has bytes are a total and a start."""
    source = await opened(f"range:id=1..{10**25}", query("id"))
    assert source.total == 10**25
    batch = await source.take(2, 0)
    assert batch is not None
    assert (batch.sets, batch.origin(0)) == ([("1",), ("2",)], "")
    await source.close()
    assert await source.take(2, 1) is None


NO_RANGES = {
    "range:id=5..4": "the range ends before it starts",
    "range:id=1..4/0": "the step must be 1 or more",
    "range:id=1..4/-2": "the step must be 1 or more",
    "range:1..4": "write range:id=1..1000000, or range:id=1..1000000/1000",
    "range:id=1..": "write range:id=1..1000000, or range:id=1..1000000/1000",
    "range:id=1.5..4": "write range:id=1..1000000, or range:id=1..1000000/1000",
    "range:": "write range:id=1..1000000, or range:id=1..1000000/1000",
}


@pytest.mark.parametrize("spec", NO_RANGES)
async def test_no_ranges(spec: str) -> None:
    """Each is one line with the specification."""
    with pytest.raises(ParameterError) as caught:
        await opened(spec, query("id"))
    assert str(caught.value) == f'-p "{spec}": {NO_RANGES[spec]}'


async def test_slices_give_lo_and_hi() -> None:
    """Who wants the name of the range as a parameter is told which there are."""
    with pytest.raises(ParameterError) as caught:
        await opened("range:id=1..4/2", query("id"), extra=True)
    assert str(caught.value) == '-p range:id=1..4/2: no column "id" for :id of q.sql:q; there are "lo", "hi"'


@given(st.integers(-50, 50), st.integers(0, 120), st.integers(1, 130), st.integers(1, 20))
async def test_slices_cover_every_number_once(first: int, length: int, step: int, size: int) -> None:
    """No gap, no overlap, no more than `step` numbers in a slice."""
    source = RangeFeed(f"range:id={first}..{first + length}/{step}", text=False)
    source.want(WantedColumns(("lo", "hi"), "q", {}))
    covered: list[int] = []
    while (block := await source.read(size)) is not None:
        for low, high in zip(*block.columns, strict=True):
            assert isinstance(low, int)
            assert isinstance(high, int)
            assert 0 < high - low <= step
            covered.extend(range(low + 1, high + 1))
    assert covered == list(range(first, first + length + 1))
