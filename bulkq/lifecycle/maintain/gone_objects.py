"""Find out whether an object is gone: another session has dropped or renamed it since the run was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.lifecycle.maintain.target_objects import list_objects

if TYPE_CHECKING:
    from bulkq.dialects.maintenance_catalog import MaintenanceCatalog, ServerFacts
    from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions
    from bulkq.protocols import Connection


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
