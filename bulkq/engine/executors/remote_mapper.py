"""`--map` in workers, for rows that came from them as values. Rows that workers encode are mapped there before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from bulkq.engine.executors.worker_channel import WorkerLost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.engine.executors.worker_channel import WorkerChannel
    from bulkq.model import BatchResult, SetError

LOOK_S = 0.5
"""Seconds between two looks for a worker."""


class RemoteMapper:
    """Implements `bulkq.protocols.Mapper` with the workers of a run.

    Args:
        part: number of the part whose rows are mapped.
        workers: returns the sessions that can be used now.
    """

    def __init__(self, part: int, workers: Callable[[], Sequence[WorkerChannel]]) -> None:
        self._part = part
        self._workers = workers

    async def __call__(self, result: BatchResult) -> tuple[BatchResult, tuple[SetError, ...]]:
        """Return the rows that the function gives. If a worker is lost, another one maps them; without any, wait for one."""
        if not result.rows:
            return result, ()
        while True:
            channel = min(self._workers(), key=lambda one: one.connections, default=None)
            if channel is None:
                await asyncio.sleep(LOOK_S)
                continue
            try:
                return cast(
                    "tuple[BatchResult, tuple[SetError, ...]]", await channel.request("map", self._part, result)
                )
            except WorkerLost:
                continue
