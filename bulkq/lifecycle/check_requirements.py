"""Ask a target whether it meets what queries require with `@requires`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.errors import RefusedError
from bulkq.model.requirement import NAMED
from bulkq.policy.requirements import catalog_query, choose_variants, find_unmet, fits
from bulkq.query.requirement_headers import requirements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Query
    from bulkq.model.requirement import Requirement, RequirementKind
    from bulkq.protocols import Connection


async def find_skipped(connection: Connection, queries: Sequence[Query]) -> list[str | None]:
    """Why each of `queries` is skipped here; "" if it runs, None if another one of its name runs or speaks for it.

    Raises:
        DatabaseError: the connection broke.
    """
    required = [requirements(query) for query in queries]
    if not any(required):
        return [""] * len(queries)
    server = connection.server
    there = [fits(some, server) for some in required]
    asked = [one for some, fit in zip(required, there, strict=True) if fit for one in some]
    found = await _found(connection, asked)
    reasons = [find_unmet(some, server, found) for some in required]
    return choose_variants([query.name for query in queries], reasons, there)


def unmet(label: str, query: Query, reason: str) -> RefusedError:
    """The error of a run that would change data: what it leaves out would be missed by the statements that rely on it."""
    return RefusedError(f"{label}: {query.place}: {reason}; nothing was sent")


async def leave_out_unmet(opened: OpenRun, target: OpenTarget, connection: Connection) -> None:
    """Take the parts of a target whose requirements it does not meet out of the run, and say why.

    Raises:
        RefusedError: the run would change data.
    """
    selected = opened.request.queries.selected
    reasons = await find_skipped(connection, selected)
    for part in list(target.parts):
        reason = reasons[(part.spec.number - 1) % len(selected)]
        if reason and opened.request.safety.write:
            raise unmet(target.label, part.spec.query, reason)
        if reason is None:
            target.parts.remove(part)
            opened.parts.remove(part)
        elif reason:
            part.unmet, part.exhausted = reason, True
            opened.say(f"{part.spec.target}: {part.spec.query.name}: skipped: {reason}")


async def _found(connection: Connection, asked: Sequence[Requirement]) -> dict[tuple[RequirementKind, str], str | None]:
    """What the database has of the names in `asked`, with the values."""
    literal = dialect_for(connection.server.product).literal
    found: dict[tuple[RequirementKind, str], str | None] = {}
    for kind in NAMED:
        names = dict.fromkeys(one.name for one in asked if one.kind is kind)
        query = catalog_query(connection.server, kind)
        if not names or query is None:
            continue
        rows = await connection.administer([query.sql.format(names=", ".join(map(literal, names)))])
        found.update({(kind, str(row[0])): None if row[1] is None else str(row[1]) for row in rows})
    return found
