"""Questions at the end of a run, to a target that goes away meanwhile."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import DatabaseError, StoppedError, TargetError
from bulkq.lifecycle import ask_target as asking
from bulkq.model import Phase

if TYPE_CHECKING:
    from bulkq.engine.pool import ConnectionPool
    from bulkq.protocols import Connection


class Sessions:
    """Connections, of which the first `broken` break; none is given while `away`."""

    def __init__(self, broken: int = 0, *, away: bool = False) -> None:
        self.broken, self.away = broken, away
        self.opened = self.closed = self.kept = 0
        self.idle = 7

    async def open(self) -> Sessions:
        if self.away:
            await asyncio.sleep(60)
        self.opened += 1
        return self

    async def close(self) -> None:
        self.closed += 1

    async def release(self, count: int) -> None:
        self.idle -= count

    def give_back(self, connection: Sessions) -> None:
        assert connection is self
        self.kept += 1


async def _ask(sessions: Sessions, error: Exception, control: Control | None = None) -> str:
    async def question(connection: Connection) -> str:
        assert connection is cast("Connection", sessions)
        if sessions.closed < sessions.broken:
            raise error
        return "yes"

    return await asking.ask_target(cast("ConnectionPool", sessions), control or Control(), question)


async def test_a_connection_that_breaks_is_replaced() -> None:
    """Those that were kept are of the same server, and are not tried one after the other."""
    sessions = Sessions(2)
    assert await _ask(sessions, TargetError("gone")) == "yes"
    assert (sessions.opened, sessions.closed, sessions.kept, sessions.idle) == (3, 2, 1, 0)
    assert await _ask(sessions, TargetError("gone")) == "yes"
    sessions = Sessions(3)
    with pytest.raises(TargetError):
        await _ask(sessions, TargetError("gone"))
    sessions = Sessions(1)
    with pytest.raises(DatabaseError):
        await _ask(sessions, DatabaseError("no such table", sqlstate="42P01", phase=Phase.SENT))
    assert (sessions.opened, sessions.closed, sessions.kept, sessions.idle) == (1, 1, 0, 7)


async def test_an_interrupted_wait_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for an outage after Ctrl-C."""
    monkeypatch.setattr(asking, "LOOK_S", 0.001)
    control = Control()
    asyncio.get_running_loop().call_later(0.01, control.drain, "interrupted")
    with pytest.raises(StoppedError, match="interrupted"):
        await _ask(Sessions(away=True), TargetError("gone"), control)


@pytest.mark.parametrize("stops", [True, False])
async def test_a_question_of_a_cancelled_run(monkeypatch: pytest.MonkeyPatch, stops: bool) -> None:
    """A verification may take hours, and ends with its run. A question that decides what is known of the run is answered."""
    monkeypatch.setattr(asking, "LOOK_S", 0.001)
    control, sessions = Control(), Sessions()
    asked = asyncio.Event()

    async def question(_: Connection) -> str:
        control.cancel("interrupted")
        try:
            await asyncio.sleep(60 if stops else 0.02)
        finally:
            asked.set()
        return "yes"

    answer = asking.ask_target(cast("ConnectionPool", sessions), control, question, stops=stops)
    if stops:
        with pytest.raises(StoppedError, match="interrupted"):
            await answer
    else:
        assert await answer == "yes"
    assert asked.is_set()
    assert (sessions.closed, sessions.kept) == (int(stops), int(not stops))
