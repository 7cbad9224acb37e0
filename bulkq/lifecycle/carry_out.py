"""Carry out the steps of a run in this order: open, preflight, record, execute, finish."""

from __future__ import annotations

import contextlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError
from bulkq.lifecycle.execute import execute
from bulkq.lifecycle.finish import finish
from bulkq.lifecycle.open import open_run
from bulkq.lifecycle.preflight import look_first
from bulkq.lifecycle.record import begin

if TYPE_CHECKING:
    from bulkq.lifecycle.job import Job
    from bulkq.model import RunSummary


async def carry_out(job: Job) -> RunSummary:
    """Carry out `job`, which is a new run, a resume or a retry, and return its summary.

    Raises:
        BulkqError: no statement of the user was executed: usage (2), target (3), refused (4).
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_close_ledger, job)
        opened = await open_run(job, stack)
        try:
            await look_first(opened)
            recorded = await begin(opened)
        except BaseException:
            opened.discard()
            raise
        failures = await execute(opened, recorded)
        return await finish(opened, recorded, failures)


async def _close_ledger(job: Job) -> None:
    with contextlib.suppress(BulkqError, ImportError):  # the error was raised where the ledger was needed
        await (await job.ledger).close()
