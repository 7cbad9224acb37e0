"""The gates of several targets: which lanes a signal holds, what is said, and how the time is counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.engine import throttle_gates_by_target as gates_module
from bulkq.engine.pool import ConnectionPool
from bulkq.engine.slots import Limiter
from bulkq.engine.throttle_gates_by_target import Gates, HeldTimes
from bulkq.ledger import NoLedger
from bulkq.model.run_event import EventKind
from bulkq.model.throttle_wait_total import waits_object
from bulkq.policy.gentle_pace import GentlePace, ServerLoad
from bulkq.policy.pace import Pace
from bulkq.targets import open_target
from bulkq.throttles import AnyOf
from tests.support.throttles import DATABASE, Held

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from bulkq.engine.throttle_gate import ThrottleGate


def pool(label: str) -> ConnectionPool:
    """The connections of a target."""
    driver = open_target(DATABASE, application_name="test", read_only=True)
    sessions = ConnectionPool(driver, outage_s=1, say=[].append)
    sessions.label = label
    return sessions


EU, US = pool("eu"), pool("us")


def opened(throttle: AnyOf | Held | None, said: list[str]) -> Gates:
    """The gates of two targets that work."""
    return Gates(throttle, (EU, US), {EU, US}, said.append, Pace(None))


async def settle(gates: Gates) -> None:
    """Let lanes see what has changed."""
    await asyncio.sleep(0.01)
    gates.tick()
    await asyncio.sleep(0)


def lane(gate: ThrottleGate) -> asyncio.Task[None]:
    """A lane that comes to a gate."""
    return asyncio.create_task(gate.admit(lambda: True))


async def test_a_signal_of_a_database_holds_its_lanes_alone() -> None:
    """The other target goes on and has all slots; the state says which one waits; the run does not stand still."""
    said: list[str] = []
    signal = Held("eu: lag 4s >= 2s", target="eu")
    gates = opened(AnyOf([signal]), said)
    limiter = Limiter(8, several=True)
    limiter.busy |= {EU, US}
    waiting = lane(gates.of(EU))
    await gates.of(US).admit(lambda: True)
    await settle(gates)
    assert not waiting.done()
    assert gates.state == "1 of 2 targets throttled: eu: lag 4s >= 2s"
    assert (gates.held, gates.throttled_s, limiter.share()) == (False, 0.0, 8)
    signal.held = None
    await settle(gates)
    assert waiting.done()
    assert (gates.state, limiter.share()) == ("", 4)
    assert [line.partition(", after")[0] for line in said] == [
        "throttled: eu: lag 4s >= 2s: waiting",
        "eu: no longer throttled",
    ]


async def test_a_file_holds_all_lanes_and_is_said_once() -> None:
    """The run stands still, which is counted; the reasons of all signals are in the state."""
    said: list[str] = []
    file, lag = Held("file hold exists"), Held(None, target="us")
    gates = opened(AnyOf([file, lag]), said)
    lanes = [lane(gates.of(target)) for target in (EU, US)]
    await settle(gates)
    lag.held = "us: lag 4s >= 2s"
    assert gates.state == "throttled: file hold exists; us: lag 4s >= 2s"
    assert gates.held
    assert len(gates.readings()) == 2
    file.held = lag.held = None
    await settle(gates)
    assert all(one.done() for one in lanes)
    assert [line.partition(", after")[0] for line in said] == [
        "throttled: file hold exists: waiting",
        "no longer throttled",
    ]
    stood_s = gates.throttled_s
    assert stood_s > 0.009
    await settle(gates)
    assert gates.throttled_s == stood_s


async def test_a_stop_says_no_end() -> None:
    """The lanes leave though the signal still holds."""
    said: list[str] = []
    gates = opened(Held("held"), said)
    going = True
    waiting = asyncio.create_task(gates.of(EU).admit(lambda: going))
    await asyncio.sleep(0)
    going = False
    gates.wake()
    await waiting
    assert said == ["throttled: held: waiting"]
    assert opened(None, said).readings() == ()


def test_the_time_counts_from_the_last_target_that_is_held() -> None:
    """A run is held for as long as the target that is held for the shortest time."""
    eu, us = Held("eu: high", target="eu"), Held(None, target="us")
    times = HeldTimes(AnyOf([eu, us]), (EU, US))
    assert times.shortest_s({EU, US}, 1.0) == 0.0
    us.held = "us: high"
    assert times.shortest_s({EU, US}, 5.0) == 0.0
    assert times.shortest_s({EU, US}, 8.0) == 3.0
    assert times.shortest_s({EU}, 8.0) == 7.0
    eu.held = None
    assert times.shortest_s({EU, US}, 9.0) == 0.0
    assert HeldTimes(None, (EU,)).shortest_s({EU}, 9.0) == 0.0


class Records(NoLedger):
    """Keeps the events."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[EventKind, str, Mapping[str, object]]] = []

    def record_event(
        self, kind: EventKind, text: str, *, by: str = "", data: Mapping[str, object] | None = None, soon: bool = True
    ) -> None:
        self.events.append((kind, text, data or {}))


async def test_waits_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin and end of each, up to a number, and at the end the time of each signal."""
    monkeypatch.setattr(gates_module, "MOST_RECORDED", 2)
    ledger, signal = Records(), Held("eu: lag 4s >= 2s", target="eu")
    gates = Gates(AnyOf([signal]), (EU, US), {EU, US}, [].append, Pace(None), ledger=ledger)
    gates.end()
    assert ledger.events == []
    for _ in range(2):
        signal.held = "eu: lag 4s >= 2s"
        waiting = lane(gates.of(EU))
        await settle(gates)
        signal.held = None
        await settle(gates)
        await waiting
    gates.end()
    assert [kind for kind, _, _ in ledger.events] == [EventKind.THROTTLE, EventKind.RELEASE, EventKind.WAITS]
    (_, began, opening), (_, ended, closing), (_, _, waits) = ledger.events
    assert (began, opening["target"]) == ("eu: lag 4s >= 2s", "eu")
    assert ended.startswith("eu: lag 4s >= 2s, for 0.")
    assert closing["target"] == "eu"
    assert [wait.name for wait in gates.waits()] == ["held"]
    assert waits == waits_object(0.0, gates.waits())


def test_a_run_rests_if_each_of_its_targets_does() -> None:
    """One that works, or that has no pace of its own, works for the run."""
    paces = {EU.label: GentlePace(), US.label: GentlePace()}
    busy = {EU, US}
    gates = Gates(None, (EU, US), busy, [].append, Pace(None, gentle=paces))
    paces[EU.label].start(ServerLoad({}, busy=1), 0.0)
    assert not gates.resting
    busy.discard(US)
    assert gates.resting
    busy.clear()
    assert not gates.resting
