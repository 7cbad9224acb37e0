"""Execute statements of bulkq: those about markers in a durable transaction of their own, questions in one that only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import postgresql
from bulkq.drivers.asyncpg.attempt import COMMAND_S, FOREVER_S, MARGIN_S
from bulkq.drivers.asyncpg.commit import commit
from bulkq.drivers.asyncpg.lock_wait_errors import name_holders, name_owners
from bulkq.drivers.asyncpg.translate_errors import translate
from bulkq.model import Limits, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession

WORK_S = 60.0
"""What one of our statements may take beside waiting for locks: the markers of a long run are many rows to delete."""


async def administer(
    session: AsyncpgSession, statements: Sequence[str], patience_s: float | None, *, read_only: bool, pid: int | None
) -> list[tuple[object, ...]]:
    """Execute `statements` in one transaction that is on disk when this returns; the rows of the last one.

    Args:
        session: idle.
        statements: one or more, each a single statement without parameters.
        patience_s: how long each may wait for a lock; None for ever.
        read_only: the transaction is READ ONLY.
        pid: of the server process.

    Raises:
        DatabaseError: the first that failed; in phase COMMITTING, the outcome is unknown if the session was lost.
    """
    deadline_s = FOREVER_S if patience_s is None else patience_s + WORK_S + MARGIN_S
    phase = Phase.SENT
    try:
        await session.execute(_opening(session, patience_s, read_only=read_only), timeout=session.opening_s)
        for statement in statements[:-1]:
            await session.execute(statement, timeout=deadline_s)
        rows = [tuple(row) for row in await session.fetch(statements[-1], timeout=deadline_s)]
        phase = Phase.COMMITTING
        await commit(session, "COMMIT", timeout_s=deadline_s, pid=pid)
    except Exception as error:  # noqa: BLE001 - translated
        idle = await session.recover()
        found = translate(error, phase, idle=idle, pid=pid, deadline_s=deadline_s)
        await name_holders(session, found, patience_s)
        if found.hint is None:
            await name_owners(session, found)
        raise found from (None if found is error else error)
    except BaseException:
        await session.recover()
        raise
    return rows


async def read_catalog(
    session: AsyncpgSession, sql: str, timeout_s: float, *, pid: int | None
) -> Sequence[Sequence[object]]:
    """The rows of a question about the database, in a transaction that only reads and is over at once.

    Args:
        session: idle.
        sql: a query without parameters.
        timeout_s: what it may take.
        pid: of the server process.

    Raises:
        DatabaseError: there is no answer.
    """
    limits = Limits(timeout_s=timeout_s)
    opening = postgresql.opening(limits, ordinals=False, check_alive=session.check_alive, local=session.local)
    deadline_s = timeout_s + MARGIN_S
    try:
        await session.execute(opening, timeout=session.opening_s)
        rows: Sequence[Sequence[object]] = await session.fetch(sql, timeout=deadline_s)
        await session.execute("ROLLBACK", timeout=COMMAND_S)
    except Exception as error:  # noqa: BLE001 - translated
        idle = await session.recover()
        found = translate(error, Phase.SENT, idle=idle, pid=pid, deadline_s=deadline_s)
        await name_holders(session, found, limits.lock_timeout_s)
        raise found from (None if found is error else error)
    except BaseException:
        await session.recover()
        raise
    return rows


def _opening(session: AsyncpgSession, patience_s: float | None, *, read_only: bool) -> str:
    limits = Limits(
        timeout_s=None if patience_s is None else patience_s + WORK_S, lock_timeout_s=patience_s, read_only=read_only
    )
    opening = postgresql.opening(limits, ordinals=False, check_alive=session.check_alive, local=session.local)
    return f"{opening}; SET LOCAL synchronous_commit = on"
