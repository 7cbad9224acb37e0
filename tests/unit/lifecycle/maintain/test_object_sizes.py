"""When the sizes of objects are asked for. Servers answer in the integration tests."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bulkq.dialects.maintenance_catalog import ServerFacts
from bulkq.dialects.postgresql_maintenance import MAINTENANCE
from bulkq.errors import DatabaseError
from bulkq.lifecycle.maintain.object_sizes import ObjectSizes, enter_sizes
from bulkq.lifecycle.maintain.target_objects import TargetObjects
from bulkq.model import Phase
from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions, ObjectFacts, ObjectResult, ObjectState


def facts(name: str, *, locked: str = "") -> ObjectFacts:
    """A table of 5 bytes, as the list of objects has it."""
    return ObjectFacts(MaintainedObject("table", "s", name, f"s.{name}"), {"size": 5.0}, "", "0/5/e", locked)


VACUUM = MaintenanceOptions(command="vacuum")
CLEAN, DIRTY, NEW = facts("a"), facts("b"), facts("c")


class SizeAnswer:
    """A session that answers with the sizes 1, 2 ... of all but the last object, which is gone; or with an error.

    A question for more than `most` objects meets a lock.
    """

    def __init__(self, *, lost: bool | None = None, most: int = 1000, proof: str | None = "1/5/e") -> None:
        self.lost = lost
        self.proof = proof
        self.most = most
        self.asked: list[int] = []

    async def administer(self, statements: list[str], *, lock_timeout_s: float) -> list[tuple[object, ...]]:
        del lock_timeout_s
        assert statements[:-1] == list(MAINTENANCE.lasting)
        count = statements[-1].count("E'")
        self.asked.append(count)
        if self.lost is not None or count > self.most:
            raise DatabaseError("no", sqlstate=None, phase=Phase.SENT, connection_lost=bool(self.lost))
        return [(at, float(at) if at < count or count == 1 else None, self.proof) for at in range(count, 0, -1)]


def sizes(*following: ObjectFacts, rough: bool = True, last: bool = False) -> tuple[TargetObjects, ObjectSizes]:
    """The objects of one target, of which some follow."""
    made = TargetObjects(catalog=MAINTENANCE, server=ServerFacts(version=180000), rough=rough)
    made.listed = {(one.object.schema, one.object.name): one for one in following}
    return made, ObjectSizes(made, VACUUM, lambda: [one.object for one in following], last=last)


def done(*names: str) -> dict[int, ObjectResult]:
    """Results of a group, of which each had 9 bytes before."""
    return {
        at: ObjectResult(target="t", name=f"s.{name}", state=ObjectState.DONE, before=9.0)
        for at, name in enumerate(names)
    }


async def test_sizes_of_the_list_are_used_if_they_are_exact() -> None:
    """Those after are asked for at the end of the run."""
    session = cast("Any", SizeAnswer())
    made, asks = sizes(rough=False)
    assert await asks.before(session, [CLEAN]) == [5.0]
    assert await asks.after(session, DIRTY, 5.0) is None
    asks.keep(done("b"), [DIRTY])
    await asks.enter(session)
    assert (session.asked, made.results[0].after) == ([], None)


async def test_one_question_is_for_those_that_follow_too() -> None:
    """It is not asked again when they begin. An object that is locked is not small, so it is asked for by itself."""
    session = cast("Any", SizeAnswer())
    _, asks = sizes(DIRTY, facts("x", locked="pid 1"), NEW)
    assert await asks.before(session, [CLEAN]) == [1.0]
    assert await asks.before(session, [DIRTY, NEW]) == [2.0, None]
    assert session.asked == [3]
    assert await asks.before(session, [DIRTY]) == [1.0]


async def test_an_object_that_is_alone_is_measured_at_once() -> None:
    """If the command may have changed it."""
    session = cast("Any", SizeAnswer())
    _, asks = sizes()
    assert await asks.after(session, DIRTY, 9.0) == 1.0
    assert await asks.after(cast("Any", SizeAnswer(lost=True)), DIRTY, 9.0) is None
    made, asks = sizes(last=True)
    assert await asks.after(session, DIRTY, 9.0) == 9.0
    asks.keep(done("a"), [CLEAN])
    assert (session.asked, made.results[0].after, made.unmeasured) == ([1], 9.0, {})


async def test_those_that_have_ended_are_asked_for_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or after a second, or when no small object follows. What came of a command is known, whatever becomes of its size."""
    session = cast("Any", SizeAnswer())
    made, asks = sizes(DIRTY)
    asks.keep(done("a", "c"), [CLEAN, NEW])
    await asks.enter(session)
    assert (session.asked, [one.after for one in made.results]) == ([], [None, None])
    assert await asks.before(session, [facts("z")]) == [1.0]
    assert (session.asked, [one.after for one in made.results]) == (
        [4],
        [3.0, None],
    )  # z, the one that follows, a and c
    made.listed.clear()
    asks.keep(done("b"), [DIRTY])
    await asks.enter(cast("Any", SizeAnswer(lost=True)))
    assert list(made.unmeasured) == [2]
    await asks.enter(session)
    assert (made.unmeasured, made.results[2].after) == ({}, 1.0)
    made, asks = sizes(DIRTY)
    asks.keep(done("b"), [DIRTY])
    monkeypatch.setattr("bulkq.lifecycle.maintain.object_sizes.SOON_S", -1.0)
    await asks.enter(session)
    assert made.results[0].after == 1.0


@pytest.mark.parametrize(
    ("proof", "moved"), [("1/5/e", {"s.a", "s.c"}), ("0/5/e", set()), ("0/5/reset", set()), (None, set())]
)
async def test_the_proof_of_an_object_that_has_ended_comes_with_its_size(proof: str | None, moved: set[str]) -> None:
    """One whose proof is what it was is asked for again at the end; what another session did to one that follows proves nothing."""
    made, asks = sizes(CLEAN, DIRTY, NEW)
    asks.keep(done("a", "c"), [CLEAN, NEW])
    await asks.before(cast("Any", SizeAnswer(proof=proof)), [DIRTY])
    assert made.moved == moved


async def test_a_lock_costs_only_the_sizes_beside_it() -> None:
    """The objects of a question that met a lock are asked for again, fewer at once."""
    session = cast("Any", SizeAnswer(most=20))
    made, asks = sizes()
    names = [f"t{n}" for n in range(80)]
    asks.keep(done(*names), [facts(name) for name in names])
    await enter_sizes(session, made, VACUUM)
    assert session.asked == [80, 64, 16]
    assert [one.after for one in made.results[62:66]] == [None, None, 1.0, 2.0]


async def test_a_size_is_not_worth_a_failure() -> None:
    """But if the session is lost before the command, the command was certainly not sent."""
    _, asks = sizes()
    assert await asks.before(cast("Any", SizeAnswer(lost=False)), [CLEAN]) == [None]
    with pytest.raises(DatabaseError) as raised:
        await asks.before(cast("Any", SizeAnswer(lost=True)), [CLEAN])
    assert raised.value.phase is Phase.PREPARING
