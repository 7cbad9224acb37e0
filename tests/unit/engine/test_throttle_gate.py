"""The gate by itself: who waits at it, what it says, and how the time is counted."""

from __future__ import annotations

import asyncio
import time

from bulkq.engine.throttle_gate import ThrottleGate
from bulkq.policy.gentle_pace import GentlePace, ServerLoad
from bulkq.policy.pace import Pace, Rate
from tests.support.throttles import Held


def always() -> bool:
    """The run goes on."""
    return True


async def test_without_a_throttle_nobody_waits() -> None:
    """A run without `--throttle` has a gate that is always open."""
    said: list[ThrottleGate] = []
    gate = ThrottleGate(None, said.append)
    assert not gate.closed
    await gate.admit(always)
    gate.tick()
    assert (gate.reason, gate.reasons, gate.load, said) == (None, (), None, [])


async def test_lanes_wait_until_the_throttle_has_no_reason() -> None:
    """The begin of the wait is said once for all lanes, and so is its end, with the time that it took."""
    said: list[str | None] = []
    switch = Held(None)
    gate = ThrottleGate(switch, lambda changed: said.append(changed.reason))
    switch.held = "file hold exists"
    assert gate.closed
    assert gate.load is None
    lanes = [asyncio.create_task(gate.admit(always)) for _ in range(3)]
    await asyncio.sleep(0.02)
    gate.tick()
    await asyncio.sleep(0)
    assert gate.reason == "file hold exists"
    assert gate.reasons == ("file hold exists",)
    switch.held = None
    gate.tick()
    await asyncio.gather(*lanes)
    assert said == ["file hold exists", None]
    assert gate.waited_s > 0.02


async def test_a_stop_ends_the_wait() -> None:
    """Lanes leave the gate when no further batch is wanted, though the throttle still holds."""
    switch = Held(None)
    switch.held = "held"
    going = True
    said: list[str | None] = []
    gate = ThrottleGate(switch, lambda changed: said.append(changed.reason))
    lane = asyncio.create_task(gate.admit(lambda: going))
    await asyncio.sleep(0)
    going = False
    gate.wake()
    assert (gate.reason, gate.reasons) == ("held", ("held",))
    await lane
    assert gate.closed
    assert gate.held
    assert said == ["held", None]


async def test_a_rate_holds_the_lanes_as_long_as_the_sets_may_take() -> None:
    """A batch is cut small, and the next one waits; a stop ends the wait."""
    pace = Pace(Rate(100.0))
    gate = ThrottleGate(None, [].append, pace)
    await gate.admit(always)
    pace.spend(20, time.monotonic())
    assert gate.closed
    began_s = time.monotonic()
    await gate.admit(always)
    assert 0.1 < time.monotonic() - began_s < 5
    pace.spend(100_000, time.monotonic())
    going = True
    lane = asyncio.create_task(gate.admit(lambda: going))
    await asyncio.sleep(0)
    going = False
    gate.wake()
    async with asyncio.timeout(5):
        await lane


async def test_a_nice_lane_pauses_for_a_share_of_its_work() -> None:
    """Without a pace it does not."""
    gate = ThrottleGate(None, [].append, Pace(None, nice=0.5))
    began_s = time.monotonic()
    await gate.be_nice(0.2, always)
    assert time.monotonic() - began_s >= 0.1
    plain = ThrottleGate(None, [].append)
    await plain.be_nice(60.0, always)
    assert not plain.closed


async def test_lanes_rest_while_the_gentle_pace_does() -> None:
    """Before the first batch others are measured: lanes wait, one is allowed, and a number instead ends the rest."""
    gentle = GentlePace()
    pace = Pace(None, gentle={"db": gentle})
    gate = ThrottleGate(None, [].append, pace, gentle=gentle)
    assert (gate.closed, gate.lanes(4), gate.why) == (False, 4, "")
    gentle.start(ServerLoad({}, busy=1), time.monotonic())
    assert (gate.closed, gate.resting, gate.lanes(4)) == (True, True, 1)
    assert gate.why.startswith("nice=auto measures")
    lane = asyncio.create_task(gate.admit(always))
    await asyncio.sleep(0.02)
    assert not lane.done()
    pace.set_nice(0.0)
    gate.wake()
    await lane
    assert (gate.closed, gate.lanes(4), gate.why) == (False, 4, "")
    assert gate.end(gate.begin()) < 1.0
