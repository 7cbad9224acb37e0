"""Open the executor of a run that has one. A run without one imports nothing of workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    from bulkq.lifecycle.prepare_workers import OpenExecutor
    from bulkq.model import Run


async def open_executor(
    request: Run, run: str, say: Callable[[str], None], stack: AsyncExitStack
) -> OpenExecutor | None:
    """Return the workers of a run; None if batches are executed in this process.

    Raises:
        MissingDriver: the package is not installed.
        TargetError: there is no scheduler, or no worker.
        RefusedError: workers have other versions.
    """
    choice = request.limits.executor
    if choice is None:
        return None
    from bulkq.lifecycle.prepare_workers import begin_sessions

    return await begin_sessions(request, choice, run, say, stack)
