"""Explain why a claim or a lock was not granted, and which sessions it may have waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.dialects.sqlstates import LOCK_NOT_AVAILABLE
from bulkq.drivers.asyncpg.extended_connection import BROKEN, undisturbed

if TYPE_CHECKING:
    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession
    from bulkq.errors import DatabaseError
    from bulkq.model import Claim

GRANTED = "INSERT 0 1"
"""The command tag of a claim whose marker is now ours."""

LOOK_S = 10.0
ASK_S = 1.0

HOLDERS = """\
SELECT pid, application_name, client_addr::text, application_name = current_setting('application_name') AS of_this_run
FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start <= clock_timestamp() - interval '{:.0f} ms'
AND (application_name LIKE 'bulkq%' OR application_name = current_setting('application_name'))
ORDER BY xact_start LIMIT 5"""
"""Transactions of ours, of this process or another, that are older than our wait; those of the same run are what it waits for.
The blockers themselves (`pg_blocking_pids`) can only be read during the wait, on another connection."""

OWNERS = """\
SELECT DISTINCT l.pid, a.application_name, a.client_addr::text, l.relation::regclass::text FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_stat_activity AS a USING (pid) WHERE l.granted AND l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'
AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
ORDER BY 1, 4 LIMIT 5"""
"""Sessions with an ACCESS EXCLUSIVE lock: describing a statement waits for no weaker lock."""


async def explain_refusal(session: AsyncpgSession, claim: Claim) -> DatabaseError:
    """Why `claim` has inserted nothing, seen from the same transaction: the error to raise. A marker outranks the owner."""
    return markers.refusal(await session.fetch(markers.look(claim), timeout=LOOK_S), claim)


async def name_holders(session: AsyncpgSession, error: DatabaseError, patience_s: float | None) -> None:
    """Put into the hint of `error`, a lock that was not to be had, whose transactions may have held it.

    The session is idle or closed afterwards, and the error says which.
    """
    if error.sqlstate != LOCK_NOT_AVAILABLE or error.connection_lost or patience_s is None:
        return
    error.hint = await undisturbed(_holders(session, patience_s)) or error.hint
    error.connection_lost = session.is_closed()


async def name_owners(session: AsyncpgSession, error: DatabaseError) -> None:
    """The same for an `error` from describing a statement, which waits only for ACCESS EXCLUSIVE locks."""
    if error.sqlstate != LOCK_NOT_AVAILABLE or error.connection_lost:
        return
    error.hint = await undisturbed(_owners(session)) or error.hint
    error.connection_lost = session.is_closed()


async def _owners(session: AsyncpgSession) -> str | None:
    try:
        found = await session.fetch(OWNERS, timeout=ASK_S)
    except BROKEN:
        await session.recover()
        return None
    held = [
        f"pid {pid} ({', '.join(filter(None, (name, address)))}), which has locked {t} exclusively"
        for pid, name, address, t in found
    ]
    return f"it may have waited for {'; '.join(held)}" if held else None


async def _holders(session: AsyncpgSession, patience_s: float) -> str | None:
    try:
        found = await session.fetch(HOLDERS.format(patience_s * 1000), timeout=ASK_S)
    except BROKEN:
        await session.recover()
        return None
    if not found:
        return None
    nearest = [row for row in found if row["of_this_run"]] or found
    names = [f"pid {pid} ({name}{f' from {address}' if address else ''})" for pid, name, address, _ in nearest]
    return f"it may have waited for {', '.join(names)}"
