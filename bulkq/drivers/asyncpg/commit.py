"""COMMIT: wait for its answer as long as it can still arrive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.drivers.asyncpg.session import GRACE_S
from bulkq.errors import DatabaseError
from bulkq.model import Phase

if TYPE_CHECKING:
    from bulkq.drivers.asyncpg.session import AsyncpgSession

CUT_S = 0.2
"""How long asyncpg may take to notice that we have cut the socket."""


async def commit(session: AsyncpgSession, sql: str, *, timeout_s: float, pid: int | None) -> None:
    """Send `sql`, one message that ends with COMMIT, and wait for the answer.

    A cancellation waits for it too, for at most the grace, and is then forgotten here: what was committed is
    reported, and `asyncio.current_task().cancelling()` still tells the caller that it was called back.

    Raises:
        DatabaseError: the transaction had failed before, so it was rolled back (phase SENT); or a cancellation came and
            no answer (phase COMMITTING, not confirmed, and the session is cut).
        asyncpg.PostgresError, InterfaceError, OSError: the server's refusal, or the session broke.
    """
    ending: asyncio.Future[str] = asyncio.ensure_future(session.execute(sql, timeout=timeout_s))
    try:
        status = await asyncio.shield(ending)
    except asyncio.CancelledError:
        if not await _done(ending, GRACE_S):
            session.terminate()
            await _done(ending, CUT_S)
            raise DatabaseError(
                f"cancelled during COMMIT, without an answer within {GRACE_S:g}s",
                sqlstate=None,
                phase=Phase.COMMITTING,
                connection_lost=True,
                confirmed=False,
                pid=pid,
            ) from None
        status = ending.result()
    if status != "COMMIT":
        raise DatabaseError("the transaction had failed and was rolled back", sqlstate="25P02", phase=Phase.SENT)


async def _done(ending: asyncio.Future[str], within_s: float) -> bool:
    """Whether `ending` is done in time; more cancellations change nothing."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + within_s
    while not ending.done() and (left_s := end_s - loop.time()) > 0:
        try:
            await asyncio.wait([ending], timeout=left_s)
        except asyncio.CancelledError:
            continue
    ending.add_done_callback(lambda late: late.cancelled() or late.exception())  # retrieved, even if no task awaits it
    return ending.done()
