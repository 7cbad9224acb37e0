"""A connection whose attempts have spans, by the stable conventions for databases.

https://opentelemetry.io/docs/specs/semconv/database/database-spans/
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.errors import UsageError
from bulkq.model import Query
from bulkq.telemetry.tracer_and_meter import durations, is_active, tracer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from bulkq.model import AttemptSteps, BadValue, Claim, Decoding, Limits, ParameterSet, Reply
    from bulkq.model.maintenance import CommandReply
    from bulkq.protocols import Connection, Statement


def trace_connection(connection: Connection, target: str) -> Connection:
    """Return `connection`, with spans if the process uses OpenTelemetry.

    Args:
        connection: open.
        target: its label in output: a name, or a URL without the password.
    """
    if not is_active() or isinstance(connection, TracedConnection):
        return connection
    return TracedConnection(connection, target)


class TracedConnection(BaseConnection):
    """Makes a span and a duration for each attempt; everything else is that of the connection.

    Args:
        connection: open.
        target: its label in output.
    """

    def __init__(self, connection: Connection, target: str) -> None:
        self._connection = connection
        self._fixed = _fixed(connection, target)
        self.server = connection.server

    async def prepare(
        self, query: Query, decoding: Decoding, *, typed: bool, identifiers: Mapping[str, str]
    ) -> Statement:
        """See `bulkq.protocols.Connection`, as the other methods."""
        return await self._connection.prepare(query, decoding, typed=typed, identifiers=identifiers)

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
        """Attempt a batch within a span."""
        with self._span(statement.query, len(sets)):
            return await self._connection.attempt(
                statement, sets, limits, claim=claim, before_commit=before_commit, steps=steps
            )

    async def stream(self, statement: Statement, params: ParameterSet, limits: Limits) -> AsyncIterator[Reply]:
        """Yield the pieces of a result; its span ends with the last one."""
        with self._span(statement.query, 1):
            async for reply in self._connection.stream(statement, params, limits):
                yield reply

    async def copy(self, statement: Statement, delimiter: str, limits: Limits, write: Callable[[bytes], object]) -> int:
        """Copy a result within a span."""
        with self._span(statement.query, 1):
            return await self._connection.copy(statement, delimiter, limits, write)

    async def command(self, sql: str, *, timeout_s: float | None, lock_timeout_s: float | None) -> CommandReply:
        """Execute a command of maintenance within a span. Its reply has the messages of the server, which say what was not done."""
        connection = _base(self._connection)
        with self._span(Query("command", sql, verb=sql.partition(" ")[0]), 1):
            return await connection.command(sql, timeout_s=timeout_s, lock_timeout_s=lock_timeout_s)

    async def administer(
        self, statements: Sequence[str], *, lock_timeout_s: float | None = 2.0
    ) -> list[tuple[object, ...]]:
        """Execute statements of bulkq, without a span."""
        return await self._connection.administer(statements, lock_timeout_s=lock_timeout_s)

    async def check(self, statement: Statement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """Check values."""
        return await self._connection.check(statement, sets)

    async def catalog_rows(self, sql: str, *, timeout_s: float) -> Sequence[Sequence[object]]:
        """Ask the catalog, without a span."""
        return await _base(self._connection).catalog_rows(sql, timeout_s=timeout_s)

    def must_be_claimable(self, statement: Statement) -> None:
        """Check that what a prepared write does is undone with its transaction."""
        _base(self._connection).must_be_claimable(statement)

    async def why_apart(self, statement: Statement) -> str:
        """Return why the sets of a batch are executed one by one."""
        if isinstance(self._connection, BaseConnection):
            return await self._connection.why_apart(statement)
        return await super().why_apart(statement)

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    @contextmanager
    def _span(self, query: Query, sets: int) -> Iterator[None]:
        """A span that is not current: a stream is left and entered again in other contexts."""
        from opentelemetry.trace import SpanKind, StatusCode

        operation = f"BATCH {query.verb}" if sets > 1 else query.verb
        summary = f"{operation} {query.name}"
        attributes = {**self._fixed, "db.operation.name": operation, "db.query.summary": summary}
        batch = {"db.operation.batch.size": sets} if sets > 1 else {}
        span = tracer().start_span(summary, kind=SpanKind.CLIENT, attributes={**attributes, **batch})
        began_s, failed = time.perf_counter(), {}
        try:
            yield
        except BaseException as error:
            failed = _failed(error)
            span.set_attributes(failed)
            span.set_status(StatusCode.ERROR)  # its description would be the message, which may hold values
            raise
        finally:
            span.end()
            durations().record(time.perf_counter() - began_s, {**attributes, **failed})


def _base(connection: Connection) -> BaseConnection:
    """The connection that a caller of an optional method has found to have them; see `bulkq.lifecycle.maintain.target_objects.able`."""
    if not isinstance(connection, BaseConnection):
        raise UsageError(
            "the driver of this target has only the methods that every driver must have: leave the target out"
        )
    return connection


def _fixed(connection: Connection, target: str) -> dict[str, str | int]:
    """What is the same for all spans of a connection."""
    server = connection.server
    found: dict[str, str | int] = {"db.system.name": server.product.lower().replace(" ", "_") or "other_sql"}
    if server.database:
        found["db.namespace"] = server.database
    try:
        url = urlsplit(target)
        host, port = url.hostname, url.port
    except ValueError:  # of a target's name that looks like a URL
        return found
    if url.scheme and host:
        found["server.address"] = host
        if port:
            found["server.port"] = port
    return found


def _failed(error: BaseException) -> dict[str, str]:
    """The type of an error. The conventions want the SQLSTATE as type and as code."""
    state = getattr(error, "sqlstate", None)
    if not state:
        return {"error.type": type(error).__name__}
    return {"error.type": str(state), "db.response.status_code": str(state)}
