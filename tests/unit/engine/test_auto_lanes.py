"""The lanes of `-j auto`: what is measured, and what becomes of connections that no lane needs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.auto_lanes import IDLE_S, AutoLanes
from bulkq.engine.run_context import RunContext, StopLimits
from bulkq.engine.stop_control import Control
from bulkq.engine.target_lanes import LaneGroup
from bulkq.ledger import NoLedger
from bulkq.policy.auto_concurrency import MOST, START
from bulkq.policy.progress import Progress
from bulkq.throttles import AnyOf
from tests.support.lanes import part
from tests.support.throttles import Loaded

if TYPE_CHECKING:
    from bulkq.engine.part_state import PartState
    from bulkq.protocols import Throttle

SLOW = "with recursive c(i) as (select 1 union all select i + 1 from c where i < 30000) select max(i) from c"


def context_of(*parts: PartState, throttle: Throttle | None = None) -> RunContext:
    """A run that finds its number of lanes."""
    return RunContext(
        parts,
        concurrency=None,
        progress=Progress(),
        observers=[],
        control=Control(),
        rules=StopLimits(),
        ledger=NoLedger(),
        throttle=throttle,
    )


def test_it_begins_with_the_number_of_other_runs_and_one_lane_for_each_target(database: str) -> None:
    """Eight, or as many as targets."""
    parts = [part(database, "select 1", [{}]) for _ in range(10)]
    assert context_of(parts[0]).limiter.concurrency == START
    assert context_of(*parts).limiter.concurrency == 10


async def test_a_run_of_slow_queries_has_the_processors(database: str) -> None:
    """The number, and why it is not larger, are in the progress; before the first lane there is nothing to decide."""
    one = part(database, SLOW, [{}] * 100)
    context = context_of(one)
    group = LaneGroup([one], context, most=MOST, ordered=True)
    auto = AutoLanes(context, [group])
    auto.tick(0.0)
    assert (context.progress.lanes, context.progress.lanes_why) == (0, "still measuring")
    running = asyncio.create_task(group.run())
    now_s = 0.0
    while not running.done():
        await asyncio.sleep(0.02)
        now_s += 0.02
        auto.tick(now_s)
        group.tick(now_s)
    await running
    await one.sessions.close()
    assert 1 <= context.progress.lanes <= START
    assert context.progress.lanes_why
    assert one.counts.ok == 100


async def test_a_lost_target_is_not_measured(database: str) -> None:
    """Nothing that a lane does while it waits says anything about their number."""
    one = part(database, "select 1", [{}] * 10)
    context = context_of(one)
    group = LaneGroup([one], context, most=MOST, ordered=True)
    auto = AutoLanes(context, [group])
    context.limiter.busy.add(one.sessions)
    one.sessions.lost = True
    auto.tick(1.0)
    auto.tick(2.0)
    assert context.progress.lanes >= 1


async def test_the_load_of_one_target_costs_another_no_lane(database: str) -> None:
    """The lanes of the loaded one go one by one; the number that is found for all stays, and its reason is the load."""
    loaded, free = (part(database, "select 1", [{}] * 100) for _ in range(2))
    signals = [Loaded("loaded"), Loaded("free")]
    for each, label in ((loaded, "loaded"), (free, "free")):
        each.sessions.label = label
        each.sessions.driver.capabilities = replace(each.sessions.driver.capabilities, in_process=False)
    context = context_of(loaded, free, throttle=AnyOf(signals))
    groups = [LaneGroup([each], context, most=MOST, ordered=True) for each in (loaded, free)]
    auto = AutoLanes(context, groups)
    context.limiter.busy.update((loaded.sessions, free.sessions))
    assert [group._lanes_allowed() for group in groups] == [START // 2, START // 2]
    signals[0].share = 0.9
    for second in range(10):
        auto.tick(100.0 + second)
    assert [group._lanes_allowed() for group in groups] == [1, START // 2]
    assert (context.progress.lanes, context.progress.lanes_why) == (START, "loaded is at 90 %")
    assert auto._sample(groups, 110.0).wanted == 1 + START // 2
    signals[0].share = 0.0
    for second in range(30):
        auto.tick(110.0 + second)
    assert [group._lanes_allowed() for group in groups] == [START // 2, START // 2]
    assert context.progress.lanes_why == "still measuring"


async def test_connections_that_no_lane_needs_are_closed(database: str) -> None:
    """After a while without use, while the run works; the slots of a run over several targets are free again."""
    one, two = (part(database, SLOW, [{}] * 2_000) for _ in range(2))
    for each in (one, two):
        driver = each.sessions.driver
        driver.capabilities = replace(driver.capabilities, in_process=False)
    context = context_of(one, two)
    groups = [LaneGroup([each], context, most=MOST, ordered=True) for each in (one, two)]
    auto = AutoLanes(context, groups)
    for each in (one, two):
        each.sessions.give_back(await each.sessions.driver.connect())
        each.sessions.give_back(await each.sessions.driver.connect())
    groups[1].release(1)  # it has not begun
    assert two.sessions.idle == 2
    context.limiter.resize(1)
    running = asyncio.create_task(groups[0].run())
    await asyncio.sleep(0.05)
    slots = groups[0].slots = 4
    idle = one.sessions.idle
    auto._release(0.0)
    auto._release(IDLE_S)
    auto._release(2 * IDLE_S)
    await asyncio.sleep(0.05)
    assert idle > one.sessions.idle
    assert groups[0].slots == slots - (idle - one.sessions.idle)
    context.control.drain("enough")
    groups[0].wake()
    await running
    await one.sessions.close()
    await two.sessions.close()
