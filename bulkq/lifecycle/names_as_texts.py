"""Find a name in double quotes that SQLite takes for a text, because no column has it: a condition on it is never what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.dialects import DYNAMIC
from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.model import Decoding
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.engine.pool import ConnectionPool
    from bulkq.model import Query
    from bulkq.protocols import Connection
    from bulkq.query import LintFinding

MISSING = compile_late(r"no such column: ([^\n]+)", re.IGNORECASE)


async def find_name_as_text(
    connection: Connection, query: Query, identifiers: Mapping[str, str] | None = None
) -> LintFinding | None:
    """Ask a target with `Capabilities.dynamic_types` whether a column has each name in double quotes of `query`.

    Args:
        connection: to the target.
        query: any statement that can be prepared.
        identifiers: what its `:{name}` stand for.

    Returns:
        The first that none has, if the target accepts the query with it.

    Raises:
        TargetError: the connection was lost.
    """
    if '"' not in query.sql:
        return None
    from bulkq.query import LintFinding, put_into_backticks

    named = put_into_backticks(query, DYNAMIC.name)
    name = "" if named is None else await _missing(connection, named, identifiers or {})
    if not name or await _refused(connection, query, identifiers or {}):
        return None  # the run reports why the query itself is refused
    line = query.line + query.sql.count("\n", 0, max(0, query.sql.find(f'"{name}"')))
    text = "'" + name.replace("'", "''") + "'"
    message = f'no column is named "{name}", so SQLite takes it for a text: correct the name, or write {text}'
    return LintFinding(query.file or "-e", line, "warning", message)


async def find_over_pool(sessions: ConnectionPool, query: Query, identifiers: Mapping[str, str]) -> LintFinding | None:
    """As `find_name_as_text`, over the first connection of a pool. None if the target has gone away."""
    try:
        connection = await sessions.first()
        try:
            found = await find_name_as_text(connection, query, identifiers)
        except BaseException:
            await connection.close()
            raise
    except (TargetError, RefusedError):
        return None
    sessions.give_back(connection)
    return found


async def _missing(connection: Connection, query: Query, identifiers: Mapping[str, str]) -> str:
    """The name that no column has; "" if the target accepts `query`, or refuses it for another reason."""
    found = MISSING.search(await _refused(connection, query, identifiers))
    return found[1].strip() if found else ""


async def _refused(connection: Connection, query: Query, identifiers: Mapping[str, str]) -> str:
    """Why the target refuses to prepare `query`; "" if it does not."""
    try:
        await connection.prepare(query, Decoding.TEXT, typed=False, identifiers=identifiers)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(str(error)) from error
        return str(error)
    return ""
