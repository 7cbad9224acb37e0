"""A ledger's connection: SQLAlchemy over aiosqlite or asyncpg, with explicit transactions."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import create_async_engine

from bulkq.errors import BulkqError, LedgerError
from bulkq.ledger import lock_holder
from bulkq.ledger.explain_errors import compose_error, error_state, explain_error, in_one_line
from bulkq.ledger.file_lock_and_revision import FULL, path_of
from bulkq.ledger.revision_constants import READ_REVISION
from bulkq.ledger.schema import POSTGRES_SCHEMA
from bulkq.ledger.write_statements import WRITES, begin_as_told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

    from bulkq.ledger.location import LedgerLocation

P = ParamSpec("P")
T = TypeVar("T")

BUSY_S = 10.0
"""How long one process waits for another's write. A group commit takes milliseconds."""

COMMAND_S = 10.0


class LedgerDatabase:
    """One ledger's database. Holds one connection at most."""

    def __init__(self, place: LedgerLocation, engine: AsyncEngine) -> None:
        """Use `engine` for what is at `place`."""
        self.place = place
        self.sqlite = place.path is not None
        self._engine = engine
        self._writing = engine.execution_options(**{WRITES: True})

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads.

        Raises:
            LedgerError: whatever fails.
        """
        with in_one_line(self.place):
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is durable when it ends; in SQLite it has the write lock from its beginning.

        Raises:
            LedgerError: whatever fails; nothing of it was kept then.
        """
        try:
            with in_one_line(self.place):
                async with self._writing.begin() as connection:
                    if not self.sqlite:
                        await connection.execute(text(lock_holder.LIMITS))
                    yield connection
        except LedgerError as error:
            if error_state(error.__cause__) != lock_holder.LOCK_NOT_AVAILABLE:
                raise
            holder = None
            with suppress(LedgerError):  # the first error says more than one of this question
                holder = await self.read(lock_holder.find_holder)
            raise compose_error(self.place, *lock_holder.describe_holder(holder)) from error.__cause__

    async def revision(self) -> str | None:
        """The revision of the schema; None if there is no table for it."""
        query = READ_REVISION.format(schema="" if self.sqlite else f"{POSTGRES_SCHEMA}.")
        try:
            async with self.reading() as connection:
                found = (await connection.exec_driver_sql(query)).scalar()
        except LedgerError as error:
            if _is_missing_table(error.__cause__):
                return None
            raise
        return None if found is None else str(found)

    async def read(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """What `work` finds in one transaction.

        Raises:
            LedgerError: whatever fails.
        """
        async with self.reading() as connection:
            return await connection.run_sync(work, *arguments, **options)

    async def write(self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """Do `work` in one transaction, which is durable on return.

        If the server ended the session because this process stood still in the transaction, `work` is done once more.

        Raises:
            LedgerError: whatever fails; nothing of it was kept then.
        """
        worked = False
        try:
            async with self.writing() as connection:
                result = await connection.run_sync(work, *arguments, **options)
                worked = True
        except LedgerError as error:
            if not _is_rolled_back(error.__cause__, worked=worked):
                raise
            async with self.writing() as connection:
                result = await connection.run_sync(work, *arguments, **options)
        return result

    async def close(self) -> None:
        """Close the connection."""
        with in_one_line(self.place):
            await self._engine.dispose()


def open_file(place: LedgerLocation) -> LedgerDatabase:
    """The file at `place`, which must exist."""
    engine = create_async_engine(
        URL.create(
            "sqlite+aiosqlite",
            database=f"file:{quote(os.fsencode(path_of(place)))}",
            query={"mode": "rw", "uri": "true"},
        ),
        connect_args={"isolation_level": None, "timeout": BUSY_S},
        pool_size=1,
        max_overflow=0,
    )
    event.listen(engine.sync_engine, "connect", _settle_in)
    event.listen(engine.sync_engine, "begin", begin_as_told)
    return LedgerDatabase(place, engine)


async def open_server(place: LedgerLocation) -> LedgerDatabase:
    """Connect to the server at `place` once, so that a wrong password is reported as such.

    Raises:
        LedgerError: it cannot be reached.
    """
    from bulkq.drivers.asyncpg import connect_arguments

    given = connect_arguments.read_options(place.url)
    engine = create_async_engine(
        "postgresql+asyncpg://",
        connect_args={
            **given.arguments(),
            "command_timeout": COMMAND_S,
            "statement_cache_size": 0,  # a pooler in transaction mode must see no names
            "prepared_statement_cache_size": 0,
            "prepared_statement_name_func": str,
            "server_settings": {"application_name": given.application_name or "bulkq ledger"},
        },
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        execution_options={"schema_translate_map": {None: POSTGRES_SCHEMA}},
    )
    try:
        async with asyncio.timeout(given.timeout_s), engine.connect():
            pass
    except Exception as error:  # without a connection there is no ledger, for whatever reason
        await engine.dispose()
        raise _unreachable(error, place, given) from error
    return LedgerDatabase(place, engine)


def _unreachable(error: Exception, place: LedgerLocation, given: object) -> LedgerError:
    from bulkq.drivers.asyncpg.connect_arguments import AsyncpgOptions
    from bulkq.drivers.asyncpg.connect_errors import explain_error as refused

    cause: BaseException | None = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig.__cause__ or error.orig
    if not isinstance(cause, Exception) or not isinstance(given, AsyncpgOptions):
        return explain_error(error, place)
    found: BulkqError = refused(cause, place.url, given)
    return LedgerError(f'ledger "{place.shown}": {found}')


def _settle_in(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(FULL)
    cursor.close()


def _is_missing_table(error: BaseException | None) -> bool:
    return error_state(error) in {"42P01", "3F000"} or "no such table" in str(getattr(error, "orig", ""))


def _is_rolled_back(error: BaseException | None, *, worked: bool) -> bool:
    """Whether the session is lost and its transaction with it.

    COMMIT follows the work. If the connection was closed before COMMIT could be sent, asyncpg raises its InterfaceError.
    If the server had ended the session for its idleness before COMMIT came, that is the cause of the loss.
    """
    if not isinstance(error, DBAPIError) or not error.connection_invalidated:
        return False
    return not worked or isinstance(error, InterfaceError) or _was_idle(error.orig)


def _was_idle(error: BaseException | None) -> bool:
    while error is not None:
        if getattr(error, "sqlstate", None) == lock_holder.IDLE_TIMEOUT:
            return True
        error = error.__cause__
    return False
