"""The executor of a run."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from bulkq.errors import TargetError
from bulkq.lifecycle.open_executor import open_executor
from bulkq.model import ExecutorChoice
from bulkq.model.run import make_run


async def test_a_run_without_one_has_no_workers() -> None:
    """Its batches are executed in this process."""
    async with AsyncExitStack() as stack:
        assert await open_executor(make_run(), "ngr0000000", print, stack) is None


async def test_a_scheduler_that_is_not_there_is_named() -> None:
    """Nothing listens on the port."""
    request = make_run()
    choice = ExecutorChoice(text="dask=tcp://127.0.0.1:9", address="tcp://127.0.0.1:9")
    request = replace(request, limits=replace(request.limits, executor=choice))
    with pytest.raises(TargetError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        async with AsyncExitStack() as stack:
            await open_executor(request, "ngr0000000", print, stack)
