"""What is gone is asked of the catalog. Servers answer in the integration tests."""

from __future__ import annotations

from typing import Any, cast

from bulkq.dialects.maintenance_catalog import ServerFacts, database_object
from bulkq.dialects.postgresql_maintenance import MAINTENANCE
from bulkq.lifecycle.maintain.gone_objects import as_now, is_gone
from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions, ObjectFacts

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


def table(name: str, proof: str = "", of: str = "") -> MaintainedObject:
    """A table in the schema s."""
    return MaintainedObject("table", "s", name, f"s.{of or name}", proof=proof)


def test_what_was_renamed() -> None:
    """By what stays the same in the proof, also if another table has the old name now. What has no proof is known by its name."""
    recorded = [table("a", "0/1/e"), table("b", "0/2/e"), table("c", "0/3/e"), table("d"), table("e", "0/5/e")]
    found = [table("z", "1/1/e"), table("a", "0/2/e"), table("b", "0/9/e"), table("d", "/4/"), table("e", "0/6/e", "f")]
    now = as_now(MAINTENANCE, recorded, [ObjectFacts(one) for one in found])
    assert now == [table("z", "0/1/e"), table("a", "0/2/e"), recorded[2], recorded[3], table("e", "0/5/e", "f")]


def test_a_name_that_went_to_another_object() -> None:
    """The object that had it was dropped, and the other one is done under its own number."""
    recorded = [table("a", "/1/"), table("b", "/2/")]
    assert as_now(MAINTENANCE, recorded, [ObjectFacts(table("a", "/2/"))]) == [None, table("a", "/2/")]


def test_a_name_that_the_user_gave() -> None:
    """A new table that has it now is meant, but not another one of the run, which is done under its own number."""
    recorded = [table("a", "/1/"), table("b", "/2/"), table("c", "/3/")]
    found = [ObjectFacts(one) for one in (table("y", "/1/"), table("a", "/9/"), table("z", "/2/"), table("b", "/3/"))]
    now = as_now(MAINTENANCE, recorded, found, by_name=True)
    assert now == [table("a", "/1/"), table("z", "/2/"), table("b", "/3/")]
