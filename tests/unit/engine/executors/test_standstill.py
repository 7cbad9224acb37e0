"""A process that stood still."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bulkq.engine.executors import standstill
from bulkq.engine.executors.standstill import StandstillWatch

if TYPE_CHECKING:
    import pytest


async def test_a_standstill_is_noticed_before_tasks_go_on() -> None:
    """The watch notices it once, before a task whose answer arrived meanwhile."""
    order: list[str] = []
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await answer
        order.append("task")

    task = asyncio.create_task(wait())
    watch = StandstillWatch(0.7, lambda: order.append("noticed"))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon_threadsafe(answer.set_result, None)
    time.sleep(0.8)
    await task
    watch.look()
    assert order == ["noticed", "task"]


async def test_a_message_is_looked_at_first() -> None:
    """The receiver of a message may look before the timer does; a closed watch notices nothing."""
    noticed: list[int] = []
    for open_still in (True, False):
        watch = StandstillWatch(0.1, lambda: noticed.append(1))
        watch.look()
        if not open_still:
            watch.close()
        time.sleep(0.15)
        watch.look()
    assert noticed == [1]


async def test_a_process_that_works_does_not_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of each look counts from the one before."""
    monkeypatch.setattr(standstill, "LOOK_S", 0.02)
    noticed: list[int] = []
    watch = StandstillWatch(1.0, lambda: noticed.append(1))
    await asyncio.sleep(1.1)
    watch.look()
    watch.close()
    assert not noticed
