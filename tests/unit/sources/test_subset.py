"""Some of the sets of a source: what is left of a run, and what failed."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from bulkq.sources import Request, open_source
from bulkq.sources.peekable_source import PeekableSource
from bulkq.sources.subset import RemainingSets, SelectedSets
from tests.support.sources import batches, opened, query

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from bulkq.model import Batch

COUNT = 60
NUMBERS = st.sets(st.integers(1, COUNT + 5))


def ranges(numbers: set[int]) -> list[tuple[int, int]]:
    """Merged and ascending."""
    groups = [list(g) for _, g in groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0])]
    return [(group[0][1], group[-1][1]) for group in groups]


def check(found: list[Batch], expected: list[int], size: int) -> None:
    """Every set has its number, and the batches are as batches are."""
    assert [(b.first + i, one) for b in found for i, one in enumerate(b.sets)] == [(n, (str(n),)) for n in expected]
    assert [b.index for b in found] == list(range(len(found)))
    assert all(1 <= len(b.sets) <= size for b in found)
    assert all(b.end is None or b.end.n == b.first + len(b.sets) - 1 for b in found)


@settings(max_examples=60, deadline=None)
@given(NUMBERS, st.integers(1, 70), st.integers(0, 80))
async def test_what_is_left(done: set[int], size: int, looked: int) -> None:
    """The sets that are given are exactly those that are not done, looked at before or not."""
    source = RemainingSets(await opened(f"range:id=1..{COUNT}", query("id")), ranges(done))
    expected = [n for n in range(1, COUNT + 1) if n not in done]
    assert source.total == len(expected)
    assert (source.typed, source.replayable) == (False, True)
    if not looked:
        check(await batches(source, size), expected, size)
        assert source.fraction() == 1.0
        return
    peeked = PeekableSource(source)
    head = await peeked.peek(looked)
    assert (head is None) == (not expected)
    check(await batches(peeked, size), expected, size)


@settings(max_examples=40, deadline=None)
@given(NUMBERS, st.integers(1, 70))
async def test_only_some(numbers: set[int], size: int) -> None:
    """The sets that are given are exactly those that were asked for, as far as there are any."""
    source = SelectedSets(await opened(f"range:id=1..{COUNT}", query("id")), ranges(numbers))
    assert source.total == len(numbers)
    expected = sorted(n for n in numbers if n <= COUNT)
    check(await batches(source, size), expected, size)
    assert (source.total, source.fraction()) == (len(expected), 1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), NUMBERS, st.integers(1, 30))
async def test_behind_a_position(first: int, further: int, more: set[int], size: int) -> None:
    """A source that begins behind a position within the first range that is done gives the rest."""
    request = Request(specs=(f"range:id=1..{COUNT}",))
    whole = await open_source(request, query("id"), text=True)
    batch = await whole.take(first, 0)
    await whole.close()
    assert batch is not None
    done = set(range(1, first + further)) | more
    source = RemainingSets(await open_source(request, query("id"), text=True, start=batch.end), ranges(done))
    expected = [n for n in range(1, COUNT + 1) if n not in done]
    assert source.total == len(expected)
    check(await batches(source, size), expected, size)


async def test_positions_and_lines(tmp_path: Path) -> None:
    """Batches end where the source stands, so a run that is resumed can be resumed again."""
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f"{i},\n\n" for i in range(1, 41)))
    done = [(1, 7), (11, 12), (30, 30)]
    source = RemainingSets(await opened(str(path), query("a"), extra=True), done)
    assert source.total is None
    found = await batches(source, 6)
    check(found, [n for n in range(1, 41) if not any(a <= n <= b for a, b in done)], 6)
    assert source.total == 30
    assert all(b.end is not None for b in found)
    assert all(b.origin(0) == f"{path}:{2 * b.first}" for b in found)
    for stop, (batch, after) in enumerate(pairwise(found), 1):
        request = Request(specs=(str(path),), ignore_extra_columns=True)
        again = await open_source(request, query("a"), text=True, start=batch.end)
        left = await batches(RemainingSets(again, [(1, batch.first + len(batch.sets) - 1), (30, 30)]), 6)
        numbers = [n for b in left for n in range(b.first, b.first + len(b.sets))]
        assert numbers[-1] == 40
        assert after.first in numbers
        assert len(found) >= stop


async def test_long_ways_are_skipped_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap of any length is read without holding it, and what comes behind the last number is not read at all."""
    monkeypatch.setattr("bulkq.sources.subset.SKIPPED", 4)
    inner = await opened("range:id=1..1000", query("id"))
    source = SelectedSets(inner, [(3, 3), (50, 51)])
    assert source.fraction() == 0.0
    check([b for b in [await source.take(9, 0), await source.take(9, 1)] if b], [3, 50, 51], 9)
    assert await source.take(9, 2) is None
    assert inner.fraction() == 0.051
    assert await source.take(9, 3) is None
    await source.close()
