"""SQLite through Python's own `sqlite3`, on a private thread per connection.

The same as `bulkq.drivers.sqlite.aiosqlite` but for whose thread it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from bulkq.drivers.sqlite.connection import GRACE_S
from bulkq.drivers.sqlite.driver import SqliteDriver
from bulkq.drivers.threads import DatabaseThread, interrupt_until_done

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Callable

T = TypeVar("T")


def open(url: str, *, application_name: str, read_only: bool) -> SqliteDriver:  # noqa: A001, ARG001 - the name every driver module has; SQLite has no sessions to name
    """The driver of the database file that `url` names; the file is not touched yet.

    Args:
        url: `sqlite+pysqlite:///relative.db` or `sqlite+pysqlite:////absolute.db`.
        application_name: not used.
        read_only: open the file so that nothing can be written.

    Raises:
        UsageError: the URL does not name a file.
    """
    return SqliteDriver("pysqlite", url, PysqliteThread, read_only=read_only)


class PysqliteThread:
    """The thread of one connection."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        self._connector = connector
        self._opened: sqlite3.Connection | None = None
        self._thread = DatabaseThread("bulkq pysqlite")

    async def start(self) -> None:
        """Open the database in it."""
        try:
            self._opened = await self._thread.run(self._connector)
        except BaseException:
            self._thread.end()
            raise

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Call `work` in the thread. It continues if the future is cancelled."""
        return self._thread.run(work)

    async def stop(self, interrupt: Callable[[], None]) -> None:
        """Close the database and end the thread, interrupting what it does; leave it behind after the grace."""
        opened, self._opened = self._opened, None
        if opened is None:
            return
        closed = self._thread.run(opened.close)
        self._thread.end()
        if await interrupt_until_done(closed, interrupt, GRACE_S):
            self._thread.join(GRACE_S)  # it has nothing left to do
