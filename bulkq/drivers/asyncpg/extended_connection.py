"""asyncpg's connection with additions: return to idle, state of TLS, COPY without a task switch for each piece.

A read may leave its transaction to the statement that follows, which ends it, or is described and executed in it; see `linger`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, TypeVar

import asyncpg
from asyncpg.cursor import Cursor
from asyncpg.prepared_stmt import PreparedStatement

from bulkq.drivers.asyncpg.pg_types import TEXT_ARRAY
from bulkq.drivers.asyncpg.type_modifiers import DescriptionTap
from bulkq.text.array_literals import array_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence

    from bulkq.drivers.asyncpg.connect_arguments import KeepAlive
    from bulkq.model import Setting

GRACE_S = 2.0
"""How long a cancelled or failed statement may take to end before the socket is cut."""

BROKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where a session is of no use any more; TimeoutError is an OSError."""

LINGER_S = 0.02
"""How long a transaction that `linger` was called for stays open at most, if nothing follows."""

T = TypeVar("T")


class AsyncpgSession(asyncpg.Connection):  # type: ignore[misc] # asyncpg has no types
    """A session that can always be brought back to idle, or closed."""

    check_alive = False
    """What an attempt through a pooler adds to its opening, so that the server notices when we are gone."""

    command_limits = ""
    """The limits that the last command outside a transaction has set; "" if they are those of the role."""

    heard: list[object] | None = None
    """What the server has said since `hear` was called; None if nothing is listened for."""

    opening_s = 10.0
    """How long the first message of a transaction may take: through a pooler it waits until a session of the server is free."""

    settled = False
    """Its start-up message held everything that a session of a known server is given."""

    modifiers: tuple[int, ...] = ()
    """Of the result types of the statement that was prepared last, see `bulkq.drivers.asyncpg.type_modifiers`."""

    local: tuple[Setting, ...] = ()
    """Settings that every transaction through a pooler is given; a session of our own has them from its start."""

    _left: asyncio.TimerHandle | None = None
    """Ends the transaction that `linger` was called for."""

    _left_opening = ""
    usual_openings: dict[tuple[bool, float | None], str]
    """The first message of the last read on this server that another follows, by whether its rows come in pieces, and by its lock
    timeout in seconds; "" if its limits are too narrow for a description. The next text is described in the transaction that
    executes it."""

    _ending: asyncio.Future[bool] | None = None
    """The end of that transaction, under way because nothing has followed."""

    @property
    def iso(self) -> bool:
        """Whether a transaction of the session prints dates as in ISO 8601, as far as the server has told."""
        return not self.local and str(self.get_settings().DateStyle).startswith("ISO")

    async def prepare_printed(self, sql: str, name: str, printed: Collection[int]) -> PreparedStatement:
        """Prepare `sql`; of the types with the oids `printed` the server sends the text that COPY writes.

        asyncpg chooses the format of a column by a codec of the session for its type, and keeps it with the statement.
        Its public `set_type_codec` takes no arrays, ranges and composite types, and asks the server about the name. The
        codecs are gone after the statement is prepared, so that others on this session get Python's values.
        """
        settings = self._protocol.get_settings()
        try:
            for oid in printed:
                settings.set_builtin_type_codec(oid, str(oid), "", "scalar", "text", "text")
            if TEXT_ARRAY in printed:  # also the type of a list parameter, which a codec encodes as well
                settings.add_python_codec(TEXT_ARRAY, "_text", "", [], "scalar", array_text, str, "text")
            with DescriptionTap(self._transport, self._protocol) as tap:
                statement = await self.prepare(sql, name=name)
            self.modifiers = tap.modifiers
            return statement
        finally:
            for oid in printed:
                settings.remove_python_codec(oid, "", "")

    async def prepare_bare(
        self, sql: str, name: str, printed: Callable[[Sequence[int]], Collection[int]]
    ) -> tuple[PreparedStatement, list[tuple[str, int]]]:
        """Prepare `sql`, which has no parameters, in one round trip. Return it with the names and oids of its columns.

        `printed` chooses the types that the server prints from the oids of the result types, among them all that asyncpg
        does not know by itself.
        """
        settings = self._protocol.get_settings()
        if self._stmts_to_close:
            await self._cleanup_stmts()
        with DescriptionTap(self._transport, self._protocol) as tap:
            state = await self._protocol.prepare(
                name, sql, None, record_class=self._protocol.get_record_class(), ignore_custom_codec=False
            )
        self.modifiers = tap.modifiers
        oids = printed(tap.types)
        try:
            for oid in oids:
                settings.set_builtin_type_codec(oid, str(oid), "", "scalar", "text", "text")
            state._init_types()  # noqa: SLF001 - what asyncpg does after it has asked for types
            state._init_codecs()  # noqa: SLF001
            statement = PreparedStatement(self, sql, state)
            attributes = statement.get_attributes()
        finally:
            for oid in oids:
                settings.remove_python_codec(oid, "", "")
        return statement, [(attribute.name, attribute.type.oid) for attribute in attributes]

    async def open_cursor(
        self, statement: PreparedStatement, arguments: Sequence[object], rows: int, timeout_s: float
    ) -> tuple[Cursor, list[Sequence[object]]]:
        """A cursor of `statement` and its first `rows`, in one round trip; asyncpg's own takes another one for them."""
        cursor = Cursor(self, statement.get_query(), statement._state, arguments, None)  # noqa: SLF001 - no public way
        return cursor, await cursor._bind_exec(rows, timeout_s)  # noqa: SLF001

    def hear(self) -> list[object]:
        """Return a list that gets every message of the server beside its answers, until `heard` is None again.

        The listener of asyncpg stays: it inspects each that is added, which takes as long as it takes to send a command.
        """
        if not self._log_listeners:
            self.add_log_listener(_keep_message)
        self.heard = []
        return self.heard

    def linger(self, opening: str = "") -> None:
        """Leave a read-only transaction to what comes next, which ends it in its first message; for at most `LINGER_S`.

        `opening` has begun it, and nothing of the user was executed in it; "" if something was.
        """
        self._left_opening = opening
        self._left = asyncio.get_running_loop().call_later(LINGER_S, self._end_left)

    def continues(self, opening: str) -> bool:
        """Whether the transaction that was left is what `opening` would begin; it is then no longer left."""
        if self._left is None or self._left_opening != opening:
            return False
        self.following("")
        return True

    def following(self, opening: str) -> str:
        """`opening`, which begins a transaction, behind the end of the one that was left."""
        if self._left is None:
            return opening
        self._left.cancel()
        self._left = None
        return f"ROLLBACK; {opening}"

    async def settle(self) -> None:
        """End the transaction that was left, or wait for its end."""
        if self._left is not None:
            self._left.cancel()
            self._end_left()
        await self.ended()

    async def ended(self) -> None:
        """Wait for the end of the transaction that was left, if it is under way."""
        if self._ending is not None:
            await asyncio.shield(self._ending)
            self._ending = None

    def _end_left(self) -> None:
        self._left = None
        self._ending = asyncio.ensure_future(self.recover())

    async def recover(self) -> bool:
        """Back to idle within the grace, or closed; whether it is idle. A cancellation does not stop it.

        A statement that still runs was sent a cancel request by asyncpg; ROLLBACK waits for the answer to that first.
        """
        self.following("")  # this ends also the transaction that was left
        return await undisturbed(self._ended("ROLLBACK"))

    async def cancel_statement(self, within_s: float) -> None:
        """Send a cancel request for what runs now, and wait for at most `within_s` until the server has taken it."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        told.add_done_callback(lambda one: one.cancelled() or one.exception())  # the statement has an error of its own
        sent = asyncio.ensure_future(self._cancel(told))
        if not (await asyncio.wait([sent], timeout=within_s))[0]:
            sent.cancel()

    async def forget(self, settings: str) -> bool:
        """The same for settings of the session: execute `settings`, or close."""
        return await undisturbed(self._ended(settings))

    async def _ended(self, sql: str) -> bool:
        if not self.is_closed():
            try:
                async with asyncio.timeout(GRACE_S):
                    await self.execute(sql, timeout=GRACE_S)
            except BROKEN:
                pass
            else:
                return True
        self.terminate()
        return False

    def may_be_read_only(self) -> bool:
        """Whether the server said so when the session began; versions before 14 do not say it, and neither do poolers."""
        told = self.get_settings()
        names = ("in_hot_standby", "default_transaction_read_only")
        return any(getattr(told, name, "on") == "on" for name in names)

    def tls(self) -> str:
        """`""` for a unix socket, `off`, `unverified` (encrypted, the server's identity was not verified) or `verified`."""
        if isinstance(self._addr, str):
            return ""
        tunnel = self._transport.get_extra_info("ssl_object")
        if tunnel is None:
            return "off"
        return "unverified" if tunnel.context.verify_mode == ssl.CERT_NONE else "verified"

    def keep_alive(self, how: KeepAlive) -> None:
        """Let the operating system notice a peer that vanished, by default after a minute."""
        if isinstance(self._addr, str) or not how.on:
            return
        handle = self._transport.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", how.idle_s),
            ("TCP_KEEPINTVL", how.interval_s),
            ("TCP_KEEPCNT", how.count),
            ("TCP_USER_TIMEOUT", how.unacknowledged_ms),
        ):
            if hasattr(socket, name) and value:
                handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    async def copy_out(self, sql: str, write: Callable[[bytes], Awaitable[None]], timeout_s: float) -> int:
        """Execute `COPY ... TO STDOUT` and give its bytes to `write`, which is waited for; returns the rows."""
        status: str = await self._protocol.copy_out(sql, write, timeout_s)
        return int(status.rpartition(" ")[2])


def _keep_message(session: AsyncpgSession, message: object) -> None:
    """Keep what the server of `session` says, if it is listened for."""
    if session.heard is not None:
        session.heard.append(message)


async def undisturbed(work: Coroutine[object, object, T]) -> T:
    """The result of `work`, which has a bound of its own; a cancellation waits for it and is raised then."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()
