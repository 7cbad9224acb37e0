"""Examine each target of `bulkq check` once before the run, with a maximum number of connections."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from bulkq.engine.pool import MOST_OPEN
from bulkq.errors import DatabaseError, RefusedError, StoppedError, TargetError, UsageError
from bulkq.lifecycle import open_targets
from bulkq.lifecycle.run_identity import identify, twins
from bulkq.protocols import SnapshotConnection
from bulkq.targets.connect_many import connect_all

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.protocols import Connection
    from bulkq.tasks.check.open_check import OpenChecks


async def connect(opened: OpenChecks) -> None:
    """Look at every target once, side by side. If one is not there, that is an error of its checks and of nothing else."""
    every = opened.databases
    await open_targets.side_by_side(every, partial(_look_at, opened), all_may_fail=True, reserved=opened.holders)
    if opened.request.snapshot:
        holders = [target for target in every if target.lost is None]
        await connect_all(holders, partial(_export, opened.stack), at_once=MOST_OPEN)
    for line in twins((one.label, one.database.physical, one.target.schema) for one in opened.targets):
        opened.job.say(f"{line}: its checks come once for each name")


async def _look_at(opened: OpenChecks, target: OpenTarget) -> None:
    limits = opened.request.run.limits
    left_s = None if opened.ends_s is None else opened.ends_s - time.monotonic()
    try:
        async with asyncio.timeout(left_s):
            await open_targets.visit(
                target,
                partial(_recognize, opened),
                connect_timeout_s=limits.connect_timeout_s,
                silent=" did not answer",
            )
    except TimeoutError:
        target.lose(StoppedError(f"{target.label} did not answer within the deadline of {limits.deadline_s:g}s"))


async def _recognize(opened: OpenChecks, target: OpenTarget, connection: Connection) -> None:
    """Find out which database this is, where two may be one."""
    if opened.compares:
        target.identity, target.physical = await identify(connection, target.definition.url)
    target.server = connection.server


async def _export(stack: AsyncExitStack, target: OpenTarget) -> None:
    """One transaction that stays open to the end: the others see what it sees."""
    connection = await target.driver.connect()
    stack.push_async_callback(connection.close)
    holder = exporter(connection, target.label)
    try:
        target.snapshot = await holder.export_snapshot()
    except DatabaseError as error:
        target.lose(TargetError(f"no snapshot: {error}"))


def exporter(connection: Connection, name: str) -> SnapshotConnection:
    """`connection`, where others can see what it sees.

    Raises:
        UsageError: its database shares no snapshots.
        RefusedError: it goes through a pooler.
    """
    if not isinstance(connection, SnapshotConnection):
        raise UsageError(f"--snapshot: {name} cannot share a snapshot: it needs postgresql://, leave it out")
    if connection.server.pooled:
        raise RefusedError(
            f"--snapshot: {name} is reached through a pooler, where a snapshot is not kept: connect to the server itself"
        )
    return connection
