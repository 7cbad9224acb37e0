"""Ask a target when its lanes have ended, also if it goes away just then: it is waited for as long as a lane waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from bulkq.errors import DatabaseError, StoppedError, TargetError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bulkq.engine.pool import ConnectionPool
    from bulkq.engine.stop_control import Control
    from bulkq.protocols import Connection

Answer = TypeVar("Answer")

TRIES = 3
"""A question whose connection breaks is asked so often, each time on a new connection."""

LOOK_S = 0.2
"""Seconds until a wait for an outage ends after the user has stopped the run."""


async def ask_target(
    sessions: ConnectionPool,
    control: Control,
    question: Callable[[Connection], Awaitable[Answer]],
    *,
    stops: bool = False,
) -> Answer:
    """Ask `question`, and again where its connection breaks; the connection is kept.

    Args:
        sessions: of the target.
        control: of the run.
        question: may be asked again.
        stops: it is cancelled when the run is.

    Raises:
        StoppedError: the target was away for longer than the outage budget, or the run was interrupted meanwhile.
        BulkqError: what `question` raises; of a connection that broke, after the last try.
    """
    tries = 0
    while True:
        connection = await _connected(sessions, control)
        try:
            answer = await (_until_cancelled(question(connection), control) if stops else question(connection))
        except BaseException as error:
            await connection.close()
            tries += 1
            if tries == TRIES or not _is_lost(error):
                raise
            await sessions.release(sessions.idle)  # they are of the same server
            continue
        sessions.give_back(connection)
        return answer


async def _connected(sessions: ConnectionPool, control: Control) -> Connection:
    opening = asyncio.create_task(sessions.open())
    try:
        while not opening.done():
            await asyncio.wait([opening], timeout=LOOK_S)
            if control.draining and not opening.done():
                raise StoppedError(control.reason)
        return opening.result()
    finally:
        opening.cancel()


async def _until_cancelled(question: Awaitable[Answer], control: Control) -> Answer:
    asking = asyncio.ensure_future(question)
    try:
        while not asking.done():
            await asyncio.wait([asking], timeout=LOOK_S)
            if control.cancelled and not asking.done():
                raise StoppedError(control.reason)
        return asking.result()
    finally:
        if not asking.done():
            asking.cancel()
            await asyncio.wait([asking])


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, TargetError) or (isinstance(error, DatabaseError) and error.connection_lost)
