"""Find out whether a pooler in transaction mode is between a library and PostgreSQL, and keep sessions fit for it.

A pooler gives each transaction another session of the server. A name that a library has prepared in one is missing, or is that of
another client, in the next: https://www.psycopg.org/psycopg3/docs/advanced/prepare.html#using-prepared-statements-with-pgbouncer
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bulkq.dialects import postgresql

if TYPE_CHECKING:
    from bulkq.drivers.dbapi.adapter_return_types import Ask
    from bulkq.drivers.dbapi.pep249 import DbapiConnection

CHECKS = 140_000
"""From PostgreSQL 14 on the server notices in the middle of a query that its client is gone, if it is told to look."""


def is_between(connection: DbapiConnection, pid: int) -> bool:
    """Whether the server process `pid`, which answers, is not the one that greeted the library.

    A library that does not give the process of the greeting is taken to be connected directly.
    """
    greeted = _greeted_by(_inner(connection))
    return greeted is not None and greeted != pid


def name_no_statements(connection: DbapiConnection) -> None:
    """Have psycopg send each text with its execution. The other libraries that the tests hold prepare nothing by name."""
    inner = _inner(connection)
    if hasattr(inner, "prepare_threshold"):
        inner.prepare_threshold = None


def checks_alive(ask: Ask, number: int) -> bool:
    """Whether a server of this version can notice that its client is gone; not on platforms that cannot see a closed socket."""
    if number < CHECKS:
        return False
    ask("BEGIN")
    try:
        ask(f"SET LOCAL {postgresql.CHECK_ALIVE}")
    except Exception:  # noqa: BLE001 - refused
        return False
    finally:
        ask("ROLLBACK")
    return True


def _inner(connection: DbapiConnection) -> Any:
    """The library's own connection, not SQLAlchemy's around one of asyncio."""
    return getattr(connection, "driver_connection", None) or connection


def _greeted_by(inner: Any) -> int | None:
    """The process of the start-up, as libpq knows it, or in the key with which pg8000 was to cancel."""
    with suppress(Exception):  # a library that is not known
        info = getattr(inner, "info", None)
        if info is not None:
            return int(info.backend_pid)
        key = getattr(inner, "_backend_key_data", None)
        if key is not None:
            return int.from_bytes(key[:4], "big", signed=True)
    return None
