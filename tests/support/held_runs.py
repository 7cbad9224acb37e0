"""Runs in this process that go on until a test has seen enough, while throttles hold them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.lifecycle.backfill.validate_request import statement_of
from bulkq.model import Target
from bulkq.model.run import BackfillOptions, make_run
from bulkq.tasks.backfill import backfill
from bulkq.tasks.run import run
from tests.support.watchers import Watcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from bulkq.model import RunSummary

EVERY_S = 0.2
"""Seconds between two readings in cheap tests."""

LOAD = "create table load (n int primary key, t text)"
INSERT = "insert into load values (:n::int, repeat('x', 500))"
FIELDS = {"ledger": "none", "concurrency": 2, "write": True, "throttle_every_s": EVERY_S}


@asynccontextmanager
async def inserting(url: str, *throttle: str, sql: str = INSERT, **more: object) -> AsyncIterator[Watcher]:
    """A run that inserts 400 rows per second into the table of `LOAD`, and stops when the block ends.

    Args:
        url: of the database.
        throttle: expressions.
        sql: another statement.
        more: fields of the run.
    """
    fields = {
        "params": ("range:n=1..50000",),
        "batch": 5,
        "batch_given": True,
        "max_rate": "400/s",
        "idempotent": True,
    }
    request = make_run(
        queries=(queries.inline(sql, "postgres"),),
        targets=(Target(url=url),),
        throttle=throttle,
        **{**FIELDS, **fields, **more},
    )
    control, watcher = Control(), Watcher()
    async with _until_enough(control, watcher, run(request, control=control, observers=[watcher])):
        yield watcher


@asynccontextmanager
async def backfilling(url: str, over: str, assignment: str, *throttle: str, **more: object) -> AsyncIterator[Watcher]:
    """A backfill of a table in ranges of ten rows, which stops when the block ends, unless it has ended by itself."""
    options = BackfillOptions(over=over, assignments=(assignment,), min_rows=10, max_rows=10, first_rows=10)
    fields = {
        "queries": (statement_of(options, None, "postgres"),),
        "targets": (Target(url=url),),
        "throttle": throttle,
    }
    request = replace(make_run(**{**FIELDS, "format": "none", **fields, **more}), backfill=options)
    control, watcher = Control(), Watcher()
    async with _until_enough(control, watcher, backfill(request, control=control, observers=[watcher])):
        yield watcher


@asynccontextmanager
async def _until_enough(
    control: Control, watcher: Watcher, job: Coroutine[None, None, RunSummary]
) -> AsyncIterator[None]:
    watcher.control = control
    work = watcher.work = asyncio.create_task(job)
    try:
        yield
        control.drain("the test has seen enough")
        summary = await asyncio.wait_for(work, 30)
        assert summary.exit_code in {0, 5}, summary
        assert summary.failed == summary.unknown == 0, summary
    finally:
        if not work.done():
            control.cancel("the test failed")
            with suppress(Exception):
                await asyncio.wait_for(work, 30)
