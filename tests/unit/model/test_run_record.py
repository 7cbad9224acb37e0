"""Places and numbers of the sets of a recorded run."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model.shard import Shard
from tests.support.ledgers import record


def test_a_record_knows_the_places_of_its_sets() -> None:
    """With a shard, ranges count its sets alone; without one, a place is the number."""
    whole = record()
    part = replace(whole, shard=Shard(2, 3))
    assert (whole.place(8), whole.number(8)) == (8, 8)
    assert (part.place(8), part.number(3)) == (3, 8)
