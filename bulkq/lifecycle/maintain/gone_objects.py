"""Find out whether an object is gone since the run was recorded, or has another name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.lifecycle.maintain.target_objects import list_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.dialects.maintenance_catalog import MaintenanceCatalog, ServerFacts
    from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions, ObjectFacts
    from bulkq.protocols import Connection


def as_now(
    catalog: MaintenanceCatalog,
    recorded: Sequence[MaintainedObject],
    found: Iterable[ObjectFacts],
    *,
    by_name: bool = False,
) -> list[MaintainedObject | None]:
    """Return each object of `recorded` as the catalog has it now, with the proof of the record.

    An object that was renamed, or got another schema, has its new name, also if another one has its old name now. One that was dropped
    is None if another of `recorded` has its name now. Otherwise it stays as it is: a new object of its name takes its place.

    Args:
        catalog: of the database. Without `identity`, nothing is known to be renamed.
        recorded: the objects of a run.
        found: the objects of the database.
        by_name: the user has named the tables of the run, so an object that none of `recorded` was, and that has the name of one now,
            takes its place.
    """
    listed = [one.object for one in found]
    named = {(one.schema, one.name): one for one in listed}
    there = {identity: one for one in listed if (identity := catalog.identity(one.proof))}
    own = {catalog.identity(one.proof) for one in recorded} - {""}
    result: list[MaintainedObject | None] = []
    for one in recorded:
        now, heir = there.get(catalog.identity(one.proof)), named.get((one.schema, one.name))
        of_run = heir is not None and catalog.identity(heir.proof) in own
        if now is None:
            now = None if of_run else heir or one
        elif by_name and heir is not None and not of_run:
            now = heir
        result.append(now and replace(now, proof=one.proof))
    return result


async def is_gone(
    connection: Connection,
    catalog: MaintenanceCatalog,
    server: ServerFacts,
    options: MaintenanceOptions,
    wanted: MaintainedObject,
) -> bool:
    """Whether the catalog has no object of this name. One that the command no longer applies to is not gone.

    Raises:
        DatabaseError, TargetError: the catalog does not answer.
    """
    if wanted.kind == "database":
        return False
    query = catalog.present(wanted)
    if query:
        return not await connection.administer([query])
    found = await list_objects(connection, catalog, options, server)
    return all((one.object.schema, one.object.name) != (wanted.schema, wanted.name) for one in found)
