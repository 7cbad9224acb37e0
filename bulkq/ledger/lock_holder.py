"""The session that holds a lock of a ledger in PostgreSQL, as a line for the user who waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from bulkq.ledger.schema import POSTGRES_SCHEMA
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

LOCK_NOT_AVAILABLE = "55P03"
IDLE_TIMEOUT = "25P03"

IDLE_MS = 5_000
"""After so long without a statement in a transaction, PostgreSQL ends the session: its process stands still, or its host is gone."""

LOCK_WAIT_MS = 8_000
"""Longer than `IDLE_MS`, so that a session that stands still is gone before another stops to wait for it."""

LIMITS = (
    f"SELECT set_config('idle_in_transaction_session_timeout', '{IDLE_MS}', true), "
    f"set_config('lock_timeout', '{LOCK_WAIT_MS}', true), "
    "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END"
)
"""The first statement of a transaction that writes. The settings are local, so that a pooler can give the session to another client.

The last one keeps the promise of `begin` on servers with `synchronous_commit = off`, which may lose the last commits in a crash.
"""

HOLDER = text(
    "SELECT a.pid, coalesce(host(a.client_addr), a.client_hostname, '') AS host, a.application_name, a.usename, "
    "a.state, date_trunc('second', a.xact_start AT TIME ZONE 'UTC') AS since "
    "FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid JOIN pg_class c ON c.oid = l.relation "
    "WHERE l.granted AND l.mode <> 'AccessShareLock' AND a.pid <> pg_backend_pid() "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    f"AND c.relnamespace = to_regnamespace('{POSTGRES_SCHEMA}') ORDER BY a.xact_start NULLS LAST, a.pid LIMIT 1"
)
"""Of the sessions that write to the ledger, the one with the oldest transaction: younger ones wait for it too."""


@frozen
class LockHolder:
    """A session with a lock; what PostgreSQL hides from this role is None."""

    pid: int
    host: str  # "" for a local one, or a hidden one
    application_name: str | None
    user: str | None
    state: str | None
    since: datetime | None  # UTC, when its transaction began


def find_holder(connection: Connection) -> LockHolder | None:
    """The session that others wait for; None if there is none any more."""
    found = connection.execute(HOLDER).first()
    return None if found is None else LockHolder(*found)


def describe_holder(holder: LockHolder | None) -> tuple[str, str]:
    """What happened and what to do, for one that waited `LOCK_WAIT_MS` in vain."""
    if holder is None:
        return f"another session held a lock of it for {LOCK_WAIT_MS / 1000:g}s", "try again"
    known = [
        f"user {holder.user}" if holder.user else "",
        f"host {holder.host}" if holder.host else "",
        f'application_name "{holder.application_name}"' if holder.application_name else "",
        f"{holder.state or 'in a transaction'} since {holder.since} UTC" if holder.since else "",
    ]
    told = escape_unprintable(", ".join(filter(None, known)))
    what = f"session {holder.pid} of the server{f' ({told})' if told else ''} holds a lock of it"
    return what, f"end its process, or run select pg_terminate_backend({holder.pid}), then try again"
