"""`-j auto` on simulated servers whose throughput is known for each number of lanes, and its reactions to single samples."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from statistics import mean
from typing import TYPE_CHECKING

import pytest

from bulkq.policy.auto_concurrency import CAUTION_S, LONGEST_S, MOST, Concurrency, Sample
from bulkq.policy.batch_form import Form
from tests.support.simulated_server import SimulatedRun, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.simulated_server import Steps

    Curve = Callable[[int], float]

TICK_S = 0.05
FOUND_S = 10.0
"""After this time the number is to be found."""


def sleeps(lanes: int) -> float:
    """Queries that wait 20 ms; the client can do 100 at a time."""
    return min(lanes, 100) / 0.02


def two_cores(lanes: int) -> float:
    """Queries that calculate; more of them than processors slow each other down a little."""
    return min(lanes, 2) * 100 / (1 + 0.01 * max(0, lanes - 2))


def crowded(lanes: int) -> float:
    """Queries that calculate, measured on a machine of two processors: from the best number on, each doubling costs a sixth."""
    return 780 * lanes if lanes < 2 else 1_340 * lanes**-0.25 * 2**0.25


def collapsing(lanes: int) -> float:
    """Queries that stand in each other's way beyond 8 lanes."""
    return 100.0 * lanes if lanes <= 8 else 200.0


def one_lane(lanes: int) -> float:
    """Lookups in a file: another lane only disturbs."""
    return 5_000 / (1 + 0.05 * (lanes - 1))


def mixed(lanes: int) -> float:
    """Fast and slow queries: each lane brings less than the one before it."""
    return 1_000 * (1 - math.exp(-lanes / 12))


def slow(lanes: int) -> float:
    """Queries of a second."""
    return float(min(lanes, 40))


@dataclass
class Server:
    """A database that answers at a known rate. Each tick is a step of `TICK_S`."""

    curve: Curve
    most: int = MOST
    noise: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        self.auto = Concurrency(min(8, self.most))
        self.sample = Sample(0.0, 0.0, 0, 0, lanes=8, wanted=8, most=self.most)
        self._random = random.Random(self.seed)
        self._done = self._batches = 0.0

    def tick(self, **changes: object) -> int:
        """Work for a moment, and return the number of lanes that did."""
        lanes = self.auto.lanes
        rate = self.curve(lanes) * math.exp(self._random.gauss(0, self.noise * math.sqrt(7)))  # over a window: `noise`
        size = max(1.0, TICK_S * self.curve(lanes) / lanes)
        self._done += rate * TICK_S
        self._batches += rate * TICK_S / size
        now_s = self.sample.now_s + TICK_S
        self.sample = replace(
            self.sample,
            now_s=now_s,
            ended_s=now_s,
            done=int(self._done),
            batches=int(self._batches),
            lanes=lanes,
            wanted=lanes,
            **changes,  # type: ignore[arg-type]
        )
        self.auto.tick(self.sample)
        return lanes

    def run(self, seconds: float, **changes: object) -> Iterator[int]:
        """The lanes at each moment."""
        for _ in range(round(seconds / TICK_S)):
            yield self.tick(**changes)

    def settled(self, **changes: object) -> Server:
        """The server after the number was found."""
        list(self.run(FOUND_S, **changes))
        return self


@pytest.mark.parametrize(
    ("curve", "most"),
    [
        (sleeps, MOST),
        (two_cores, MOST),
        (crowded, MOST),
        (sleeps, 10),
        (one_lane, MOST),
        (collapsing, MOST),
        (mixed, MOST),
        (slow, MOST),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_it_is_within_ten_percent_of_the_best_fixed_number(curve: Curve, most: int, noise: float) -> None:
    """After ten seconds, with all tries that follow, also if throughput varies."""
    best = max(curve(lanes) for lanes in range(1, most + 1))
    shares = []
    for seed in range(8 if noise else 1):
        server = Server(curve, most, noise, seed).settled()
        shares.append(mean(curve(lanes) for lanes in server.run(20)) / best)
    assert mean(shares) >= 0.9
    assert noise or min(shares) >= 0.9


def test_heavy_noise_costs_little() -> None:
    """If throughput varies by 8 % between measurements, the number is still of use."""
    for curve in (sleeps, two_cores, mixed):
        best = max(map(curve, range(1, MOST + 1)))
        shares = [mean(map(curve, Server(curve, noise=0.08, seed=s).settled().run(20))) / best for s in range(8)]
        assert mean(shares) >= 0.88, curve.__name__


def test_it_begins_like_a_run_without_it_and_doubles() -> None:
    """From 8 lanes it has more than 20 within two seconds if each brings as much as the others."""
    server = Server(sleeps)
    assert server.tick() == 8
    list(server.run(2))
    assert server.auto.lanes > 20
    assert server.auto.why == "still measuring"


def test_it_halves_where_fewer_are_better() -> None:
    """From 8 lanes it has two within four seconds."""
    server = Server(crowded)
    list(server.run(4))
    assert server.auto.lanes == 2


def test_a_hopeless_try_is_short() -> None:
    """Half of a measurement is enough to see that throughput has broken down."""
    lanes = list(Server(collapsing).run(3))
    longest = max(len(list(group)) for tried, group in groupby(lanes) if tried > 8)
    assert longest <= 6  # ticks


def test_what_was_far_too_many_is_not_tried_again_soon() -> None:
    """Only the shorter step is, until the caution ends or the throughput is another."""
    server = Server(collapsing)
    assert max(server.run(5)) == 16
    assert max(server.run(CAUTION_S - 5)) == 11
    assert max(server.run(30)) == 16
    server.curve = lambda lanes: 2 * collapsing(lanes)
    assert max(server.run(3)) == 16


def test_it_stays_within_the_bound_and_names_it() -> None:
    """A server with ten free connections has ten lanes at most, and few moments with fewer."""
    server = Server(sleeps, 10).settled(bound="the server has no more free connections")
    lanes = list(server.run(20))
    assert max(lanes) == 10
    assert mean(lanes) > 9.5
    assert server.auto.why == "the server has no more free connections"


def test_a_lower_bound_holds_at_once() -> None:
    """Of a target that ends, or of queries that turn out to be fast."""
    server = Server(sleeps).settled()
    server.tick(most=3)
    assert server.auto.lanes == 3
    server.tick(most=0)
    assert server.auto.lanes == 1


def test_it_finds_another_number_when_the_server_changes() -> None:
    """A number that was best is left when the throughput changes."""
    server = Server(one_lane).settled()
    server.curve = sleeps
    server.settled()
    assert server.auto.lanes > 30


def test_other_work_is_measured_anew() -> None:
    """The rate of one query says nothing about the next one."""
    server = Server(sleeps).settled()
    server.curve = two_cores
    server.tick(work=1)
    list(server.run(20))
    assert server.auto.lanes <= 4


@pytest.mark.parametrize("load", [0.4, 0.6])
def test_a_throttle_that_is_half_way_stops_the_growth(load: float) -> None:
    """A try ends, and no other begins."""
    server = Server(sleeps)
    list(server.run(2))
    server.tick(load=load)
    lanes = server.auto.lanes
    assert set(server.run(5)) == {lanes}
    assert server.auto.why == f"a throttle is at {100 * load:.0f} %"


def test_a_throttle_near_its_limit_takes_a_lane_each_second() -> None:
    """Down to one; when it has room again, they come back."""
    server = Server(sleeps).settled()
    before = server.auto.lanes
    list(server.run(3.1, load=0.8))
    assert before - server.auto.lanes in {3, 4}
    list(server.run(300, load=1.2))
    assert server.auto.lanes == 1
    list(server.run(10, load=0.1))
    assert server.auto.lanes > 20


def test_retries_take_lanes_away_for_a_while() -> None:
    """Each measurement with many retries is a step down; after the caution there are more again."""
    server = Server(sleeps).settled()
    before = server.auto.lanes
    for second in range(3):
        list(server.run(1, retried=1_000 * (second + 1)))
    lowest = server.auto.lanes
    assert lowest <= before // 2
    assert server.auto.why == "sets were retried"
    assert max(server.run(CAUTION_S - 2)) <= lowest
    list(server.run(10))
    assert server.auto.lanes > lowest


def test_a_single_lane_is_not_taken_away() -> None:
    """Also if it has retries."""
    server = Server(one_lane, most=1)
    for second in range(3):
        list(server.run(1, retried=10_000 * (second + 1)))
    assert server.auto.lanes == 1


def test_few_retries_change_nothing() -> None:
    """One deadlock in many sets is no sign of too many lanes."""
    server = Server(sleeps).settled()
    before = server.auto.lanes
    list(server.run(1, retried=2))
    assert server.auto.lanes >= before


def test_a_server_without_room_gets_a_quarter_of_the_connections_back() -> None:
    """And no more are asked for until the caution ends."""
    server = Server(sleeps).settled()
    before = server.auto.lanes
    server.tick(full=1)
    assert server.auto.lanes == before * 3 // 4
    assert max(server.run(CAUTION_S - 1)) == before * 3 // 4
    assert server.auto.why == "the server had no free connection"


def test_nothing_is_measured_while_lanes_are_missing_or_wait() -> None:
    """Lanes that connect, and lanes that are held, say nothing about a number."""
    server = Server(sleeps)
    for _ in range(200):
        server.auto.tick(replace(server.sample, now_s=server.sample.now_s, lanes=7))
    assert server.auto.lanes == 8
    for _ in range(200):
        server.tick()
        server.auto.interrupt()
    assert server.auto.lanes == 8


def test_slow_queries_are_measured_by_few_batches() -> None:
    """If queries take several seconds, some of them are enough."""
    auto = Concurrency()
    sample = Sample(0.0, 0.0, 0, 0, lanes=8, wanted=8)
    seconds = 0.0
    while auto.lanes == 8 and seconds < 60:
        seconds += TICK_S
        done = int(seconds * 8 / 6)  # 8 lanes, 6 s each
        auto.tick(replace(sample, now_s=seconds, ended_s=seconds, done=done, batches=done))
    assert 6 + LONGEST_S - 1 < seconds < 6 + LONGEST_S + 2


def test_a_run_that_stands_still_is_no_division_by_zero() -> None:
    """Batches may end without a set, if all of them are left out."""
    auto = Concurrency()
    for tick in range(1, 200):
        now_s = tick * TICK_S
        auto.tick(Sample(now_s, now_s, 0, tick * 50, lanes=auto.lanes, wanted=auto.lanes))
    assert auto.lanes >= 1


def waits(_: random.Random, sets: int, __: Form) -> Steps:
    """Sleeps of 20 ms."""
    return [(False, 0.02 * sets)]


def sums(_: random.Random, sets: int, form: Form) -> Steps:
    """Calculations of 2 ms, of which one statement needs a half only once."""
    return [(True, 0.002 * sets if form is Form.PIPELINE else 0.001 + 0.001 * sets)]


def lookups(_: random.Random, sets: int, form: Form) -> Steps:
    """Lookups by a key."""
    return [(True, sets * (30e-6 if form is Form.PIPELINE else 12e-6))]


def unlike(chance: random.Random, sets: int, form: Form) -> Steps:
    """Of ten sets, one waits for 50 ms, one calculates for 2 ms, and the others are lookups."""
    steps: Steps = []
    busy_s = 0.0
    for kind in (chance.random() for _ in range(sets)):
        busy_s += 50e-6 if form is Form.PIPELINE else 20e-6
        if kind < 0.1:
            steps += [(True, busy_s), (False, 0.05)]
            busy_s = 0.0
        elif kind < 0.2:
            busy_s += 0.002
    return [*steps, (True, busy_s)]


@pytest.mark.parametrize(
    ("work", "best"),
    [
        (Work(waits, most=10), 10),
        (Work(sums), 2),
        (Work(lookups, set_s=4e-6), 2),
        pytest.param(Work(unlike, most=90), 64, marks=pytest.mark.long),
    ],
)
def test_lanes_sizes_and_forms_together_come_to_the_best_fixed_number(work: Work, best: int) -> None:
    """Between the tenth and the eighteenth second, on a simulated machine of two processors; `best` is that of a sweep."""
    auto, fixed = SimulatedRun(work, None), SimulatedRun(work, best)
    found, given = (run.run(18) - before for run, before in ((auto, auto.run(10)), (fixed, fixed.run(10))))
    assert found >= 0.9 * given


@pytest.mark.parametrize(("lanes", "seed"), [(8, 1), (16, 0), (32, 4)])
def test_unlike_sets_make_no_waves(lanes: int, seed: int) -> None:
    """Each second has about as many sets as the others, so that a measurement says something about the lanes."""
    run = SimulatedRun(Work(unlike), lanes, seed=seed)
    done = [run.run(second) for second in range(1, 8)]
    each = [after - before for before, after in pairwise(done)]
    assert min(each) > 0.8 * mean(each)
