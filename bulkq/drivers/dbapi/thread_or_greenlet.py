"""Where the calls of a session run: in a private thread (sync libraries), or in a greenlet on the event loop (asyncio libraries).

SQLAlchemy connects; the hop gets the DB-API connection.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from bulkq.drivers.threads import DatabaseThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import URL, Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from bulkq.drivers.dbapi.pep249 import DbapiConnection

T = TypeVar("T")

CLOSE_S = 2.0
AGAIN_S = 0.25
"""Between two requests to cancel that need a network: the first is on its way."""


class CallExecutor(Protocol):
    """One connection and the place where its hops run."""

    dialect: Dialect
    """SQLAlchemy's, which knows the version of the server once a connection is open."""

    async def open(self) -> DbapiConnection:
        """Connect."""
        ...

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run `work`. It continues if the future is cancelled."""
        ...

    def breathe(self) -> None:
        """In a hop: let others run."""
        ...

    def interrupt(self, kill: str | None) -> None:
        """Ask the database to end what runs. May be called again and again; does not wait."""
        ...

    async def settled(self) -> None:
        """No request of `interrupt` is on its way any more."""
        ...

    def cut(self) -> None:
        """Shut the network connection down, which ends a wait for its answer."""
        ...

    async def close(self) -> bool:
        """End the session; False where it had to be left behind."""
        ...


OWN_WAYS = ("cancel_safe", "cancel", "adbc_cancel")
"""How libraries call what ends a statement of their connection and may need a network for it; `interrupt` needs none."""


def cancels(connection: object) -> bool:
    """Whether a connection, or the class of one, can end what it executes."""
    return any(callable(getattr(connection, name, None)) for name in ("interrupt", *OWN_WAYS))


def own_way(connection: object) -> Callable[[], object] | None:
    """What ends the statement of `connection`, called from another thread; None where the library has nothing."""
    found = (getattr(connection, name, None) for name in OWN_WAYS)
    return next((way for way in found if callable(way)), None)


class RawConnection(Protocol):
    """A connection with SQLAlchemy's names for it."""

    dbapi_connection: Any
    """What PEP 249 describes."""

    driver_connection: Any
    """The library's own, which may be another."""

    def close(self) -> None:
        """End it."""
        ...


class ThreadExecutor:
    """A sync library: one thread for one connection, made, used and closed there.

    Args:
        connect: opens a connection; executed in the thread, or to cancel in another.
        dialect: of the database.
        autocommit: have the library open no transactions.
        canceller: finds what ends the statement of the library's connection.
    """

    def __init__(
        self,
        connect: Callable[[], RawConnection],
        dialect: Dialect,
        *,
        autocommit: bool = False,
        canceller: Callable[[object], Callable[[], object] | None] = lambda _: None,
    ) -> None:
        self._canceller = canceller
        self._open = connect
        self.dialect = dialect
        self._autocommit = autocommit
        self._thread = DatabaseThread(f"bulkq {self.dialect.driver}")
        self._raw: Any = None
        self._canceling: threading.Thread | None = None
        self._asked_s = 0.0

    async def open(self) -> DbapiConnection:
        """Connect, in the thread."""
        try:
            return await self._thread.run(self._connect)
        except BaseException:
            self._thread.end()
            raise

    def _connect(self) -> DbapiConnection:
        self._raw = self._open()
        dbapi = self._raw.dbapi_connection
        if self._autocommit:
            self.dialect.set_isolation_level(dbapi, "AUTOCOMMIT")
        return cast("DbapiConnection", dbapi)

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run `work` in the thread."""
        return self._thread.run(work)

    def breathe(self) -> None:
        """Others have the interpreter's lock whenever they want it."""

    def interrupt(self, kill: str | None) -> None:
        """By the library's own means, at once or from another thread; else by another session."""
        raw = self._raw.driver_connection if self._raw is not None else None
        direct = getattr(raw, "interrupt", None)
        if callable(direct):
            with suppress(Exception):  # closed meanwhile
                direct()
            return
        now_s = asyncio.get_running_loop().time()
        if (self._canceling is not None and self._canceling.is_alive()) or now_s - self._asked_s < AGAIN_S:
            return
        self._asked_s = now_s
        work = self._canceller(raw) or own_way(raw) or ((lambda: self._kill(kill)) if kill else None)
        if work is not None:
            self._canceling = threading.Thread(target=_quietly, args=(work,), name="bulkq cancel", daemon=True)
            self._canceling.start()

    def _kill(self, text: str) -> None:
        other = self._open()
        try:
            other.dbapi_connection.cursor().execute(text)
        finally:
            other.close()

    async def settled(self) -> None:
        """Wait for the other thread, for as long as closing may take."""
        end_s = asyncio.get_running_loop().time() + CLOSE_S
        while self._canceling is not None and self._canceling.is_alive():
            if asyncio.get_running_loop().time() > end_s:
                return
            await asyncio.sleep(0.005)

    def cut(self) -> None:
        """Shut the socket down, where the library shows it."""
        raw = self._raw.driver_connection if self._raw is not None else None
        _shut(raw)

    async def close(self) -> bool:
        """Close in the thread, and end it."""
        if not self._thread.alive or self._raw is None:
            return True
        closed = self._thread.run(self._close)
        self._thread.end()
        await asyncio.wait([closed], timeout=CLOSE_S)
        if not closed.done():
            self.cut()
            await asyncio.wait([closed], timeout=0.2)
        closed.add_done_callback(lambda late: late.cancelled() or late.exception())
        return closed.done() and self._thread.join(CLOSE_S)

    def _close(self) -> None:
        raw, self._raw = self._raw, None
        with suppress(Exception):  # it is gone already
            raw.close()


def thread_of(
    url: URL,
    arguments: Mapping[str, object],
    *,
    autocommit: bool,
    canceller: Callable[[object], Callable[[], object] | None],
) -> ThreadExecutor:
    """The thread of one connection that SQLAlchemy opens."""
    from sqlalchemy import create_engine  # takes a quarter of a second: a library that needs none must not wait for it
    from sqlalchemy.pool import NullPool

    engine = create_engine(url, poolclass=NullPool, pool_reset_on_return=None, connect_args=dict(arguments))
    return ThreadExecutor(engine.raw_connection, engine.dialect, autocommit=autocommit, canceller=canceller)


class LoopExecutor:
    """An asyncio library: SQLAlchemy's greenlet lets the same code await it."""

    def __init__(self, url: URL, arguments: Mapping[str, object], *, autocommit: bool) -> None:
        # A quarter of the time in which the program starts. A library with a thread needs none of it.
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool
        from sqlalchemy.util import await_only

        self._engine: AsyncEngine = create_async_engine(
            url, poolclass=NullPool, pool_reset_on_return=None, connect_args=dict(arguments)
        )
        self.dialect = self._engine.dialect
        self._autocommit = autocommit
        self._await_only = await_only
        self._connection: AsyncConnection | None = None
        self._raw: Any = None
        self._canceling: asyncio.Task[None] | None = None
        self._asked_s = 0.0

    async def open(self) -> DbapiConnection:
        """Connect."""
        self._connection = await self._engine.connect()
        fairy = await self._connection.get_raw_connection()
        self._raw = fairy.driver_connection
        dbapi = fairy.dbapi_connection
        if self._autocommit:
            await self.run(lambda: self.dialect.set_isolation_level(cast("Any", dbapi), "AUTOCOMMIT"))
        return cast("DbapiConnection", dbapi)

    def run(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run `work` in a greenlet."""
        assert self._connection is not None
        return asyncio.ensure_future(self._connection.run_sync(lambda _: work()))

    def breathe(self) -> None:
        """Give the loop back for a moment."""
        self._await_only(asyncio.sleep(0))

    def interrupt(self, kill: str | None) -> None:
        """By the library's own means, else by another session."""
        now_s = asyncio.get_running_loop().time()
        if (self._canceling is not None and not self._canceling.done()) or now_s - self._asked_s < AGAIN_S:
            return
        self._asked_s = now_s
        self._canceling = asyncio.create_task(self._cancel(kill))

    async def _cancel(self, kill: str | None) -> None:
        own = getattr(self._raw, "cancel_safe", None)
        with suppress(Exception):  # what it was to cancel tells
            async with asyncio.timeout(CLOSE_S):
                if callable(own):
                    await own(timeout=CLOSE_S)
                elif kill is not None:
                    async with self._engine.connect() as other:
                        await other.exec_driver_sql(kill)

    async def settled(self) -> None:
        """Wait for the request."""
        if self._canceling is not None:
            await asyncio.wait([self._canceling])

    def cut(self) -> None:
        """Shut the socket down, where the library shows it."""
        _shut(self._raw)

    async def close(self) -> bool:
        """Close, by force if need be."""
        connection, self._connection = self._connection, None
        if connection is None:
            return True
        closing = asyncio.ensure_future(connection.close())
        await asyncio.wait([closing], timeout=CLOSE_S)
        if not closing.done():
            self.cut()
            closing.cancel()
            await asyncio.wait([closing], timeout=0.2)
        closing.add_done_callback(lambda late: late.cancelled() or late.exception())
        return closing.done()


def _quietly(work: Callable[[], object]) -> None:
    with suppress(Exception):  # what it was to cancel tells
        work()


def _shut(raw: Any) -> None:
    """Shut down the socket of a driver's connection: what waits for it is woken with an error."""
    place = getattr(raw, "_sock", None) or raw
    with suppress(Exception):  # no socket, or closed
        number = place.fileno()
        with socket.socket(fileno=os.dup(number)) as handle:
            handle.shutdown(socket.SHUT_RDWR)
