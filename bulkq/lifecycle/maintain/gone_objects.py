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
    catalog: MaintenanceCatalog, recorded: Sequence[MaintainedObject], found: Iterable[ObjectFacts]
) -> list[MaintainedObject | None]:
    """Return each object of `recorded` as the catalog has it now, with the proof of the record.

    An object that was renamed, or got another schema, has its new name, also if another one has its old name now. One that was dropped
    is None if another of `recorded` has its name now. Otherwise it stays as it is: a new object of its name takes its place.

    Args:
        catalog: of the database. Without `identity`, nothing is known to be renamed.
        recorded: the objects of a run.
        found: the objects of the database.
    """
    listed = [one.object for one in found]
    named = {(one.schema, one.name): one for one in listed}
    there = {identity: one for one in listed if (identity := catalog.identity(one.proof))}
    kept = {identity for one in recorded if (identity := catalog.identity(one.proof)) in there}
    result: list[MaintainedObject | None] = []
    for one in recorded:
        now = there.get(catalog.identity(one.proof))
        if now is None:
            now = named.get((one.schema, one.name), one)
            if catalog.identity(now.proof) in kept:
                result.append(None)
                continue
        result.append(replace(now, proof=one.proof))
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
