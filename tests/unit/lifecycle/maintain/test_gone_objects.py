"""What is gone is asked of the catalog. Servers answer in the integration tests."""

from __future__ import annotations

from typing import Any, cast

from bulkq.dialects.maintenance_catalog import ServerFacts, database_object
from bulkq.dialects.postgresql_maintenance import MAINTENANCE
from bulkq.lifecycle.maintain.gone_objects import is_gone, renamed
from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions, ObjectFacts

PROOFS = {"a": "0/1/e", "b": "0/2/e", "c": "0/3/e", "d": ""}
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


def test_what_was_renamed() -> None:
    """By what stays the same in the proof. What is gone, what has its name and what has no proof is left out."""
    recorded = [MaintainedObject("table", "s", name, f"s.{name}", proof=proof) for name, proof in PROOFS.items()]
    found = [
        ObjectFacts(MaintainedObject("table", "s", name, f"s.{name}"), proof=proof)
        for name, proof in {"a": "1/1/e", "new": "0/2/e", "other": "0/9/e", "none": None}.items()
    ]
    now = renamed(MAINTENANCE, recorded, found)
    assert {one.name: later.name for one, later in now.items()} == {"b": "new"}
    assert renamed(MAINTENANCE, recorded[:1], found) == {}
