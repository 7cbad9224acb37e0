"""What the lanes of all targets share."""

from __future__ import annotations

import asyncio

from bulkq.errors import OutputClosed, RefusedError, StoppedError
from tests.support.lanes import context_of, part


async def test_a_closed_output_is_no_error_of_a_read(database: str) -> None:
    """`| head` ends a read with 0 and a write with 5."""
    reading = context_of([part(database, "select 1", [{}])])
    reading.stop_by(OutputClosed("closed"))
    assert (reading.control.exit_code, reading.error) == (0, None)
    writing = context_of([part(database, "update t set v = 1", [{}], write=True)])
    writing.stop_by(OutputClosed("closed"))
    assert writing.control.exit_code == 5


async def test_a_stop_that_a_resume_would_meet_again(database: str) -> None:
    """The first error decides, unless the run was stopping already."""
    for errors, final in (
        ([RefusedError("changed: start a new run").for_good(), StoppedError("away")], True),
        ([StoppedError("away"), RefusedError("changed: start a new run").for_good()], False),
    ):
        context = context_of([part(database, "select 1", [{}])])
        for error in errors:
            context.stop_by(error)
        assert context.control.final is final


async def test_targets_share_the_slots(database: str) -> None:
    """Each target at work has an equal share, at least one lane; into one sink they write in turn."""
    one, two, three = (part(database, "select 1", [{}]) for _ in range(3))
    two.sink = one.sink
    context = context_of([one, two, three])
    assert context.several
    context.limiter.busy.update([one.sessions, two.sessions, three.sessions])
    assert context.limiter.share() == 2
    three.sessions.lost = True
    assert context.limiter.share() == 2
    context.limiter.busy.discard(two.sessions)
    assert context.limiter.share() == 4
    assert isinstance(context.locks.get(id(one.sink)), asyncio.Lock)
    assert id(three.sink) not in context.locks
    assert context_of([one]).limiter.share() == 4
