"""Warn about parameters without a declared type, by the columns that they are compared with."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from bulkq.dialects import DYNAMIC
from bulkq.errors import DatabaseError, TargetError
from bulkq.model import Decoding, Limits

if TYPE_CHECKING:
    from collections.abc import Container

    from bulkq.model import Query
    from bulkq.protocols import Connection
    from bulkq.query import LintFinding

LIMITS = Limits(timeout_s=5.0)


def warning(finding: LintFinding) -> str:
    """What people read."""
    return f"warning: {finding.file}:{finding.line}: {finding.message}"


async def find_untyped(connection: Connection, query: Query, names: Container[str]) -> list[LintFinding]:
    """Find the parameters that the target compares as numbers or as text, by the value alone.

    Args:
        connection: to a target with `Capabilities.dynamic_types`.
        query: the query as it is sent.
        names: parameters whose values come as text.

    Raises:
        TargetError: the connection was lost.
    """
    if not any(p.name in names and p.type is None for p in query.parameters):
        return []
    from bulkq.query import find_tables, lint_untyped

    columns = {name: await _affinities(connection, name) for name in sorted(find_tables(query))}
    return lint_untyped(query, columns, names)


async def _affinities(connection: Connection, table: str) -> dict[str, bool]:
    """By column, in lower case: whether it has an affinity; {} where the library or a broken view does not say."""
    try:
        statement = await connection.prepare(_columns(), Decoding.PYTHON, typed=True, identifiers={})
        reply = await connection.attempt(statement, [(table,)], LIMITS)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(str(error)) from error
        return {}
    rows = zip(*reply.values, strict=True)
    return {str(name).lower(): DYNAMIC.has_affinity(str(kind or ""), str(made or "")) for name, kind, made in rows}


@cache
def _columns() -> Query:
    from bulkq.query import inline

    return inline(DYNAMIC.affinities.strip(), DYNAMIC.name)
