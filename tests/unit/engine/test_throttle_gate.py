"""The gate by itself: who waits at it, what it says, and how the time is counted."""

from __future__ import annotations

import asyncio
import time

from bulkq.engine.throttle_gate import ThrottleGate
from bulkq.model import Reading
from bulkq.policy.pace import Pace, Rate


class Switch:
    """A throttle that holds while `held` has a text."""

    held: str | None = None

    async def open(self) -> None:
        """Nothing to open."""

    def reason(self) -> str | None:
        return self.held

    def load(self) -> float | None:
        return None

    def readings(self) -> tuple[Reading, ...]:
        return (Reading(name="switch", signal="switch", reason=self.held),)

    async def close(self) -> None:
        """Nothing to close."""


def always() -> bool:
    """The run goes on."""
    return True


async def test_without_a_throttle_nobody_waits() -> None:
    """A run without `--throttle` has a gate that is always open."""
    said: list[str] = []
    gate = ThrottleGate(None, said.append)
    assert not gate.closed
    await gate.admit(always)
    gate.tick()
    assert (gate.reason, gate.throttled_s, gate.load, gate.readings(), said) == (None, 0.0, None, (), [])


async def test_lanes_wait_until_the_throttle_has_no_reason() -> None:
    """The wait is said once for all lanes, with its reason, and its end with the time that it took."""
    said: list[str] = []
    switch = Switch()
    gate = ThrottleGate(switch, said.append)
    switch.held = "file hold exists"
    assert gate.closed
    assert gate.load is None
    lanes = [asyncio.create_task(gate.admit(always)) for _ in range(3)]
    await asyncio.sleep(0.02)
    gate.tick()
    await asyncio.sleep(0)
    assert gate.reason == gate.readings()[0].reason == "file hold exists"
    assert gate.throttled_s > 0
    switch.held = None
    gate.tick()
    await asyncio.gather(*lanes)
    assert gate.reason is None
    assert [text.partition(", after")[0] for text in said] == [
        "throttled: file hold exists: waiting",
        "no longer throttled",
    ]
    waited_s = gate.throttled_s
    await asyncio.sleep(0.01)
    assert gate.throttled_s == waited_s


async def test_a_stop_ends_the_wait() -> None:
    """Lanes leave the gate when no further batch is wanted, though the throttle still holds."""
    switch = Switch()
    switch.held = "held"
    going = True
    said: list[str] = []
    gate = ThrottleGate(switch, said.append)
    lane = asyncio.create_task(gate.admit(lambda: going))
    await asyncio.sleep(0)
    going = False
    gate.wake()
    await lane
    assert gate.closed
    assert said == ["throttled: held: waiting"]


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
