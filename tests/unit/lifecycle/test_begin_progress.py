"""The counters of a job at its start."""

from __future__ import annotations

import asyncio
import os

from bulkq.engine.stop_control import Control
from bulkq.lifecycle.begin_progress import begin_progress
from bulkq.lifecycle.command_steps import Job


async def test_they_name_the_run_and_its_process() -> None:
    """A status needs the id, the command and the process, which the counters of the engine do not know."""
    job = Job(run="01kb4x", ledger=asyncio.get_running_loop().create_future(), control=Control())
    progress = begin_progress(job, None, name="norm_phone", command="backfill", mode="write", concurrency=None)
    assert (progress.run, progress.name, progress.command, progress.mode) == (
        "01kb4x",
        "norm_phone",
        "backfill",
        "write",
    )
    assert progress.concurrency is None
    assert f"process {os.getpid()}" in progress.process
