"""Batches: their slices, and what a set is called."""

from __future__ import annotations

from dataclasses import fields

from bulkq.model import Batch
from bulkq.model.shard import Shard


def test_a_slice_keeps_the_numbers_and_names_of_its_sets() -> None:
    """A slice of two sets begins at the number of its first set; a slice of all is the batch itself."""
    batch = Batch(0, 11, (("a",), ("b",), ("c",)), names=("t1", "t2", "t3"))
    part = batch.slice(1, 2)
    assert (part.first, part.sets, part.names) == (12, (("b",), ("c",)), ("t2", "t3"))
    assert batch.slice(0, 3) is batch


def test_numbers_are_those_of_the_whole_input() -> None:
    """With a shard, the number of a set is not its place."""
    assert Batch(0, 11, (("a",), ("b",))).number(1) == 12
    assert Batch(0, 11, (("a",), ("b",)), shard=Shard(2, 3)).number(1) == Shard(2, 3).number(12)


def test_a_set_has_the_origin_that_is_known() -> None:
    """A line of a file, the file alone, the name of an object, or nothing."""
    sets = (("a",), ("b",))
    assert Batch(0, 1, sets, lines=(2, 5), source="c.csv").origin(1) == "c.csv:5"
    assert Batch(0, 1, sets, source="c.parquet").origin(1) == "c.parquet"
    assert Batch(0, 1, sets, names=("t1", "t2")).origin(1) == "t2"
    assert not Batch(0, 1, sets).origin(1)


def test_a_slice_keeps_every_other_field() -> None:
    """Also one that is added later: each of these values differs from its default."""
    other = {one.name: object() for one in fields(Batch) if one.name not in {"first", "sets", "names"}}
    part = Batch(first=7, sets=[(1,), (2,)], names=("a", "b"), **other).slice(1, 1)  # type: ignore[arg-type]
    assert (part.first, part.sets, part.names) == (8, [(2,)], ("b",))
    assert all(getattr(part, name) is value for name, value in other.items())
