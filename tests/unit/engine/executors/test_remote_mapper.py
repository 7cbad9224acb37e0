"""Rows that workers map."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.engine.executors.remote_mapper import RemoteMapper
from bulkq.model import Batch, BatchResult, Column
from tests.support.parts import READ

if TYPE_CHECKING:
    from tests.support.loopback_workers import LoopbackWorker


async def test_another_worker_maps_what_a_lost_one_did_not(workers: list[LoopbackWorker]) -> None:
    """Without any worker, the rows wait."""
    result = BatchResult(Batch(0, 1, [()]), READ, "t", (Column("a"),), [[1]], [0], ok=1)  # type: ignore[arg-type]

    async def mapped(number: int, given: BatchResult) -> tuple[BatchResult, tuple[object, ...]]:
        return given, (number,)

    for worker in workers:
        worker.session.on_map = mapped  # type: ignore[assignment]
    alive = workers[:1]
    mapping = RemoteMapper(7, lambda: [one.channel for one in alive if not one.channel.lost])
    workers[0].channel.lose("gone")
    waiting = asyncio.create_task(mapping(result))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    alive.append(workers[1])
    found, errors = await waiting
    assert (list(found.values[0]), errors) == ([1], (7,))
    nothing = BatchResult(Batch(0, 1, [()]), READ, "t", (), (), (), ok=1)  # type: ignore[arg-type]
    assert await mapping(nothing) == (nothing, ())
