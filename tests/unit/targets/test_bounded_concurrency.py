"""Work on many targets: bounded, in order, and over at the first error."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from bulkq.targets.bounded_concurrency import gather_concurrently, map_concurrently


async def test_results_come_in_order_and_no_more_than_so_many_run_at_once() -> None:
    """However long each takes."""
    running, most = 0, 0

    async def work(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(10 - item):
            await asyncio.sleep(0)
        running -= 1
        return item * item

    assert await gather_concurrently(range(10), work, at_once=3) == [n * n for n in range(10)]
    assert most == 3


async def test_the_first_error_ends_the_others() -> None:
    """It is raised though earlier items have not ended, once these have been cancelled."""
    ended: list[str] = []

    async def work(item: str) -> None:
        try:
            if item == "bad":
                raise ValueError(item)
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(ValueError, match="^bad$"):
        await gather_concurrently(["slow", "bad"], work, at_once=2)
    assert ended == ["bad", "slow"]


async def test_a_caller_may_stop_early() -> None:
    """What runs is cancelled; an error that nobody waited for is not told."""
    ended: list[int] = []

    async def work(item: int) -> int:
        try:
            if item:
                await asyncio.Event().wait()
            return item
        finally:
            ended.append(item)

    async with aclosing(map_concurrently([0, 1], work, at_once=2)) as results:
        assert await anext(results) == 0
    assert ended == [0, 1]


async def test_nothing_to_connect_to() -> None:
    """Gives nothing."""

    async def work(item: int) -> int:
        return item

    assert await gather_concurrently([], work, at_once=1) == []
