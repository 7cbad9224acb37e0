"""Waiting for a run, and stopping it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from bulkq.api.stop_runs import LEFT, outcome, outcome_or_stop, outlive, stop_run
from bulkq.engine.stop_control import Control
from bulkq.errors import StoppedError

if TYPE_CHECKING:
    from bulkq.model import RunSummary

SUMMARY = cast("RunSummary", object())


async def a_run(control: Control) -> RunSummary:
    """Run until `control` cancels, and then for nine more turns of the event loop."""
    cancelled = asyncio.Event()
    control.attach(on_drain=lambda: None, on_cancel=cancelled.set)
    await cancelled.wait()
    for _ in range(9):
        await asyncio.sleep(0)
    return SUMMARY


@pytest.mark.parametrize("times", [1, 2])
async def test_a_caller_that_is_cancelled_stops_the_run(times: int) -> None:
    """The caller waits for the end of the run. If it is cancelled again, it does not, and the run ends by itself."""
    control = Control()
    control.begun = True
    run = asyncio.create_task(a_run(control))
    caller = asyncio.create_task(outcome_or_stop(run, control))
    await asyncio.sleep(0)
    for _ in range(times):
        caller.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await asyncio.wait((caller,))
    assert caller.cancelled()
    assert run.done() is (times == 1)
    assert await run is SUMMARY
    assert control.reason == "cancelled"


async def test_a_run_that_has_not_begun_is_given_up() -> None:
    """It may wait for a server that does not answer."""
    control = Control()
    run = asyncio.create_task(a_run(control))
    await asyncio.sleep(0)
    stop_run(run, control, "because")
    with pytest.raises(StoppedError, match="^the run was cancelled$"):
        await outcome(run)


@pytest.mark.parametrize("cancel", [True, False])
async def test_a_task_keeps_the_run_in_its_group(cancel: bool) -> None:
    """When the group is cancelled, the run is stopped and waited for."""
    control = Control()
    control.begun = True
    run = asyncio.create_task(a_run(control))
    task = asyncio.create_task(outlive(run, control))
    await asyncio.sleep(0)
    (task.cancel if cancel else lambda: stop_run(run, control, LEFT))()
    await asyncio.wait((task,))
    assert (run.done(), control.reason) == (True, LEFT)
