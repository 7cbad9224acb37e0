"""A pause by itself: who waits, and for how long it lasted."""

from __future__ import annotations

import asyncio

from bulkq.engine.pause import Pause


async def test_lanes_wait_without_a_connection_until_the_end() -> None:
    """A lane lets its connection go first; outside of a pause it goes on at once."""
    pause, gone = Pause(), []

    async def let_go() -> None:
        gone.append(1)

    await pause.admit(lambda: True, let_go)
    assert (pause.on, pause.lasts_s, pause.paused_s, gone) == (False, 0.0, 0.0, [])
    pause.begin("ann@x")
    lanes = [asyncio.create_task(pause.admit(lambda: True, let_go)) for _ in range(2)]
    await asyncio.sleep(0.02)
    assert (pause.on, pause.by, pause.lanes, gone) == (True, "ann@x", 2, [1, 1])
    pause.wake()
    pause.begin("bob@y")
    await asyncio.sleep(0.01)
    assert (pause.by, pause.lanes) == ("bob@y", 2)
    lasted_s = pause.end()
    await asyncio.gather(*lanes)
    assert lasted_s >= 0.02
    assert pause.paused_s == lasted_s
    assert (pause.on, pause.lanes) == (False, 0)


async def test_a_stop_ends_the_wait() -> None:
    """A lane leaves when no further batch is wanted, though the pause goes on."""
    pause, going = Pause(), True
    pause.begin("ann@x")
    lane = asyncio.create_task(pause.admit(lambda: going, None))
    await asyncio.sleep(0)
    going = False
    pause.wake()
    await asyncio.wait_for(lane, 5)
    assert pause.on
    await pause.admit(lambda: going, None)
