"""Workers in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.loopback_workers import LoopbackWorker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def worker() -> AsyncIterator[LoopbackWorker]:
    """One worker."""
    one = LoopbackWorker()
    yield one
    await one.close()


@pytest_asyncio.fixture
async def workers() -> AsyncIterator[list[LoopbackWorker]]:
    """Two workers."""
    both = [LoopbackWorker("w1"), LoopbackWorker("w2")]
    yield both
    for one in both:
        await one.close()
