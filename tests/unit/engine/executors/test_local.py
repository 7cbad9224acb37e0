"""Batches on the connection of one lane."""

from __future__ import annotations

import asyncio

from bulkq.engine.executors.local import LocalExecutor
from bulkq.engine.lane import Lane
from bulkq.engine.slots import LimiterSlot
from bulkq.model import Batch
from bulkq.policy.retry import Budget
from tests.support.lanes import part


async def test_the_local_executor_gives_one_result_for_a_batch(database: str) -> None:
    """Several sets come back whole, in the order of the sets; the connection is kept for the next lane."""
    one = part(database, "select v from t where id = :id", [])
    slot = LimiterSlot(asyncio.Semaphore(1))
    executor = LocalExecutor(Lane(one.sessions, Budget(), slot), [one])
    await executor.ready()
    result = await executor.execute(one.spec, Batch(0, 1, [(3,), (99,), (2,)]), out=None)  # type: ignore[arg-type]
    assert (result.ok, [list(column) for column in result.values], list(result.positions)) == (3, [[9, 4]], [0, 2])
    assert not executor.stranded
    await executor.close()
    await executor.discard()
    await one.sessions.close()
