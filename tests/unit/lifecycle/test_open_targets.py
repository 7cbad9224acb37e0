"""The targets of a job by themselves: what they are called, how many connections they take, which of them are lost."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.errors import RefusedError, TargetError
from bulkq.lifecycle import open_targets
from bulkq.model import Target
from bulkq.model.run import make_run

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model import Run
    from bulkq.protocols import Connection


def read(*targets: Target, **limits: object) -> Run:
    """A run of one query."""
    return make_run(queries=(queries.inline("select 1", "sqlite"),), targets=targets, **limits)  # type: ignore[arg-type]


def opened(run: Run) -> list[OpenTarget]:
    return open_targets.open_all(run, "bulkq/test", lambda _: None)


@pytest.fixture
def there(tmp_path: Path) -> Target:
    """A database."""
    sqlite3.connect(tmp_path / "there.db").execute("create table t (n integer)").connection.close()
    return Target(url=f"sqlite:///{tmp_path}/there.db", name="there")


@pytest.fixture
def away(tmp_path: Path) -> Target:
    """A file that is not there."""
    return Target(url=f"sqlite:///{tmp_path}/away.db", name="away")


async def look(target: OpenTarget, connection: Connection) -> None:
    """Note that the target has answered."""
    target.server = connection.server


visit = partial(open_targets.visit, work=look, connect_timeout_s=5.0)


def test_schemas_of_one_database_share_its_connections() -> None:
    """Each has a label of its own; two databases of one name are told apart."""
    base = Target(url="sqlite:///a.db", name="a")
    run = read(Target(url="sqlite:///a.db", name="a", schema="x"), Target(url="sqlite:///b.db", name="a"), base)
    found = opened(run)
    assert [(target.label, target.places) for target in found] == [("a", (0, 2)), ("a#2", (1,))]
    assert open_targets.labels(run, found) == ["a/x", "a#2", "a"]


@pytest.mark.parametrize(
    ("configured", "per_target", "most"), [(None, None, None), (4, None, 4), (None, 2, 2), (4, 2, 2), (2, 4, 2)]
)
def test_the_smaller_limit_of_connections_holds(
    configured: int | None, per_target: int | None, most: int | None
) -> None:
    """That of the configuration, or that of the command line."""
    (target,) = opened(read(Target(url="sqlite:///a.db", concurrency=configured), per_target=per_target))
    assert target.sessions.most == most


async def test_one_of_several_may_be_away(there: Target, away: Target) -> None:
    """It is lost with its reason; the other keeps its connection."""
    found = opened(read(there, away))
    lost = await open_targets.side_by_side(found, visit)
    assert [target.label for target in lost] == ["away"]
    assert "away" in str(lost[0].lost)
    assert found[0].server is not None
    await found[0].sessions.close()


async def test_all_are_away(away: Target, tmp_path: Path) -> None:
    """A run does not begin; checks get a result each, so for them it is no error."""
    other = Target(url=f"sqlite:///{tmp_path}/other.db", name="other")
    with pytest.raises(TargetError, match=r"away: .*\nother: "):
        await open_targets.side_by_side(opened(read(away, other)), visit)
    for run in (read(away), read(away, other)):
        found = opened(run)
        assert await open_targets.side_by_side(found, visit, all_may_fail=True) == found


async def test_a_write_stops_if_a_target_is_not_what_it_should_be(there: Target, away: Target) -> None:
    """A read goes on without it."""

    async def refuse(target: OpenTarget) -> None:
        if target.label == "there":
            raise RefusedError("another database than expected")

    with pytest.raises(RefusedError, match="another database"):
        await open_targets.side_by_side(opened(read(there, away)), refuse, write=True)
    lost = await open_targets.side_by_side(opened(read(there, away)), refuse)
    assert [target.reason for target in lost] == ["another database than expected"]


async def test_a_look_whose_connection_breaks_begins_again(there: Target) -> None:
    """What it has done is taken back before, and the connection of the last look is kept."""
    (target,) = opened(read(there))
    told: list[str] = []

    async def breaks_once(target: OpenTarget, connection: Connection) -> None:
        told.append("look")
        if len(told) == 1:
            raise TargetError("it is gone")

    async def undo(_: OpenTarget) -> None:
        told.append("undo")

    assert await open_targets.on_each([target], breaks_once, write=False, undo=undo) == []
    assert told == ["look", "undo", "look"]
    assert target.sessions.idle == 1
    await target.sessions.close()


async def test_a_look_that_always_breaks_its_connection_ends(there: Target) -> None:
    """It is begun a few times; a statement may be what ends the session."""
    (target,) = opened(read(there))
    looks: list[int] = []

    async def breaks(target: OpenTarget, connection: Connection) -> None:
        looks.append(1)
        raise TargetError("it is gone")

    with pytest.raises(TargetError, match="it is gone"):
        await open_targets.visit_again(target, breaks, patient=True)
    assert len(looks) == open_targets.LOOKS
    with pytest.raises(TargetError, match="it is gone"):
        await open_targets.visit_again(target, breaks, patient=False)
    assert len(looks) == open_targets.LOOKS + 1
