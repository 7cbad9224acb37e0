"""The driver for any database with a SQLAlchemy dialect."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.drivers import libpq, tls_url_options
from bulkq.drivers.dbapi import try_library
from bulkq.drivers.dbapi.adapters.base import one_line
from bulkq.drivers.dbapi.blocking_session import SqlSession
from bulkq.drivers.dbapi.connection import SqlConnection
from bulkq.drivers.dbapi.thread_or_greenlet import LoopExecutor, cancels, thread_of
from bulkq.drivers.dbapi.warnings import Warnings
from bulkq.drivers.leftover_threads import LEFTOVERS
from bulkq.errors import BulkqError, TargetError, UsageError
from bulkq.model import Capabilities
from bulkq.text import urls
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

    from bulkq.drivers.dbapi.parsed_url import ParsedUrl
    from bulkq.drivers.dbapi.pep249 import DbapiConnection
    from bulkq.drivers.dbapi.thread_or_greenlet import CallExecutor
    from bulkq.model import Server

CONNECT_S = 10.0
GIVE_UP_S = 3.0
"""A connection that is not wanted any more: longer than its closing may take."""

OF_LIBRARY = (AttributeError, TypeError, KeyError, IndexError, NameError, NotImplementedError, AssertionError)
"""Errors of the code of a library, not of a server."""

NAMELESS = frozenset({"dbapi", "base", "rest"})
"""What some dialects call their library."""

UNKNOWN_OPTION = compile_late(
    r"""unexpected keyword argument '(\w+)'|'(\w+)' is an invalid keyword argument|invalid connection option "(\w+)"|parameter "(\w+)\""""
)
"""How libraries call an option that they do not know: as Python does, as libpq does, as servers and DuckDB do."""


class SqlDriver:
    """One target of a SQLAlchemy dialect. Holds no connection.

    Args:
        known: what SQLAlchemy says of the URL.
        application_name: as the server's lists of sessions show us, where it has such lists.
        read_only: sessions that cannot write, as far as the database knows such sessions.
    """

    def __init__(self, known: ParsedUrl, *, application_name: str, read_only: bool) -> None:
        self.target = urls.hide_passwords(known.text)
        self.warnings = Warnings()
        self.left_behind = 0
        """Statements that could not be ended; their connections and threads live until the process ends."""

        self._known = known
        self._application_name = application_name
        self._read_only = read_only
        adapter = known.adapter
        self._settings = adapter.settings(known.text)
        self.capabilities = Capabilities(
            name=known.dialect.name if known.dialect.driver in NAMELESS else known.dialect.driver,
            pipelined=False,
            cancels=adapter.cancels or any(map(cancels, known.classes())),
            copies=False,
            describes=adapter.describes,
            text_parameters=adapter.text_parameters,
            isolates_errors=False,
            in_process=adapter.in_process,
            concurrent_writes=adapter.concurrent_writes,
            schemas=adapter.schemas,
            sets_together=adapter.sets_together and adapter.believed,
            dynamic_types=adapter.facts.dynamic_types,
        )

    async def connect(self) -> SqlConnection:
        """Open a session within ten seconds.

        Raises:
            TargetError: which part did not let us in.
        """
        connecting = asyncio.ensure_future(self._connect())
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            await _give_up(connecting)
            raise

    async def _connect(self) -> SqlConnection:
        executor: CallExecutor | None = None
        try:
            async with asyncio.timeout(CONNECT_S):
                executor, connection = await self._opened()
                session = SqlSession(
                    connection, self._known.adapter, read_only=self._read_only, breathe=executor.breathe
                )
                server: Server = await executor.run(lambda: self._looked(session, connection, executor.dialect))
        except asyncio.CancelledError:
            await _drop(executor)
            raise
        except BulkqError:
            await _drop(executor)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the target cannot be used
            await _drop(executor)
            raise self._option(error) or TargetError(
                urls.remove_passwords(self._why(error), self._known.text)
            ) from None
        server = replace(server, settings=self._settings)
        if tls_url_options.is_remote(self._known.url):
            server = await self._guarded(executor, server)
        return SqlConnection(executor, session, server, self._left, self.warnings, cancels=self.capabilities.cancels)

    def _looked(self, session: SqlSession, connection: DbapiConnection, dialect: Dialect) -> Server:
        """The server, and the habits of a library that bulkq does not know, as far as they can be seen."""
        adapter = self._known.adapter
        adapter.dialect = dialect  # this one has seen the server
        server = adapter.look(session.ask, connection)
        lost = adapter.dropped(session.ask, self._settings)
        if lost is not None:
            raise UsageError(
                f'target "{self.target}": {lost.name} of {lost.source} did not reach the server: a pooler in between ignores it. '
                "Connect to the server itself, or use postgresql:// (asyncpg)"
            )
        return server if adapter.believed else self._tried(session, server)

    def _tried(self, session: SqlSession, server: Server) -> Server:
        """What a library that the tests do not hold is seen to do."""
        adapter = self._known.adapter
        LEFTOVERS.foreign = True
        try_library.ask_twice(session)
        if self._read_only:
            return server
        seen = try_library.write_and_undo(session)
        adapter.counts = adapter.counts or seen.counts
        adapter.transactional = seen.rolls_back if adapter.temporary else adapter.transactional
        return replace(server, counts=adapter.counts, rolls_back=seen.rolls_back)

    async def _guarded(self, executor: CallExecutor, server: Server) -> Server:
        """Another machine is not talked to in plain text unless the URL says so: some libraries fall back to it.

        Raises:
            TargetError: the connection is not encrypted.
        """
        if server.tls == "off" and not self._known.adapter.plain_allowed(self._known.url):
            await _drop(executor)
            raise TargetError(
                f'TLS refused: "{self._known.url.host}" has none, so the connection would not be encrypted: '
                f"add {tls_url_options.add_plain_text(self._known.text)} to the URL to allow an unencrypted connection"
            )
        return replace(server, tls=server.tls or "unknown")

    async def _opened(self) -> tuple[CallExecutor, DbapiConnection]:
        """A connection that is read-only from its opening on, where it is to be and can be: transactions are, in any case."""
        try:
            return await _open(self._executor(read_only=self._read_only))
        except Exception as error:
            if not (self._read_only and self._known.adapter.is_open_otherwise(error)):
                raise
        return await _open(self._executor(read_only=False))

    def _executor(self, *, read_only: bool) -> CallExecutor:
        adapter = self._known.adapter
        url = adapter.url(self._known.url, read_only=read_only)
        arguments = adapter.arguments(self._known.url, self._application_name)
        if self._known.is_async:
            return LoopExecutor(url, arguments, autocommit=adapter.autocommit)
        return thread_of(url, arguments, autocommit=adapter.autocommit, canceller=adapter.canceller)

    def _left(self) -> None:
        self.left_behind += 1
        LEFTOVERS.statements += 1

    def _option(self, error: Exception) -> UsageError | None:
        """The error for an option of the URL that the library does not know."""
        found = UNKNOWN_OPTION.search(str(error))
        name = next(filter(None, found.groups()), "") if found else ""
        if name not in self._known.url.query:
            blamed = libpq.blame(self._why(error), None, self._settings)
            return UsageError(f'target "{self.target}": {blamed}') if blamed else None
        return UsageError(f'target "{self.target}": {self._known.dialect.driver} has no option "{name}": remove it')

    def _why(self, error: Exception) -> str:
        host = self._known.url.host
        where = f'"{host}"' if host else ""
        if isinstance(error, TimeoutError):
            return (
                f"no answer from {where or self.target} within {CONNECT_S:g}s: a firewall, a wrong address, or a pooler whose server "
                "connections are all in use?"
            )
        if isinstance(error, OF_LIBRARY):
            name = f"{self._known.dialect.name}+{self._known.dialect.driver}"
            return (
                f"{name} failed while connecting ({type(error).__name__}: {one_line(error)}): "
                "use another version of the library, or another driver for the database"
            )
        inner = getattr(error, "orig", None)  # what SQLAlchemy's DBAPIError wraps
        cause = inner if isinstance(inner, Exception) else error
        return self._known.adapter.why_not(cause, where)


async def _open(executor: CallExecutor) -> tuple[CallExecutor, DbapiConnection]:
    try:
        return executor, await executor.open()
    except BaseException:
        await _drop(executor)
        raise


async def _give_up(connecting: asyncio.Task[SqlConnection]) -> None:
    """Cancel `connecting` once, and wait for its end: a library that is cancelled again while it handles that warns on stderr."""
    connecting.cancel()
    loop = asyncio.get_running_loop()
    end_s = loop.time() + GIVE_UP_S
    while not connecting.done() and loop.time() < end_s:
        with suppress(asyncio.CancelledError):  # the caller raises it
            await asyncio.wait([connecting], timeout=max(0.0, end_s - loop.time()))
    connecting.add_done_callback(lambda late: late.cancelled() or late.exception())
    if connecting.done() and not connecting.cancelled() and connecting.exception() is None:
        await connecting.result().close()


async def _drop(executor: CallExecutor | None) -> None:
    if executor is not None:
        executor.cut()
        with suppress(Exception):  # it never came to be
            await executor.close()
