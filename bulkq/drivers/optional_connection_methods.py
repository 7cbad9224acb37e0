"""Defaults for everything that is optional in the connection of a driver.

A library with blocking calls does not need it: see `bulkq.drivers.dbapi.driver_of_blocking_library`. `docs/drivers.md` helps to choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model import Decoding, Limits, Mode, Query, StatementClass
from bulkq.model.maintenance import CommandReply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from bulkq.model import AttemptSteps, BadValue, Claim, ParameterSet, Reply, Server
    from bulkq.protocols import Statement


class BaseConnection:
    """Defaults for the optional methods of a connection; see `bulkq.protocols.Connection`.

    The default `stream` holds a whole result in memory. The default `check` accepts every value.
    """

    server: Server

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
        """Execute `statement` for every set; each driver has its own."""
        raise NotImplementedError

    async def stream(self, statement: Statement, params: ParameterSet, limits: Limits) -> AsyncIterator[Reply]:
        """Yield the rows of one set, in one piece."""
        yield await self.attempt(statement, [params], limits)

    async def command(self, sql: str, *, timeout_s: float | None, lock_timeout_s: float | None) -> CommandReply:
        """Execute one statement of bulkq outside a transaction; return its rows and the messages of the server beside them.

        Raises:
            DatabaseError: it failed. If the task is cancelled, the statement is cancelled first.
        """
        query = Query("command", sql, statement=StatementClass.MAINTENANCE, mode=Mode.MAINTENANCE, transaction=False)
        statement = await self.prepare(query, Decoding.PYTHON, typed=True, identifiers={})
        limits = Limits(timeout_s=timeout_s, lock_timeout_s=lock_timeout_s, read_only=False, transaction=False)
        reply = await self.attempt(statement, [()], limits)
        return CommandReply(rows=tuple(zip(*reply.values, strict=True)))

    async def catalog_rows(self, sql: str, *, timeout_s: float) -> Sequence[Sequence[object]]:
        """Ask a question of bulkq about the database, in a transaction that only reads and is over at once; return its rows.

        A driver may have a way with fewer round trips. The values are those of `Decoding.PYTHON`.

        Raises:
            DatabaseError: there is no answer.
        """
        statement = await self.prepare(Query("catalog", sql), Decoding.PYTHON, typed=True, identifiers={})
        reply = await self.attempt(statement, [()], Limits(timeout_s=timeout_s))
        return list(zip(*reply.values, strict=True))

    async def prepare(
        self, query: Query, decoding: Decoding, *, typed: bool, identifiers: Mapping[str, str]
    ) -> Statement:
        """Prepare a statement; each driver has its own."""
        raise NotImplementedError

    async def copy(self, statement: Statement, delimiter: str, limits: Limits, write: Callable[[bytes], object]) -> int:  # noqa: ARG002
        """Raise, because the database has no COPY and `Capabilities.copies` is False.

        Raises:
            UsageError: always.
        """
        raise UsageError("this driver cannot send a result as CSV")

    async def check(self, statement: Statement, sets: Sequence[ParameterSet]) -> list[BadValue]:  # noqa: ARG002
        """Return no bad value."""
        return []

    def must_be_claimable(self, statement: Statement) -> None:
        """Check that what a prepared write does is undone with its transaction, as far as the driver knows. Executes nothing.

        Raises:
            RefusedError: a marker in the transaction would prove nothing.
        """

    async def why_apart(self, statement: Statement) -> str:  # noqa: ARG002
        """Return why each set of a batch of reads is executed by itself; "" if one statement may stand for all of them.

        A driver with `Capabilities.sets_together` asks the database where the text is not enough. It executes nothing of the user.
        """
        return "the driver executes each set by itself"
