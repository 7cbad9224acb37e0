"""A database file of SQLite, the `Driver` of both of its libraries: which file a URL names, and how it is opened."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from bulkq.drivers.sqlite.connection import SqliteConnection
from bulkq.drivers.sqlite.transaction import Handle
from bulkq.drivers.sqlite.url_options import options_of
from bulkq.errors import TargetError, UsageError
from bulkq.model import Capabilities

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from bulkq.drivers.sqlite.connection import SqliteThread

CONNECT_S = 10.0


def file_of(url: str) -> Path:
    """The path in `url`.

    Raises:
        UsageError: no path, a host, or `:memory:`.
    """
    scheme, _, rest = url.partition(":")
    location = rest.partition("?")[0]
    host, slash, path = location.removeprefix("//").partition("/") if location.startswith("//") else ("", "", "")
    if not slash or host:
        if location in {"", "//"} or ":memory:" in location:
            raise UsageError(_nothing_there(url))
        raise UsageError(
            f'"{url}": write {scheme}:///{unquote(location.lstrip("/"))} for a file in this folder, with three slashes'
        )
    name = unquote(path, errors="surrogateescape")
    if name in {"", ":memory:"}:
        raise UsageError(_nothing_there(url))
    if "\0" in name:
        raise UsageError(f'"{url}": a file name cannot hold a null character')
    return Path(name)


def _nothing_there(url: str) -> str:
    return f'"{url}" names no file, and a database in memory would be empty: write sqlite:///file.db'


class SqliteDriver:
    """One database file."""

    def __init__(
        self,
        name: str,
        url: str,
        thread: Callable[[Callable[[], sqlite3.Connection]], SqliteThread],
        *,
        read_only: bool,
    ) -> None:
        """Remember which file; `connect` opens it.

        Args:
            name: of the driver.
            url: `sqlite:///relative.db` or `sqlite:////absolute.db`, with percent-encoding where needed, and options.
            thread: makes the thread of a connection, which opens the file by calling the argument.
            read_only: open the file so that nothing can be written.

        Raises:
            UsageError: the URL does not name a file.
        """
        self.target = url
        self._path = file_of(url)
        self._options = options_of(url, url.partition("?")[2])
        self._thread = thread
        self._read_only = read_only
        self.capabilities = Capabilities(
            name=name,
            pipelined=True,
            cancels=True,
            copies=False,
            describes=False,
            text_parameters=False,
            isolates_errors=True,
            sets_together=True,
            in_process=True,
            concurrent_writes=False,
            dynamic_types=True,
        )

    async def connect(self) -> SqliteConnection:
        """Open the file, in a thread of its own.

        Raises:
            TargetError: no such file, not a database, no permission, locked.
        """
        if self._options.reading and not self._read_only:
            option = self._options.reading
            raise TargetError(
                f'"{self._path}" is opened with {option}, and the run writes: remove {option} from the URL'
            )
        handle = Handle(self._path, read_only=self._read_only, options=self._options)
        thread = self._thread(handle.open)
        try:
            async with asyncio.timeout(CONNECT_S):
                await thread.start()
        except TimeoutError:
            raise TargetError(f'"{self._path}" did not open within {CONNECT_S:g}s') from None
        return SqliteConnection(self._path, handle, thread)
