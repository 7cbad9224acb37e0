"""Take the first sets of a source and forget them, where it cannot be sought."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.sources.prefix_digest import refuse_changed_source

if TYPE_CHECKING:
    from bulkq.protocols import ParameterSource

SKIPPED = 10_000
"""Sets that are taken at a time where a source can only be read on."""


async def skip_sets(source: ParameterSource, name: str, n: int) -> None:
    """Take the first `n` sets of `source` and forget them.

    Raises:
        RefusedError: there are fewer.
    """
    skipped = 0
    while skipped < n:
        batch = await source.take(min(SKIPPED, n - skipped), 0)
        if batch is None:
            raise refuse_changed_source(name, n)
        skipped += len(batch.sets)
        await asyncio.sleep(0)  # files never make us wait, so without this no signal would be heard
