"""When the sizes of objects are asked for. Servers answer in the integration tests."""

from __future__ import annotations

from math import inf
from typing import Any, cast

import pytest

from bulkq.dialects.maintenance_catalog import ServerFacts
from bulkq.dialects.postgresql_maintenance import MAINTENANCE
from bulkq.errors import DatabaseError
from bulkq.lifecycle.maintain.object_sizes import sizes_after, sizes_before
from bulkq.lifecycle.maintain.target_objects import TargetObjects
from bulkq.model import Phase
from bulkq.model.maintenance import MaintainedObject, ObjectFacts


def facts(name: str, **values: float) -> ObjectFacts:
    """A table of 5 bytes, as the list of objects has it."""
    return ObjectFacts(MaintainedObject("table", "s", name, f"s.{name}"), {"size": 5.0, **values})


CLEAN, DIRTY, NEW = (
    facts("a", dead=0, last_vacuum=9),
    facts("b", dead=1, last_vacuum=9),
    facts("c", dead=0, last_vacuum=inf),
)


class SizeAnswer:
    """A session that answers with the sizes 1, 2 ... of all but the last object, which is gone; or with an error."""

    def __init__(self, *, lost: bool | None = None) -> None:
        self.lost = lost
        self.asked = 0

    async def administer(self, statements: list[str], *, lock_timeout_s: float) -> list[tuple[object, ...]]:
        del lock_timeout_s
        self.asked += 1
        if self.lost is not None:
            raise DatabaseError("no", sqlstate=None, phase=Phase.SENT, connection_lost=self.lost)
        count = statements[0].count("E'")
        return [(at, float(at) if at < count else None) for at in range(count, 0, -1)]


def targets(*, rough: bool) -> TargetObjects:
    """The objects of one target."""
    return TargetObjects(catalog=MAINTENANCE, server=ServerFacts(version=180000), rough=rough)


async def test_sizes_of_the_list_are_used_if_they_are_exact() -> None:
    """Those after are asked for at the end of the run."""
    session = SizeAnswer()
    assert await sizes_before(cast("Any", session), targets(rough=False), [CLEAN]) == [5.0]
    assert await sizes_after(cast("Any", session), targets(rough=False), [CLEAN], [5.0]) == [None]
    assert session.asked == 0


async def test_rough_sizes_are_replaced() -> None:
    """By one question before, and one after if the command may have changed them."""
    session = SizeAnswer()
    made = targets(rough=True)
    assert await sizes_before(cast("Any", session), made, [CLEAN, DIRTY]) == [1.0, None]
    assert await sizes_after(cast("Any", session), made, [CLEAN, DIRTY], [9.0, 9.0]) == [1.0, None]
    assert await sizes_after(cast("Any", session), made, [CLEAN, NEW], [9.0, 9.0]) == [1.0, None]
    assert session.asked == 3
    assert await sizes_after(cast("Any", session), made, [CLEAN], [9.0]) == [9.0]
    assert session.asked == 3


async def test_a_size_is_not_worth_a_failure() -> None:
    """But if the session is lost before the command, the command was certainly not sent."""
    made = targets(rough=True)
    assert await sizes_before(cast("Any", SizeAnswer(lost=False)), made, [CLEAN]) == [None]
    with pytest.raises(DatabaseError) as raised:
        await sizes_before(cast("Any", SizeAnswer(lost=True)), made, [CLEAN])
    assert raised.value.phase is Phase.PREPARING
    assert await sizes_after(cast("Any", SizeAnswer(lost=True)), made, [DIRTY], [1.0]) == [None]
