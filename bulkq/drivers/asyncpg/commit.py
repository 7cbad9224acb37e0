"""COMMIT: wait for its answer as long as it can still arrive."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.drivers.asyncpg.extended_connection import GRACE_S
from bulkq.errors import DatabaseError
from bulkq.model import Phase

if TYPE_CHECKING:
    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession

CUT_S = 0.2
"""How long asyncpg may take to notice that we have cut the socket."""


async def commit(session: AsyncpgSession, sql: str, *, timeout_s: float, pid: int | None) -> None:
    """Send `sql`, one message that ends with COMMIT, and wait for the answer.

    After `timeout_s` the COMMIT is cancelled: deferred triggers may take any time, and `statement_timeout` does not cover them.
    If the server answers with an error, the transaction was rolled back for certain.

    A cancellation waits for it too, for at most the grace, and is then forgotten here: what was committed is
    reported, and `asyncio.current_task().cancelling()` still tells the caller that it was called back.

    Raises:
        DatabaseError: the transaction had failed before, so it was rolled back (phase SENT); or a cancellation came and
            no answer (phase COMMITTING, not confirmed, and the session is cut).
        TimeoutError: no error within `timeout_s` and the grace, so the transaction may have been committed.
        asyncpg.PostgresError, InterfaceError, OSError: the server's refusal, or the session broke.
    """
    ending: asyncio.Future[str] = asyncio.ensure_future(session.execute(sql, timeout=timeout_s + 2 * GRACE_S))
    try:
        await asyncio.wait([ending], timeout=timeout_s)
        if not ending.done():
            await _cancel(session, ending)
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
    if ending.result() != "COMMIT":
        raise DatabaseError("the transaction had failed and was rolled back", sqlstate="25P02", phase=Phase.SENT)


async def _cancel(session: AsyncpgSession, ending: asyncio.Future[str]) -> None:
    """Cancel a COMMIT whose time is up, and wait for its answer.

    Raises:
        TimeoutError: it has succeeded all the same, perhaps without its standby, or there is no answer and the session is cut.
    """
    await session.cancel_statement(GRACE_S)
    answered = await _done(ending, GRACE_S)
    if not answered:
        session.terminate()
        await _done(ending, CUT_S)
    if not answered or ending.exception() is None:
        raise TimeoutError


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
