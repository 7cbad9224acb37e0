"""`bulkq lint --prepare`: let the server prepare queries, and report what it rejects.

Nothing is executed: a prepared statement is parsed and planned, not run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import DatabaseError, TargetError
from bulkq.lifecycle.check_requirements import find_skipped
from bulkq.lifecycle.names_as_texts import find_name_as_text
from bulkq.lifecycle.untyped_parameters import find_untyped
from bulkq.model import Decoding, PlaceholderKind, StatementClass
from bulkq.model.frozen_dataclass import frozen
from bulkq.query import lint_untyped, locate, point_at
from bulkq.query.range_placeholder import RangeError, expand, has_range
from bulkq.targets import open_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Query, Server, Target
    from bulkq.protocols import Connection
    from bulkq.query import LintFinding
    from bulkq.query.range_placeholder import RangeStatement


ANOTHER = "another query of this name is for this server"


@frozen
class Finding:
    """What the server says against one query."""

    place: str  # `users.sql:12`, or `-e:1` for inline SQL
    message: str
    sqlstate: str | None
    hint: str | None
    caret: str = ""  # the line it points at and, below, a caret; "" where the server gave no position


@frozen
class ServerFindings:
    """What the server said: findings, the queries it was not asked about with the reason, and how many it took."""

    findings: tuple[Finding, ...]
    skipped: tuple[tuple[Query, str], ...]
    accepted: int
    target: str
    server: Server
    warnings: tuple[LintFinding, ...] = ()  # of what the statement alone does not show


async def prepare(queries: Sequence[Query], target: Target) -> ServerFindings:
    """Let the server of `target` prepare every query, over one connection; nothing is executed.

    Raises:
        TargetError: the target cannot be reached, or the connection was lost.
    """
    driver = open_target(target, application_name="bulkq lint", read_only=True)
    connection = await driver.connect()
    findings: list[Finding] = []
    skipped: list[tuple[Query, str]] = []
    warnings: list[LintFinding] = []
    accepted = 0
    try:
        for query, unmet in zip(queries, await find_skipped(connection, queries), strict=True):
            reason = why_not(query) or (ANOTHER if unmet is None else unmet)
            if reason:
                skipped.append((query, reason))
                continue
            found = await ask(connection, query)
            accepted += found is None
            findings += [found] if found else []
            if found is None and driver.capabilities.dynamic_types:
                names = {parameter.name for parameter in query.parameters}
                known = lint_untyped(query, {}, names)
                warnings += [one for one in await find_untyped(connection, query, names) if one not in known]
                text = await find_name_as_text(connection, query)
                warnings += [text] if text else []
    finally:
        await connection.close()
    server = connection.server
    return ServerFindings(tuple(findings), tuple(skipped), accepted, driver.target, server, tuple(warnings))


def why_not(query: Query) -> str:
    """Why the server cannot be asked to prepare `query`; "" when it can."""
    if any(parameter.kind is PlaceholderKind.IDENTIFIER for parameter in query.parameters):
        return "its identifiers are known only when it runs"
    if query.statement in {StatementClass.MAINTENANCE, StatementClass.DDL, StatementClass.SESSION}:
        return f"{query.verb or 'the statement'} is checked only when it runs"
    return ""


async def ask(connection: Connection, query: Query) -> Finding | None:
    """What the server says against `query`, which is prepared.

    Raises:
        TargetError: the connection was lost.
    """
    try:
        asked = _without_range(query, connection.server.product)
    except RangeError as wrong:
        return Finding(locate(query, wrong.offset), wrong.reason, None, None, point_at(query, wrong.offset))
    try:
        await connection.prepare(asked.query if asked else query, Decoding.PYTHON, typed=False, identifiers={})
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(f"the connection was lost while {query.place} was prepared: {error}") from error
        if asked and error.offset is not None:
            error.offset = asked.source(error.offset)
        return finding(query, error)
    return None


def _without_range(query: Query, product: str) -> RangeStatement | None:
    """`query` with a condition in place of `:range`; None if it has none. The key is known only to a backfill."""
    return expand(query, product, lambda _alias: "(1 = 1)") if has_range(query) else None


def finding(query: Query, error: DatabaseError) -> Finding:
    """The complaint of `error`, at the line it points at or at the query's first."""
    place = locate(query, error.offset or 0)
    pointed = point_at(query, error.offset) if error.offset is not None else ""
    return Finding(place, str(error), error.sqlstate, error.hint, pointed)
