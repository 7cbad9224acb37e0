"""SQLite through aiosqlite, which gives every connection a thread of its own.

The hops into it are in `bulkq.drivers.sqlite.connection`, what happens inside the thread in `bulkq.drivers.sqlite.blocking_session`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import aiosqlite

from bulkq.drivers.sqlite.blocking_session import PIECE
from bulkq.drivers.sqlite.connection import GRACE_S
from bulkq.drivers.sqlite.driver import SqliteDriver
from bulkq.drivers.threads import interrupt_until_done

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

T = TypeVar("T")


def open(url: str, *, application_name: str, read_only: bool) -> SqliteDriver:  # noqa: A001, ARG001 - the name every driver module has; SQLite has no sessions to name
    """The driver of the database file that `url` names; the file is not touched yet.

    Args:
        url: `sqlite:///relative.db` or `sqlite:////absolute.db`, with percent-encoding where needed.
        application_name: not used.
        read_only: open the file so that nothing can be written.

    Raises:
        UsageError: the URL does not name a file.
    """
    return SqliteDriver("aiosqlite", url, AiosqliteThread, read_only=read_only)


class AiosqliteThread:
    """The thread of one connection. The only place that knows aiosqlite's private names; a contract test holds them."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        self._connection = aiosqlite.Connection(connector, iter_chunk_size=PIECE)
        # a statement that cannot be interrupted must not keep the process from ending
        self._connection._thread.daemon = True  # noqa: SLF001

    async def start(self) -> None:
        """Start the thread and open the database in it."""
        try:
            await self._connection
        except BaseException:
            self._connection._thread.join(GRACE_S)  # noqa: SLF001 - aiosqlite has told it to stop
            raise

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Call `work` in the thread. It continues if the future is cancelled."""
        return asyncio.ensure_future(self._connection._execute(work))  # type: ignore[no-untyped-call]  # noqa: SLF001

    async def stop(self, interrupt: Callable[[], None]) -> None:
        """Close the database and end the thread, interrupting what it does; leave it behind after the grace."""
        if not self._connection._thread.is_alive():  # noqa: SLF001
            return
        stopped = self._connection.stop()
        if stopped is not None and await interrupt_until_done(stopped, interrupt, GRACE_S):
            self._connection._thread.join(GRACE_S)  # noqa: SLF001 - it has nothing left to do
