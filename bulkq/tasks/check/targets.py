"""Examine each target of `bulkq check` once before the run, with a maximum number of connections."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from bulkq.engine.pool import MOST_OPEN, ConnectionPool
from bulkq.errors import DatabaseError, RefusedError, TargetError, UsageError
from bulkq.lifecycle.run_identity import identity, physical, twins
from bulkq.protocols import SnapshotConnection
from bulkq.targets import open_target
from bulkq.targets.connect_many import connect_all

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from bulkq.protocols import Connection
    from bulkq.tasks.check.open_check import CheckDatabase, OpenChecks


async def connect(opened: OpenChecks, stack: AsyncExitStack) -> None:
    """Look at every target once, side by side: one that is not there is an error of its checks and of nothing else.

    Raises:
        UsageError: more snapshots are wanted than connections can be open.
    """
    every = opened.databases
    if opened.holders >= MOST_OPEN:
        raise UsageError(
            f"--snapshot keeps a connection open on each of {len(every)} targets, and {MOST_OPEN - 1} are possible: "
            "select fewer targets, or leave it out"
        )
    for target in every:
        driver = open_target(target.target, application_name=f"bulkq/{opened.run}", read_only=True)
        target.driver = driver
        target.name = target.target.name or driver.target
        target.sessions = ConnectionPool(
            driver,
            outage_s=opened.request.run.limits.outage_s,
            say=opened.notice,
            most=target.target.concurrency or opened.request.run.limits.per_target,
        )
        stack.push_async_callback(target.sessions.close)
    await connect_all(every, partial(_look_at, opened), at_once=MOST_OPEN)
    if opened.request.snapshot:
        holders = [target for target in every if not target.error]
        await connect_all(holders, partial(_export, stack), at_once=MOST_OPEN)
    for line in twins((seat.label, seat.database.physical, seat.target.schema) for seat in opened.targets):
        opened.notice(f"{line}: its checks come once for each name")


async def _look_at(opened: OpenChecks, target: CheckDatabase) -> None:
    assert target.sessions is not None
    run = opened.request.run
    left_s = None if opened.ends_s is None else opened.ends_s - time.monotonic()
    try:
        async with asyncio.timeout(left_s) as deadline:
            connection = await target.sessions.first(run.limits.connect_timeout_s)
            if opened.compares:
                target.physical = await physical(connection, await identity(connection, target.target.url))
    except TimeoutError:
        target.late = deadline.expired()
        within = f"the deadline of {run.limits.deadline_s:g}s" if target.late else f"{run.limits.connect_timeout_s:g}s"
        target.error = f"{target.name} did not answer within {within}"
        return
    except (TargetError, RefusedError) as error:
        target.error, target.refused = str(error), isinstance(error, RefusedError)
        return
    target.server = connection.server
    target.sessions.give_back(connection)
    if not opened.keeps:
        await target.sessions.close()


async def _export(stack: AsyncExitStack, target: CheckDatabase) -> None:
    """One transaction that stays open to the end: the others see what it sees."""
    assert target.sessions is not None
    connection = await target.sessions.driver.connect()
    stack.push_async_callback(connection.close)
    holder = exporter(connection, target.name)
    try:
        target.snapshot = await holder.export_snapshot()
    except DatabaseError as error:
        target.error = f"no snapshot: {error}"


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
