"""One session of PostgreSQL: the `Connection` of the asyncpg driver.

Every network wait has a bound, and after every error the session is either known to be idle or closed.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from bulkq.dialects import postgresql
from bulkq.drivers.asyncpg.attempt import Attempt
from bulkq.drivers.asyncpg.execute_own_statements import administer, read_catalog
from bulkq.drivers.asyncpg.extended_connection import BROKEN, GRACE_S
from bulkq.drivers.asyncpg.lock_wait_errors import name_owners
from bulkq.drivers.asyncpg.prepare import Describer, PrepareRequest
from bulkq.drivers.asyncpg.statement import STREAMED, AsyncpgStatement, Recipe
from bulkq.drivers.asyncpg.translate_errors import is_stale, translate
from bulkq.drivers.asyncpg.validate_texts import AsyncpgTextValidator
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.drivers.prepare_attempt_steps import prepare_steps
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Decoding, Phase
from bulkq.policy.batch_form import limits_together

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

    from bulkq.dialects.postgresql_text_cast import ParameterType
    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession
    from bulkq.drivers.asyncpg.pg_types import PgType
    from bulkq.drivers.asyncpg.validate_texts import SoundTexts
    from bulkq.drivers.prepare_attempt_steps import PreparedSteps
    from bulkq.model import AttemptSteps, BadValue, Claim, Limits, ParameterSet, Query, Reply, Server
    from bulkq.model.maintenance import CommandReply
    from bulkq.protocols import Statement

PREPARE_S = 30.0
RECIPES = 1_000
"""Statements whose description the sessions of a driver share. A service may have a new text for each run."""

STATEMENTS = 100
"""Maximum number of prepared statements of a session; the oldest is closed first."""

T = TypeVar("T")


class AsyncpgConnection(BaseConnection):
    """One session.

    Args:
        session: idle.
        server: the properties of the server.
        read_only: every transaction is READ ONLY, whatever its limits.
    """

    def __init__(
        self,
        session: AsyncpgSession,
        server: Server,
        *,
        read_only: bool,
        recipes: dict[tuple[object, ...], Recipe] | None = None,
        kinds: dict[tuple[Sequence[str], int], ParameterType] | None = None,
    ) -> None:
        self.server = server
        self._session = session
        self._read_only = read_only
        self._recipes = {} if recipes is None else recipes  # shared by the sessions of a driver
        self._kinds = {} if kinds is None else kinds  # likewise
        self._sound: set[SoundTexts] = set()
        self._statements: dict[tuple[object, ...], AsyncpgStatement] = {}
        self._types: dict[int, PgType] = {}
        self._numbers = count(1)
        self._streaming: Attempt | None = None

    async def prepare(
        self, query: Query, decoding: Decoding, *, typed: bool, identifiers: Mapping[str, str]
    ) -> AsyncpgStatement:
        """Return the statement of `query`, from the cache or from the server; see `Connection.prepare`."""
        key = (
            query.sql,
            query.schema,
            query.behind,
            query.parameters,
            query.transaction,
            query.one_set,
            decoding,
            typed,
            tuple(identifiers.items()),
        )
        found = self._statements.get(key)
        if found is None:
            await (self._clear() if identifiers else self._ready())
            try:
                found = await self._guarded(self._describe(PrepareRequest(query, decoding, typed, identifiers), key))
            except DatabaseError as error:
                await name_owners(self._session, error)
                raise
            self._recipes[key] = found.recipe()
            while len(self._recipes) > RECIPES:
                del self._recipes[next(iter(self._recipes))]
            while len(self._statements) >= STATEMENTS:
                del self._statements[next(iter(self._statements))]
            self._statements[key] = found
        return found

    async def attempt(
        self,
        statement: Statement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        *,
        claim: Claim | None = None,
        before_commit: Callable[[int], None] | None = None,
        steps: AttemptSteps | None = None,
    ) -> Reply:
        """Execute for every set in one transaction; see `Connection.attempt`.

        If the task is cancelled during COMMIT, it waits for the answer: it returns the reply or raises DatabaseError in
        phase COMMITTING, never CancelledError. `before_commit` applies to writes in a transaction only.
        """
        own = _own(statement)
        alone = own.single or not limits.transaction
        plain = claim is None and steps is None
        assert plain or not (alone or limits.read_only), "claims and steps are for a write in a transaction"
        prepared = None if steps is None else await prepare_steps(steps, self._prepare_step)
        await (self._ready() if limits.read_only and not alone else self._clear())
        if limits.together:
            shared = len(sets) > 1 and not alone and not await self.why_apart(own)
            limits = limits_together(limits) if shared else replace(limits, together=False)
        try:
            if alone:
                return await self._outside(own, sets, limits)
            return await self._try(own, sets, limits, claim, before_commit, prepared).run()
        except DatabaseError as error:
            around = () if prepared is None else (*prepared.before, *prepared.after)
            self._drop_stale(error, own, *(made for _, made in around))
            raise

    async def why_apart(self, statement: Statement) -> str:
        """Ask the server, once for each session; see `BaseConnection.why_apart`."""
        own = _own(statement)
        if own.apart is None:
            await self._clear()
            await self._guarded(self._describer(own.query).share(own))
        return own.apart or ""

    async def stream(self, statement: Statement, params: ParameterSet, limits: Limits) -> AsyncGenerator[Reply, None]:
        """Yield the rows of one set in pieces; see `Connection.stream`."""
        own = _own(statement)
        await self._ready()
        whole = own.single or not limits.transaction or own.shape.form not in STREAMED
        if whole or own.query.one_row:  # the server has parallel workers for a statement, but not for a cursor
            yield await self.attempt(own, [params], limits)
            return
        attempt = self._streaming = self._try(own, [params], limits)
        pieces = attempt.pieces()
        try:
            async for piece in pieces:
                yield piece
        except DatabaseError as error:
            self._drop_stale(error, own)
            raise
        finally:
            await pieces.aclose()
            if self._streaming is attempt:  # else the next user of the session has ended it already
                self._streaming = None

    async def copy(self, statement: Statement, delimiter: str, limits: Limits, write: Callable[[bytes], object]) -> int:
        """Write the whole result as CSV; see `Connection.copy`."""
        await self._clear()
        return await self._try(_own(statement), [()], limits).copy(delimiter, write)

    async def command(self, sql: str, *, timeout_s: float | None, lock_timeout_s: float | None) -> CommandReply:
        """Execute one statement outside a transaction; see `BaseConnection.command`."""
        from bulkq.drivers.asyncpg.execute_command import execute_command

        await self._clear()
        return await execute_command(
            self._session, sql, timeout_s=timeout_s, lock_timeout_s=lock_timeout_s, pid=self.server.pid
        )

    async def administer(
        self, statements: Sequence[str], *, lock_timeout_s: float | None = 2.0
    ) -> list[tuple[object, ...]]:
        """Execute statements of bulkq in one durable transaction; see `Connection.administer`."""
        await self._clear()
        return await administer(
            self._session, statements, lock_timeout_s, read_only=self._read_only, pid=self.server.pid
        )

    async def catalog_rows(self, sql: str, *, timeout_s: float) -> Sequence[Sequence[object]]:
        """Ask without a look at the types of the answer, which are the server's own; see `BaseConnection.catalog_rows`."""
        await self._clear()
        return await read_catalog(self._session, sql, timeout_s, pid=self.server.pid)

    async def export_snapshot(self) -> str:
        """Begin a transaction that is open until `close`; see `SnapshotConnection.export_snapshot`."""
        await self._clear()
        return await self._guarded(self._export())

    async def check(self, statement: Statement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """Return the text values that their types do not accept; see `Connection.check`."""
        own = _own(statement)
        if own.typed or not own.shape.bound or not sets:
            return []
        await self._ready()
        checker = AsyncpgTextValidator(self._session, self.server, own.query.path, self._sound)
        return await self._guarded(checker.check(own, sets))

    async def close(self) -> None:
        """End the session within two seconds, if necessary by closing the socket."""
        try:
            self._session.following("")  # the end of the session ends the transaction
            await self._session.ended()
            await self._session.close(timeout=GRACE_S)
        except BROKEN:
            self._session.terminate()

    async def _export(self) -> str:
        await self._session.execute(postgresql.EXPORT)
        return str(await self._session.fetchval("SELECT pg_catalog.pg_export_snapshot()"))

    async def _describe(self, wanted: PrepareRequest, key: tuple[object, ...]) -> AsyncpgStatement:
        describer = self._describer(wanted.query)
        async with asyncio.timeout(max(PREPARE_S, self._session.opening_s)):
            recipe = self._recipes.get(key)  # it stays, because other lanes begin at the same time
            if recipe is not None and (again := await describer.again(wanted, recipe)) is not None:
                return again
            self._recipes.pop(key, None)
            return await describer.describe(wanted)

    def _describer(self, query: Query) -> Describer:
        return Describer(
            self._session,
            self._types,
            self._name,
            pooled=self.server.pooled,
            path=query.path,
            lock_timeout_s=query.lock_timeout_s,
            kinds=self._kinds,
        )

    def _try(
        self,
        statement: AsyncpgStatement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        claim: Claim | None = None,
        before_commit: Callable[[int], None] | None = None,
        steps: PreparedSteps[AsyncpgStatement] | None = None,
    ) -> Attempt:
        if self._read_only and not limits.read_only:
            limits = replace(limits, read_only=True)
        return Attempt(
            self._session, self.server, statement, sets, limits, claim=claim, before_commit=before_commit, steps=steps
        )

    async def _prepare_step(self, query: Query) -> AsyncpgStatement:
        return await self.prepare(query, Decoding.PYTHON, typed=False, identifiers={})

    async def _outside(self, statement: AsyncpgStatement, sets: Sequence[ParameterSet], limits: Limits) -> Reply:
        place = statement.query.place
        if len(sets) != 1:
            raise ValueError("outside a transaction an attempt is one parameter set")
        if limits.read_only or self._read_only:
            raise RefusedError(f"{place}: outside a transaction, bulkq cannot keep it from changing data: add --write")
        if self.server.pooled:
            raise RefusedError(
                f"{place}: runs outside a transaction, where a pooler keeps no timeouts: connect to the server itself"
            )
        return await self._try(statement, sets, limits).alone()

    async def _guarded(self, work: Awaitable[T]) -> T:
        """Await `work`, which executes nothing of the user. Translate its errors; afterwards the session is idle or closed."""
        try:
            return await work
        except RefusedError:
            raise
        except Exception as error:
            idle = await self._session.recover()
            raise translate(error, Phase.PREPARING, idle=idle, pid=self.server.pid, deadline_s=PREPARE_S) from error
        except BaseException:
            await self._session.recover()
            raise

    async def _clear(self) -> None:
        """End a stream whose reader left it open, and the transaction that was left to what follows."""
        await self._ready()
        await self._session.settle()

    async def _ready(self) -> None:
        """End a stream whose reader left it open. What follows begins with `AsyncpgSession.following`."""
        await self._session.ended()
        if self._streaming is not None:
            await self._streaming.abandon()
            self._streaming = None

    def _drop_stale(self, error: DatabaseError, *statements: AsyncpgStatement) -> None:
        if is_stale(error.__cause__):
            for key in [key for key, kept in self._statements.items() if kept in statements]:
                del self._statements[key]
                self._recipes.pop(key, None)  # of the old tables

    def _name(self) -> str:
        """Return a name for a statement; "" behind a pooler, where the text is sent with every execution."""
        return "" if self.server.pooled else f"bulkq_{next(self._numbers)}"


def _own(statement: Statement) -> AsyncpgStatement:
    if not isinstance(statement, AsyncpgStatement):
        raise TypeError("the statement belongs to another driver")
    return statement
