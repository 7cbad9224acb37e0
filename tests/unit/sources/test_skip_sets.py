"""Sets that are taken and forgotten."""

from __future__ import annotations

import pytest

from bulkq.errors import RefusedError
from bulkq.sources import Request, open_source
from bulkq.sources.skip_sets import skip_sets
from tests.support.sources import batches, query


async def test_the_next_set_is_the_one_behind() -> None:
    """What is skipped does not come again."""
    source = await open_source(Request(specs=("range:id=1..5",)), query("id"), text=True)
    await skip_sets(source, "range:id=1..5", 3)
    assert [one for batch in await batches(source) for one in batch.sets] == [("4",), ("5",)]


async def test_a_source_with_fewer_sets_has_changed() -> None:
    """There were as many when the run began."""
    source = await open_source(Request(specs=("range:id=1..5",)), query("id"), text=True)
    with pytest.raises(RefusedError, match=r"^range:id=1..5 changed since the run began"):
        await skip_sets(source, "range:id=1..5", 6)
