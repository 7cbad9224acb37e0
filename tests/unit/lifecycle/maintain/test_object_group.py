"""What a warning for several tables means. Servers execute such commands in the integration tests."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bulkq.dialects.maintenance_catalog import ServerFacts
from bulkq.dialects.postgresql_maintenance import MAINTENANCE
from bulkq.errors import DatabaseError, ObjectSkipped, TargetError
from bulkq.lifecycle.maintain.object_group import ObjectGroup
from bulkq.lifecycle.maintain.object_sizes import ObjectSizes
from bulkq.lifecycle.maintain.target_objects import TargetObjects
from bulkq.model import Outcome
from bulkq.model.maintenance import NOT_ALL, MaintainedObject, MaintenanceOptions, ObjectFacts

GROUP = [ObjectFacts(MaintainedObject("table", "s", name, f"s.{name}"), proof="1") for name in "abc"]
OPTIONS = MaintenanceOptions(command="vacuum")


class Answer:
    """A catalog that answers with rows."""

    def __init__(self, *rows: tuple[object, ...]) -> None:
        self.rows = rows

    async def administer(self, statements: list[str]) -> list[tuple[object, ...]]:
        if not self.rows:
            raise TargetError("it is gone")
        return list(self.rows)


def group(*, stopped: bool = False) -> ObjectGroup:
    """Of three tables."""
    made = TargetObjects(catalog=MAINTENANCE, server=ServerFacts(version=180000))
    part, record = cast("Any", SimpleNamespace()), cast("Any", SimpleNamespace())
    return ObjectGroup(part, made, OPTIONS, record, ObjectSizes(made, OPTIONS, tuple), lambda: stopped)


async def test_a_warning_belongs_to_a_table_that_did_not_move() -> None:
    """As many warnings as such tables: the others are done. More: any of the others may be meant, so none is."""
    answer = cast("Any", Answer(("s", "a", "2", True), ("s", "b", "1", True), ("s", "c", "2", True)))
    apart = await group()._judge(answer, GROUP, ["w"])
    assert (apart.done, apart.ended, apart.left) == ((0, 2), {}, (1,))
    apart = await group()._judge(answer, GROUP, ["w", "x"])
    doubt = (Outcome.SKIPPED, f"{NOT_ALL}w")
    assert (apart.done, apart.ended, apart.left) == ((), {0: doubt, 2: doubt}, (1,))


async def test_an_error_belongs_to_the_table_that_was_counted_and_has_not_ended() -> None:
    """A table that is gone from the catalog is left: its own command says so."""
    answer = cast("Any", Answer(("s", "a", "2", True), ("s", "b", "2", False)))
    apart = await group()._settle(answer, GROUP, Outcome.ROLLED_BACK, "timeout")
    assert (apart.done, apart.ended, apart.left) == ((0,), {1: (Outcome.ROLLED_BACK, "timeout")}, (2,))


async def test_nothing_is_known_if_the_catalog_does_not_answer() -> None:
    """The outcome of all is unknown; nothing is sent again."""
    with pytest.raises(DatabaseError, match="timeout; it is gone") as caught:
        await group()._settle(cast("Any", Answer()), GROUP, Outcome.ROLLED_BACK, "timeout")
    assert caught.value.connection_lost


def test_no_command_is_sent_after_a_stop() -> None:
    """Also if the cancellation was forgotten on the way. An object that is left of several is skipped, so that the others count."""
    group().go_on(single=False)
    with pytest.raises(asyncio.CancelledError):
        group(stopped=True).go_on(single=False)
    with pytest.raises(ObjectSkipped, match="stopped"):
        group(stopped=True).go_on(single=True)
