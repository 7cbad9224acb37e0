"""Carry out the steps of a job in this order: open, preflight, record, execute, finish."""

from __future__ import annotations

import contextlib
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError

if TYPE_CHECKING:
    from bulkq.lifecycle.job import (
        ExecutedType,
        Job,
        JobType,
        LookedType,
        OpenedType,
        RecordedType,
        Steps,
    )
    from bulkq.model import RunSummary


async def carry_out(
    steps: Steps[JobType, OpenedType, LookedType, RecordedType, ExecutedType], job: JobType
) -> RunSummary:
    """Take `job` through `steps`, announce it, and close what it has opened.

    Raises:
        BulkqError: no statement of the user was executed: usage (2), target (3), refused (4).
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_close_ledger, job)
        opened = await steps.open(job, stack)
        try:
            looked = await steps.preflight(opened)
            recorded = await steps.record(looked)
        except BaseException:
            opened.discard()
            raise
        line = steps.first_line(recorded)
        opened.progress.begin([part.source.total for part in recorded.parts], time.monotonic())
        for observer in opened.observers:
            observer.started(opened.progress)
            observer.notice(line)
        executed = await steps.execute(recorded)
        summary = await steps.finish(recorded, executed)
        for observer in opened.observers:
            observer.finished(summary)
        return summary


async def _close_ledger(job: Job) -> None:
    with contextlib.suppress(BulkqError, ImportError):  # the error was raised where the ledger was needed
        await (await job.ledger).close()
