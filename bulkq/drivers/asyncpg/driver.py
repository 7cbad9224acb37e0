"""Open sessions for a URL: libpq's options, the TLS rule, and the properties of the server."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from bulkq.dialects import postgresql
from bulkq.drivers import libpq
from bulkq.drivers.asyncpg.connect_arguments import read_options
from bulkq.drivers.asyncpg.connection import AsyncpgConnection
from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession
from bulkq.model import Capabilities, Server
from bulkq.model.attempt_limits import POOLER_S
from bulkq.text import urls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.postgresql_text_cast import ParameterType
    from bulkq.drivers.asyncpg.connect_arguments import AsyncpgOptions
    from bulkq.drivers.asyncpg.statement import Recipe

COMMAND_S = 10.0
"""Timeout of everything without one of its own, and of asyncpg's wait for the answer to a cancel request."""

PLAIN_S = 5.0
"""How long the next sessions do not ask for TLS after a server on this machine has refused it. asyncpg needs half of the processor
time of a connection for the question."""


class AsyncpgDriver:
    """PostgreSQL through asyncpg. It has no connection of its own.

    Args:
        url: `postgresql://...`; missing parameters come from the service file and libpq's environment variables.
        application_name: as in pg_stat_activity.
        read_only: every transaction is READ ONLY, whatever its limits.

    Raises:
        UsageError: the URL cannot be understood.
    """

    capabilities = Capabilities(
        name="asyncpg",
        pipelined=True,
        cancels=True,
        copies=True,
        describes=True,
        text_parameters=True,
        isolates_errors=False,
        schemas=True,
        sets_together=True,
        notices=True,
    )

    def __init__(self, url: str, *, application_name: str, read_only: bool) -> None:
        self.target = urls.hide_passwords(url)
        self._url = url
        self._options: AsyncpgOptions = read_options(url)
        self._application_name = application_name
        self._read_only = read_only
        self._server: Server | None = None  # what the first session found, where it was direct
        self._checks_alive = False
        self._plain_until_s = 0.0  # of the monotonic clock
        self._recipes: dict[tuple[object, ...], Recipe] = {}
        self._openings: dict[int, dict[tuple[bool, float | None], str]] = {}  # of reads, by the version of the server
        self._kinds: dict[tuple[Sequence[str], int], ParameterType] = {}

    async def connect(self) -> AsyncpgConnection:
        """Open a session within ten seconds.

        Raises:
            TargetError: the message says which part failed.
            UsageError: an option in the URL or the environment is wrong.
        """
        session: AsyncpgSession | None = None
        try:
            async with asyncio.timeout(self._options.timeout_s):
                session = await self._open()
                server = self._known(session) or await self._look(session)
                if self._options.settings and not (server.pooled or session.settled):
                    # Without a pooler the server takes settings at the start of a session, as it does from psql.
                    await session.close()
                    session = await self._open()
                    server = await self._look(session)
        except asyncio.CancelledError:
            _drop(session)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, the target cannot be used
            _drop(session)
            from bulkq.drivers.asyncpg.connect_errors import explain_error, is_busy, is_foreign_server

            foreign = await is_foreign_server(error)
            busy = isinstance(error, TimeoutError) and (session is not None or await is_busy(self._options))
            raise explain_error(error, self._url, self._options, foreign=foreign, busy=busy) from None
        session.usual_openings = self._openings.setdefault(server.version_number, {})
        return AsyncpgConnection(session, server, read_only=self._read_only, recipes=self._recipes, kinds=self._kinds)

    def _known(self, session: AsyncpgSession) -> Server | None:
        """Return the server that the first direct session found, so that a hundred lanes send the queries once."""
        if self._server is None or not session.settled or (not self._read_only and session.may_be_read_only()):
            return None
        return replace(self._server, pid=session.get_server_pid(), tls=session.tls())

    def _startup(self) -> dict[str, str]:
        """Return the parameters of the start-up message: a known server accepts all, a pooler only the name."""
        settings = {"application_name": self._options.application_name or self._application_name}
        if self._server is not None and self._options.settings:
            settings["options"] = libpq.startup(self._options.settings)
        if self._server is not None and self._read_only:
            settings["default_transaction_read_only"] = "on"
        if self._server is not None and self._checks_alive:
            settings[postgresql.CHECK_ALIVE_NAME] = str(postgresql.CHECK_MS)
        return settings

    async def _open(self) -> AsyncpgSession:
        """Open a session; without the question for TLS if the server has just refused it."""
        if time.monotonic() < self._plain_until_s:
            try:
                return await self._start(plain=True)
            except (OSError, asyncpg.PostgresError):  # perhaps it takes sessions with TLS alone by now
                self._plain_until_s = 0.0
        session = await self._start(plain=False)
        if self._options.may_be_plain and session.tls() == "off":
            self._plain_until_s = time.monotonic() + PLAIN_S
        return session

    async def _start(self, *, plain: bool) -> AsyncpgSession:
        given = self._options
        settled = self._server is not None
        session: AsyncpgSession = await asyncpg.connect(
            **given.arguments(plain=plain),
            command_timeout=COMMAND_S,
            statement_cache_size=0,  # we prepare what we repeat, by name, and a pooler must see no names at all
            server_settings=self._startup(),
            connection_class=AsyncpgSession,
        )
        session.settled = settled
        session.keep_alive(given.keep_alive)
        # The one type of a system view that asyncpg cannot read: pg_stats.most_common_vals. Its oid is known, so no query is sent.
        await session.set_builtin_type_codec("anyarray", schema="pg_catalog", codec_name="text", format="text")
        return session

    async def _look(self, session: AsyncpgSession) -> Server:
        """Read the properties of the server with one query. If its backend is not that of the start-up, a pooler is in between."""
        found = await session.fetchrow(postgresql.LOOK)
        pooled = found[0] != session.get_server_pid()
        if pooled and self._options.settings:
            session.local = self._options.settings
            found = await self._with_settings(session)
        pid, version, number, database, user, standby, most, superuser, free, locked = found
        locked = locked and not self._read_only
        session.opening_s = POOLER_S if pooled else COMMAND_S
        await self._settle_in(session, number, pooled=pooled)
        server = Server(
            product="postgresql",
            version=version.partition(" ")[0],
            version_number=number,
            pid=None if pooled else pid,
            pooled=pooled,
            tls=session.tls(),
            database=database,
            user=user,
            superuser=bool(superuser),
            in_recovery=standby,
            free_connections=None if pooled else free,
            max_connections=most,
            read_only=await self._obstacle(session) if locked else "",
            settings=self._options.settings,
        )
        self._server = None if pooled or locked else server
        return server

    async def _with_settings(self, session: AsyncpgSession) -> asyncpg.Record:
        """Read them through a pooler, with the settings of each transaction, which also shows that the server accepts these."""
        await session.execute(f"BEGIN; {postgresql.local(session.local)}")
        try:
            return await session.fetchrow(postgresql.LOOK)
        finally:
            await session.recover()

    async def _obstacle(self, session: AsyncpgSession) -> str:
        from bulkq.drivers import postgresql_read_only_errors

        return postgresql_read_only_errors.explain_read_only(
            await session.fetchrow(postgresql_read_only_errors.WHY), self._options.settings
        )

    async def _settle_in(self, session: AsyncpgSession, number: int, *, pooled: bool) -> None:
        """Set a direct session up once. Behind a pooler other clients share the session, so each attempt sets it instead."""
        guard = "SET default_transaction_read_only = on" if self._read_only and not pooled else ""
        alive = f"BEGIN; SET LOCAL {postgresql.CHECK_ALIVE}; ROLLBACK" if pooled else f"SET {postgresql.CHECK_ALIVE}"
        if number >= 140000:
            try:
                await session.execute(f"{guard}; {alive}" if guard else alive)
            except asyncpg.PostgresError:  # refused on platforms that cannot see a closed socket
                await session.execute("ROLLBACK")
            else:
                session.check_alive, self._checks_alive = pooled, not pooled
                return
        if guard:
            await session.execute(guard)


def open(url: str, *, application_name: str, read_only: bool) -> AsyncpgDriver:  # noqa: A001 - every driver module has `open`
    """Return the driver for `url`. It does not connect yet.

    Raises:
        UsageError: the URL cannot be understood.
    """
    return AsyncpgDriver(url, application_name=application_name, read_only=read_only)


def _drop(session: AsyncpgSession | None) -> None:
    if session is not None:
        session.terminate()
