"""Find out whether an object is gone since the run was recorded, or has another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.lifecycle.maintain.target_objects import list_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkq.dialects.maintenance_catalog import MaintenanceCatalog, ServerFacts
    from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions, ObjectFacts
    from bulkq.protocols import Connection


def renamed(
    catalog: MaintenanceCatalog, recorded: Sequence[MaintainedObject], found: Iterable[ObjectFacts]
) -> Mapping[MaintainedObject, MaintainedObject]:
    """Return what was renamed, or got another schema, since it was recorded: the object then, and as it is now.

    Args:
        catalog: of the database. Without `identity`, nothing is known to be renamed.
        recorded: the objects of a run.
        found: the objects of the database.
    """
    now = {(one.object.schema, one.object.name): one for one in found}
    lost = [one for one in recorded if (one.schema, one.name) not in now and catalog.identity(one.proof)]
    if not lost:
        return {}
    there = {catalog.identity(one.proof or ""): one.object for one in now.values()}
    return {one: there[catalog.identity(one.proof)] for one in lost if catalog.identity(one.proof) in there}


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
