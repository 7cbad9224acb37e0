"""What is gone is asked of the catalog. Servers answer in the integration tests."""

from __future__ import annotations

from typing import Any, cast

from bulkq.dialects.maintenance_catalog import ServerFacts, database_object
from bulkq.dialects.postgresql_maintenance import MAINTENANCE
from bulkq.lifecycle.maintain.gone_objects import is_gone
from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions

OPTIONS = MaintenanceOptions(command="reindex")


class NamedObjects:
    """A session that finds one name."""

    async def administer(self, statements: list[str]) -> list[tuple[object, ...]]:
        return [("1",)] if "there" in statements[0] else []


async def test_what_is_gone() -> None:
    """By its name; a database is always there."""
    server = ServerFacts(version=180000)
    session = cast("Any", NamedObjects())
    assert not await is_gone(session, MAINTENANCE, server, OPTIONS, database_object("x"))
    assert not await is_gone(session, MAINTENANCE, server, OPTIONS, MaintainedObject("index", "s", "there", "s.t"))
    assert await is_gone(session, MAINTENANCE, server, OPTIONS, MaintainedObject("index", "s", "away", "s.t"))
