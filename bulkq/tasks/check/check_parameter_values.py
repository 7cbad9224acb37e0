"""Check the parameter values of checks before the first statement: with a bad value, nothing is executed.

Of queries that give parameters nothing is asked: they are the user's.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.lifecycle.check_parameter_values import check_values
from bulkq.lifecycle.preflight import PEEKED
from bulkq.lifecycle.statements_by_identifier import StatementsByIdentifier
from bulkq.lifecycle.untyped_parameters import find_untyped, warning
from bulkq.sources import open_source_for, texts_of
from bulkq.sources.peekable_source import PeekableSource

if TYPE_CHECKING:
    from bulkq.engine.pool import ConnectionPool
    from bulkq.model import Batch, Capabilities, PartSpec, Query
    from bulkq.protocols import Connection, ParameterSource
    from bulkq.sources import Request


async def first_sets(wanted: Request, query: Query, source: object, can: Capabilities) -> Batch | None:
    """The first sets of a source: read a second time where that can be done, so that nothing is held; None where there are none.

    Raises:
        ParameterError: one of them cannot be read, or is no value of its declared type.
    """
    if isinstance(source, PeekableSource):
        return await source.peek(PEEKED)
    again = PeekableSource(await open_source_for(can, wanted, query, unused_constants_ok=True))
    try:
        return await again.peek(PEEKED)
    finally:
        await again.close()


async def values_fit(spec: PartSpec, head: Batch, sessions: ConnectionPool, asked: set[tuple[object, ...]]) -> None:
    """Ask the target about the values of `head`, once for targets that would say the same.

    A statement that cannot be prepared, or a target that goes away, is for the run to tell.

    Raises:
        ParameterError: one line per bad value, up to twenty.
    """
    try:
        connection = await sessions.first()
    except (TargetError, RefusedError):
        return
    try:
        await _ask(spec, head, connection, asked)
    except (DatabaseError, TargetError):
        await connection.close()
        return
    except BaseException:
        await connection.close()
        raise
    sessions.give_back(connection)


async def untyped_warnings(
    query: Query, source: ParameterSource, can: Capabilities, sessions: ConnectionPool
) -> list[str]:
    """Warnings of values of `query` that the target compares as numbers or as text.

    A statement that cannot be prepared, or a target that goes away, is for the run to tell.
    """
    names = texts_of(source)
    if not names or not can.dynamic_types:
        return []
    with contextlib.suppress(DatabaseError, TargetError, RefusedError):
        connection = await sessions.first()
        try:
            found = await find_untyped(connection, query, names)
        except BaseException:
            await connection.close()
            raise
        sessions.give_back(connection)
        return [*map(warning, found)]
    return []


async def _ask(spec: PartSpec, head: Batch, connection: Connection, asked: set[tuple[object, ...]]) -> None:
    by_identifier = StatementsByIdentifier(spec)
    await by_identifier.prepare(connection, head)
    server = connection.server
    for statement, positions in by_identifier.each(head):
        question = (spec.query.place, server.product, server.version_number, statement.parameter_types, positions)
        if question not in asked:
            asked.add(question)
            await check_values(connection, statement, head, positions=positions)
