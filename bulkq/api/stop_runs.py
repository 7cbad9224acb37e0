"""Wait for a run, and stop it when the task that waits is cancelled, once or again and again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.errors import StoppedError

if TYPE_CHECKING:
    from bulkq.engine.stop_control import Control
    from bulkq.model import RunSummary


LEFT = "bulkq.open was left"
"""The reason of a run that was stopped with its database."""


def stop_run(task: asyncio.Task[RunSummary], control: Control, reason: str) -> None:
    """Stop the run of `task`. One that has begun cancels its statements on the server and records that it was stopped."""
    control.cancel(reason)
    if not control.begun:
        task.cancel()  # it may wait for a server that does not answer


async def outcome(task: asyncio.Task[RunSummary]) -> RunSummary:
    """Wait for the run of `task`. If the caller is cancelled, the run goes on.

    Raises:
        StoppedError: something else has cancelled the run.
        BulkqError: as the run raises it.
    """
    await asyncio.wait((task,))
    if task.cancelled():
        raise StoppedError("the run was cancelled")
    return task.result()


async def outcome_or_stop(task: asyncio.Task[RunSummary], control: Control) -> RunSummary:
    """Wait for the run of `task`. If the caller is cancelled, the run is stopped, and waited for.

    A caller that is cancelled again does not wait any longer, as the cancel scopes of anyio want it. The run then ends in the task group
    of `bulkq.open`. Errors are those of `outcome`.
    """
    try:
        return await outcome(task)
    except asyncio.CancelledError:
        stop_run(task, control, "cancelled")
        await asyncio.wait((task,))
        raise


async def outlive(task: asyncio.Task[RunSummary], control: Control) -> None:
    """Keep a run inside the task group: when the group is cancelled, the run is, and is waited for."""
    try:
        await asyncio.wait((task,))
    finally:
        if not task.done():
            stop_run(task, control, LEFT)
            await asyncio.wait((task,))
