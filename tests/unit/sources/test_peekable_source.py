"""Looking at the first sets before a run loses none of them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from bulkq.sources.peekable_source import PeekableSource
from tests.support.sources import batches, opened, query

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("looked", "size"), [(3, 2), (3, 3), (3, 5), (100, 4), (None, 4)])
async def test_looking_first(looked: int | None, size: int) -> None:
    """The sets, their numbers and their batches are those of the source, looked at or not."""
    source = PeekableSource(await opened("range:id=1..10", query("id")))
    assert (source.total, source.typed, source.replayable) == (10, False, True)
    if looked is not None:
        head = await source.peek(looked)
        assert head is not None
        assert len(head.sets) == min(10, looked)
        assert await source.peek(looked) is head
    found = await batches(source, size)
    assert [one for b in found for one in b.sets] == [(str(i),) for i in range(1, 11)]
    assert [b.index for b in found] == list(range(len(found)))
    assert found[0].first == 1
    assert all(b.first + len(b.sets) == after.first for b, after in pairwise(found))
    assert source.fraction() == 1.0


async def test_a_first_helping_that_is_short(tmp_path: Path) -> None:
    """A file is asked once more; what comes is one batch with the lines and the position of both."""
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n" + "".join(f"{i},\n\n" for i in range(1, 6)))
    source = PeekableSource(await opened(str(path), query("a"), extra=True))
    head = await source.peek(4)
    assert head is not None
    assert (len(head.sets), list(head.lines)) == (3, [2, 4, 6])
    assert head.end is not None
    assert head.end.n == 3
    found = await batches(source, 2)
    assert [b.first for b in found] == [1, 3, 4, 5]
    assert [b.end.n if b.end else None for b in found] == [None, 3, 4, 5]


async def test_nothing_to_look_at() -> None:
    """A source without sets has none afterwards either."""
    source = PeekableSource(await opened("range:id=1..1", query("id")))
    assert await source.peek(5) is not None
    assert await source.take(5, 0) is not None
    assert await source.peek(5) is None
    assert await source.take(5, 1) is None
