"""The parameter sets of one shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.model.shard import Shard
from bulkq.sources import texts_of
from bulkq.sources.peekable_source import PeekableSource
from bulkq.sources.shard_source import MOST_READ, ShardSource
from bulkq.sources.subset import RemainingSets, SelectedSets
from tests.support.sources import batches, opened, query

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import Batch


def numbered(found: list[Batch]) -> list[tuple[int, object]]:
    """Numbers and values of the sets."""
    return [(batch.number(at), values[0]) for batch in found for at, values in enumerate(batch.sets)]


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize("count", [1, 3, 70])
async def test_every_nth_set(count: int, size: int) -> None:
    """The shards have each set once, with its number in the whole input; batches are as full as those of the whole."""
    every: list[tuple[int, object]] = []
    for index in range(1, count + 1):
        source = ShardSource(await opened("range:id=1..60", query("id")), Shard(index, count))
        assert source.total == len(range(index, 61, count))
        found = await batches(source, size)
        assert [batch.first for batch in found] == [1 + size * i for i in range(len(found))]
        assert all(len(batch.sets) == size for batch in found[:-1])
        every += numbered(found)
        assert source.fraction() == 1.0
        await source.close()
    assert sorted(every) == [(n, str(n)) for n in range(1, 61)]


async def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    """Line and file of a set are those of the whole input, in pieces and joined again."""
    (tmp_path / "r.csv").write_text("id\n" + "".join(f"{n}\n" for n in range(1, 11)))
    source = ShardSource(await opened(str(tmp_path / "r.csv"), query("id")), Shard(2, 3))
    assert texts_of(source) == {"id"}
    peeked = PeekableSource(source)
    head = await peeked.peek(2)
    assert head is not None
    assert [head.origin(at).rpartition("/")[2] for at in range(2)] == ["r.csv:3", "r.csv:6"]
    found = await batches(peeked, 1)
    assert numbered(found) == [(2, "2"), (5, "5"), (8, "8")]
    assert [batch.origin(0).rpartition("/")[2] for batch in found] == ["r.csv:3", "r.csv:6", "r.csv:9"]
    assert all(batch.end is None for batch in found)


async def test_what_is_left_of_a_shard() -> None:
    """A resume and a retry name sets by their places."""
    left = RemainingSets(ShardSource(await opened("range:id=1..20", query("id")), Shard(1, 4)), [(1, 2), (4, 4)])
    assert left.total == 2
    assert numbered(await batches(left, 9)) == [(9, "9"), (17, "17")]
    some = SelectedSets(ShardSource(await opened("range:id=1..20", query("id")), Shard(1, 4)), [(2, 3)])
    assert numbered(await batches(some, 9)) == [(5, "5"), (9, "9")]


async def test_large_batches_are_read_in_pieces() -> None:
    """One take reads no more than `MOST_READ` sets at a time, and goes on until it has one of the shard."""
    count = MOST_READ + 10
    source = ShardSource(await opened(f"range:id=1..{count}", query("id")), Shard(MOST_READ + 5, MOST_READ + 6))
    assert numbered(await batches(source, 100)) == [(MOST_READ + 5, str(MOST_READ + 5))]
