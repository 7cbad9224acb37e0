"""Prepare the statements of a plan on its databases. Nothing is executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, RefusedError, TargetError
from bulkq.model.dataclass import frozen
from bulkq.targets import connect_within, open_target
from bulkq.targets.connect_many import connect_all
from bulkq.tasks.lint import Finding, ask, why_not
from bulkq.text.urls import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import Query, Server, Target
    from bulkq.protocols import Connection, Driver

AT_ONCE = 32
"""Databases that are looked at together."""


@frozen
class TargetInspection:
    """What a target of the run is (of --schemas: a schema of it), and what it says against the statements."""

    target: str  # without a password
    place: Target
    driver: str = ""
    server: Server | None = None
    findings: tuple[Finding, ...] = ()
    error: BulkqError | None = None  # why it cannot be asked, or takes no part


async def look_at_all(
    statements: Mapping[int, Sequence[Query]], targets: Sequence[Target], patience_s: float | None
) -> list[TargetInspection]:
    """Let every target prepare its statements, some databases at once; one that cannot be reached is told and hides no other.

    Args:
        statements: by the place of the target among `targets`.
        targets: schemas of one database share a connection.
        patience_s: for a connection.

    Raises:
        UsageError: a URL cannot be used, a password cannot be had.
    """
    places: dict[int, list[int]] = {}
    databases: list[Target] = []
    for place, target in enumerate(targets):
        database = target.bare
        if database not in databases:
            databases.append(database)
        places.setdefault(databases.index(database), []).append(place)

    async def look(at: int) -> list[tuple[int, TargetInspection]]:
        wanted = [(place, targets[place], statements.get(place, ())) for place in places[at]]
        return await _look(databases[at], wanted, patience_s)

    looks = await connect_all(range(len(databases)), look, at_once=AT_ONCE)
    found = dict(pair for look in looks for pair in look)
    return [found[place] for place in range(len(targets))]


async def _look(
    database: Target, wanted: Sequence[tuple[int, Target, Sequence[Query]]], patience_s: float | None
) -> list[tuple[int, TargetInspection]]:
    """One connection to a database, for all its schemas in turn."""
    found: list[tuple[int, TargetInspection]] = []
    try:
        driver = open_target(database, application_name="bulkq plan", read_only=True)
        connection = await connected(driver, patience_s)
        try:
            for at, target, queries in wanted:
                findings = await refusals(connection, queries, target)
                name = seat(driver.target, target)
                found.append(
                    (at, TargetInspection(name, target, driver.capabilities.name, connection.server, findings))
                )
        finally:
            await connection.close()
    except (TargetError, RefusedError) as error:
        name = database.name or safe(database.url)
        known = {at for at, _ in found}
        found += [
            (at, TargetInspection(seat(name, target), target, error=error))
            for at, target, _ in wanted
            if at not in known
        ]
    return found


def seat(name: str, target: Target) -> str:
    """`name`, or `name/schema`, as output calls it."""
    return f"{name}/{target.schema}" if target.schema else name


async def connected(driver: Driver, patience_s: float | None) -> Connection:
    """The only connection of a look.

    Raises:
        TargetError: there is none within `patience_s`.
        RefusedError: it leads to another database than is expected.
    """
    try:
        return await connect_within(driver, patience_s)
    except TimeoutError:
        raise TargetError(f"{driver.target}: no answer within {patience_s:g}s") from None


async def refusals(connection: Connection, queries: Sequence[Query], target: Target) -> tuple[Finding, ...]:
    """What the server says against `queries`, with names looked up where `target` says."""
    asked = [query.within(target) for query in queries if not why_not(query)]
    found = [await ask(connection, query) for query in asked]
    return tuple(one for one in found if one is not None)
