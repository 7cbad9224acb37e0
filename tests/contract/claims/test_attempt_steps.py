"""Statements of bulkq around the user's, in its transaction: executed in order, checked, and undone with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import AttemptStep, AttemptSteps, Outcome, Phase
from bulkq.model.own_error_states import STEP_UNEXPECTED
from bulkq.policy import retry
from bulkq.query import inline
from tests.support.claims import WRITES, Target, apply, prepared, sets
from tests.support.databases import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.protocols import Connection

CAPTURE = inline("-- name: capture\ninsert into images select id, n from items where id <= cast(:hi as integer)")
LEFT = inline("-- name: verify\nselect id from items where n = 0 and id <= cast(:hi as integer)")
BREAK = inline("-- name: broken\nupdate items set n = 5000 where id = cast(:id as integer)")
KILL = inline("-- name: killed\nselect pg_terminate_backend(pg_backend_pid())")

CAPTURED = AttemptStep(CAPTURE, ("10",), 10)


async def attempted(
    connection: Connection,
    target: Target,
    *,
    before: tuple[AttemptStep, ...] = (),
    after: tuple[AttemptStep, ...] = (),
    rollback: bool = False,
    timeout_s: float = 20,
    before_commit: Callable[[int], None] | None = None,
) -> int:
    """Rows changed by a claimed batch of ten sets."""
    reply = await connection.attempt(
        await prepared(connection),
        sets(1, 10),
        replace(WRITES, timeout_s=timeout_s),
        claim=target.claim(1, 10),
        before_commit=before_commit,
        steps=AttemptSteps(before, after, rollback=rollback),
    )
    return reply.changed


async def images(target: Target) -> list[tuple[object, ...]]:
    """How many rows were captured with each value, by value."""
    return [tuple(row) for row in await target.fetch("select n, count(*) from images group by n order by n")]


async def assert_undone(target: Target, error: DatabaseError) -> None:
    """Nothing lasts, no set is to blame, and the next attempt has the claim."""
    assert (error.position, error.offset) == (None, None)
    assert retry.outcome(error, transaction=True) is Outcome.ROLLED_BACK
    assert (await images(target), await target.markers(), await target.total()) == ([], [], 0)
    async with target.connected() as again:
        assert await apply(again, target, 1, 10) == 10
    assert await target.markers() == [(1, 10, 10)]


@pytest.fixture
def target(target: Target) -> Target:
    """With a table for what was captured."""
    target.base.execute("create table images (id integer, n integer)")
    return target


async def test_steps_stand_around_the_statement(connection: Connection, target: Target) -> None:
    """In their order, with their parameters, in one transaction with the marker; and again from memory."""
    steps = (CAPTURED, CAPTURED), (CAPTURED, AttemptStep(LEFT, ("10",), 0), AttemptStep(LEFT, ("20",)))
    assert await attempted(connection, target, before=steps[0], after=steps[1]) == 10
    assert await images(target) == [(0, 20), (1, 10)]
    assert await target.markers() == [(1, 10, 10)]
    assert await target.total() == 10
    statement = await prepared(connection)
    await connection.attempt(statement, sets(1, 3), WRITES, steps=AttemptSteps(before=(CAPTURED,)))
    assert await images(target) == [(0, 20), (1, 20)]


async def test_a_rehearsal_leaves_nothing(connection: Connection, target: Target) -> None:
    """Its rows are told. The claim is free afterwards, and so is the session."""
    assert await attempted(connection, target, before=(CAPTURED,), after=(CAPTURED,), rollback=True) == 10
    assert (await images(target), await target.markers(), await target.total()) == ([], [], 0)
    assert await attempted(connection, target, rollback=True) == 10
    assert await apply(connection, target, 1, 10) == 10


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (AttemptStep(BREAK, ("7",)), None),
        (AttemptStep(CAPTURE, ("10",), 11), STEP_UNEXPECTED),
        (AttemptStep(LEFT, ("400",), 7), STEP_UNEXPECTED),
    ],
    ids=["error", "changed", "gave"],
)
@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_step_that_fails_undoes_the_batch(
    connection: Connection, target: Target, step: AttemptStep, state: str | None, where: str
) -> None:
    """An error, or another number of rows than it has to change or give: rolled back, never unknown."""
    around = {"before": (), "after": (), where: (CAPTURED, step)}
    with pytest.raises(DatabaseError, match=f"^{step.query.name}: ") as caught:
        await attempted(connection, target, before=around["before"], after=around["after"])
    assert not caught.value.connection_lost
    assert caught.value.phase is Phase.SENT
    assert state in {None, caught.value.sqlstate}
    assert retry.decide(caught.value, elapsed_s=0, timeout_s=20, read_only=False, transaction=True).action is (
        retry.Action.FAIL
    )
    await connection.administer(["select 1"])
    await assert_undone(target, caught.value)


async def test_a_step_that_is_refused_starts_nothing(connection: Connection, target: Target) -> None:
    """It is prepared before the transaction, by the databases that can."""
    step = AttemptStep(inline("-- name: odd\nselect nope from items"))
    with pytest.raises(DatabaseError) as caught:
        await attempted(connection, target, before=(step,))
    if caught.value.phase is Phase.PREPARING:
        assert retry.outcome(caught.value, transaction=True) is Outcome.NOT_STARTED
        caught.value.phase = Phase.SENT
        caught.value.position = caught.value.offset = None
    await assert_undone(target, caught.value)


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_step_has_the_time_of_a_set(connection: Connection, target: Target, where: str) -> None:
    """A statement that takes longer is ended, and so is the batch."""
    slow = AttemptStep(inline(f"-- name: slow\n{KINDS[target.base.kind].slow}"), ("1",))
    around = {"before": (), "after": (), where: (CAPTURED, slow)}
    with pytest.raises(DatabaseError) as caught:
        await attempted(connection, target, before=around["before"], after=around["after"], timeout_s=0.6)
    assert caught.value.sqlstate in retry.TIMEOUTS
    await assert_undone(target, caught.value)


async def test_a_step_is_called_back(connection: Connection, target: Target) -> None:
    """A cancellation while a step runs leaves nothing, and the session is idle or known to be lost."""
    slow = AttemptStep(inline(f"-- name: slow\n{KINDS[target.base.kind].slow}"), ("1",))
    await prepared(connection, slow.query)
    task = asyncio.ensure_future(attempted(connection, target, before=(CAPTURED,), after=(slow,)))
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await images(target), await target.markers(), await target.total()) == ([], [], 0)


@pytest.mark.parametrize("where", ["before", "after"])
async def test_killed_by_a_step(connection: Connection, target: Target, where: str) -> None:
    """The session ends between two statements of the transaction: rolled back, and worth another connection."""
    if not target.locks:
        pytest.skip("no function that ends the session")
    around = {"before": (), "after": (), where: (CAPTURED, AttemptStep(KILL))}
    with pytest.raises(DatabaseError) as caught:
        await attempted(connection, target, before=around["before"], after=around["after"])
    assert caught.value.connection_lost
    await assert_undone(target, caught.value)


async def test_killed_ahead_of_the_last_step(connection: Connection, target: Target) -> None:
    """Another session ends this one when the user's statement has been executed: COMMIT was not sent."""
    end = {"postgresql": "select pg_terminate_backend({})", "mariadb": "kill {}"}.get(target.base.kind)
    if end is None or connection.server.pid is None or target.kind == "pgbouncer":
        pytest.skip("no session of a server that another one can end")

    def kill(_changed: int) -> None:
        target.base.execute(end.format(connection.server.pid))

    with pytest.raises(DatabaseError) as caught:
        await attempted(connection, target, before=(CAPTURED,), after=(CAPTURED,), before_commit=kill)
    assert caught.value.connection_lost
    decided = retry.decide(caught.value, elapsed_s=0, timeout_s=20, read_only=False, transaction=True)
    assert decided.action is retry.Action.RECONNECT
    await assert_undone(target, caught.value)
