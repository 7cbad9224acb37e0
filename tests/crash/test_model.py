"""Lanes, runner, markers and resume against a simulated server, through schedules no real server would give twice.

BULKQ_MODELS=100000 pytest tests/crash/test_model.py
"""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from bulkq import markers
from bulkq.engine.part_state import PartState
from bulkq.engine.pool import ConnectionPool
from bulkq.engine.run_context import StopLimits
from bulkq.engine.runner import Runner
from bulkq.engine.stop_control import Control
from bulkq.lifecycle import target_markers
from bulkq.model import Claims, Decoding, Limits, Outcome, PartSpec
from bulkq.policy.batch_size import BatchSize
from bulkq.policy.progress import Progress
from bulkq.query import inline
from bulkq.sinks import open_sink
from bulkq.sources import Request, open_source
from bulkq.sources.subset import RemainingSets
from tests.support.crash.nursery import merged
from tests.support.crash.simulation import Database, Process, SimulatedDriver, SimulatedLedger, VirtualLoop

if TYPE_CHECKING:
    from bulkq.model import Mark

EXAMPLES = int(os.environ.get("BULKQ_MODELS", "60"))
QUERY = inline("update counters set n = n + 1 where id = :id")
RUN = "run1"
TABLES = markers.tables("public")
LIMITS = Limits(timeout_s=30, lock_timeout_s=2, read_only=False, ordered=False)


@dataclass(frozen=True)
class Life:
    """One process: how it works, and when it ends."""

    lanes: int
    batch: int
    fault_rate: float
    away: float  # chance that a connection is refused
    dies_after_s: float | None
    zombie: bool  # it is not dead but thought to be, and goes on beside its successor


lives = st.builds(
    Life,
    lanes=st.integers(1, 5),
    batch=st.integers(1, 9),
    fault_rate=st.sampled_from([0.0, 0.05, 0.3, 0.7]),
    away=st.sampled_from([0.0, 0.3]),
    dies_after_s=st.floats(0.001, 1.5),
    zombie=st.booleans(),
)
schedules = st.tuples(
    st.integers(1, 60),
    st.lists(lives, max_size=5),
    st.frozensets(st.integers(1, 60), max_size=3),
    st.integers(0, 2**32),
)


class Simulation:
    """One run of the schedule."""

    def __init__(self, sets: int, bad: frozenset[int], seed: int) -> None:
        self.chance = random.Random(seed)
        self.sets = sets
        self.database = Database(self.chance, bad)
        self.durable: list[Mark] = []
        self._begun = False
        self._processes = 0

    async def process(self, life: Life, process: Process) -> Runner:
        """What `run` does at first and `resume` later, from the owner to the last batch."""
        self._processes += 1
        owner = f"host:{self._processes}:0:x"
        driver = SimulatedDriver(self.database, process, life.away)
        sessions = ConnectionPool(driver, outage_s=1e6, say=lambda _: None)
        connection = await sessions.open()
        done: list[tuple[int, int]] = []
        if not self._begun:
            await target_markers.begin(connection, TABLES, RUN, owner)
            self._begun = True
        else:
            rows = await target_markers.take_over(connection, "postgresql://t", TABLES, RUN, owner, lambda _: None)
            done = list(target_markers.ranges(rows).get(1, ()))
        sessions.give_back(connection)
        return await self._work(life, process, sessions, owner, done)

    async def _work(
        self, life: Life, process: Process, sessions: ConnectionPool, owner: str, done: list[tuple[int, int]]
    ) -> Runner:
        range_ = await open_source(Request(specs=(f"range:id=1..{self.sets}",)), QUERY, text=False)
        sink = open_sink(
            path=None, format="none", include=(), run=RUN, queries=[QUERY], target="t", stdout=None, terminal=False
        )
        spec = PartSpec(
            query=QUERY,
            target="simulated",
            decoding=Decoding.PYTHON,
            typed=True,
            limits=LIMITS,
            retries=5,
            claims=Claims(RUN, owner, TABLES),
            answers=False,
        )
        ledger = SimulatedLedger(self.database, process, self.durable)
        runner = Runner(
            [PartState(spec, RemainingSets(range_, done), sink, sessions, BatchSize(life.batch))],
            concurrency=life.lanes,
            progress=Progress(),
            observers=(),
            control=Control(),
            rules=StopLimits(),
            ledger=ledger,
        )
        keeper = asyncio.get_running_loop().create_task(ledger.keep())
        try:
            await runner.run()
            await ledger.sync()
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])
        return runner

    async def dying(self, life: Life) -> asyncio.Task[Runner] | None:
        """A process that is killed, or one that is only taken for dead: the task of a zombie."""
        process = Process(life.fault_rate, self.chance)
        task = asyncio.get_running_loop().create_task(self.process(life, process))
        await asyncio.wait([task], timeout=life.dies_after_s)
        if task.done():
            task.result()
            return None
        if life.zombie and self._begun:
            return task
        process.dead = True
        task.cancel()
        await asyncio.wait([task])
        return None

    async def whole(self, all_lives: list[Life]) -> None:
        """Every process, one after the other; then one that nothing happens to."""
        zombies = [await self.dying(life) for life in all_lives]
        last = Life(lanes=3, batch=4, fault_rate=0.0, away=0.0, dies_after_s=None, zombie=False)
        await self.process(last, Process(0.0, self.chance))
        for zombie in zombies:
            if zombie is not None:
                await asyncio.wait([zombie])
                ghost = zombie.result()
                assert all(f.outcome is Outcome.ROLLED_BACK for f in ghost.failures)
        while self.database.orphans:
            await asyncio.wait(set(self.database.orphans))
        self.look(await self.process(last, Process(0.0, self.chance)))  # a zombie may have taken over in the end

    def look(self, runner: Runner) -> None:
        """Every set once, those that a constraint refuses never; markers cover exactly what was applied."""
        refused = {n for n in self.database.bad if n <= self.sets}
        expected = {(n,): 1 for n in range(1, self.sets + 1) if n not in refused}
        assert dict(self.database.applied) == expected
        covered = [n for first, last in self.marked() for n in range(first, last + 1)]
        assert covered == [n for n in range(1, self.sets + 1) if n not in refused]
        assert {failure.n for failure in runner.failures} == refused
        assert all(failure.outcome is Outcome.ROLLED_BACK for failure in runner.failures)
        assert self.database.transactions == []

    def marked(self) -> list[tuple[int, int]]:
        """Ranges of the markers; one number in two of them is an error."""
        return merged([(first, last) for (_, first), (last, _) in self.database.markers.items()])


async def _ended(tasks: set[asyncio.Task[object]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


@settings(max_examples=EXAMPLES, deadline=None, print_blob=True)
@given(schedule=schedules)
def test_every_set_is_applied_once(schedule: tuple[int, list[Life], frozenset[int], int]) -> None:
    """Whatever is lost, late or killed, and whoever still works on after another has taken over."""
    sets, all_lives, bad, seed = schedule
    loop = VirtualLoop()
    simulation = Simulation(sets, bad, seed)
    clock = SimpleNamespace(monotonic=loop.time)
    dice = SimpleNamespace(random=simulation.chance.random)
    modules = ("bulkq.engine.lane", "bulkq.engine.runner", "bulkq.engine.target_lanes", "bulkq.engine.pool")
    patches = [mock.patch(f"{module}.time", clock) for module in modules]
    patches += [mock.patch(f"{module}.random", dice) for module in ("bulkq.engine.lane", "bulkq.engine.pool")]
    for patch in patches:
        patch.start()
    try:
        loop.run_until_complete(simulation.whole(all_lives))
    finally:
        for patch in patches:
            patch.stop()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(_ended(left))
        loop.close()
