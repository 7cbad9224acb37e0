"""A simulated server and client: lanes send batches, and share processors with each other and with other programs.

The size, the form of batches and the number of lanes are those that `bulkq.policy` decides, so that a test sees how they act together.
No clock and no threads: a run of twenty seconds takes a fraction of one.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

from bulkq.policy.auto_concurrency import MOST, Concurrency, Sample
from bulkq.policy.batch_form import BatchForm, Form
from bulkq.policy.batch_size import LONGEST_S, BatchSize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Steps = list[tuple[bool, float]]

PROCESSORS = 2
TICK_S = 0.05
CONNECT_S, CONNECTED_S = 0.0022, 0.004
"""Processor time of the client for a connection, and the wait for the server."""

SWITCH = 0.004
"""Each running statement beyond the processors makes all of them slower by this share."""

OTHERS_S = 0.7
"""For this time on average, the number of other programs stays."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the parameter sets of a run ask for.

    Attributes:
        steps: of a batch of so many sets in a form: whether it needs a processor, or waits, and for how many seconds.
        most: connections at most.
        set_s: processor time of the client for a set.
    """

    steps: Callable[[random.Random, int, Form], Steps]
    most: int = MOST
    set_s: float = 12e-6
    batch_s: float = 400e-6


class SimulatedRun:
    """A run, on a fixed number of lanes or with `-j auto`.

    Args:
        lanes: None for `-j auto`.
        others: numbers of other programs that want a processor, of which one holds at a time.
    """

    def __init__(self, work: Work, lanes: int | None, *, seed: int = 0, others: Sequence[int] = (0,)) -> None:
        self.auto = None if lanes else Concurrency()
        self.now_s = 0.0
        self.done = 0
        self._work, self._limit = work, lanes or 8
        self._random, self._weather = random.Random(seed), random.Random(seed)
        self._others, self._busy = others, others[0]
        self._size, self._form = BatchSize(longest_s=LONGEST_S), BatchForm()
        self._lanes = self._connected = self._batches = 0
        self._ended_s = 0.0
        self._worked_s = 0.0  # processor time that each running statement has had since the begin
        self._running: list[tuple[float, int, Callable[[], None]]] = []
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._client: deque[tuple[float, Callable[[], None]]] = deque()
        self._number = count()
        self._grow()
        self._tick()
        self._change_others()

    def run(self, until_s: float) -> int:
        """Work until `until_s`, and return how many sets have ended."""
        while self.now_s < until_s:
            speed = self._speed()
            wait_s = (self._running[0][0] - self._worked_s) / speed if self._running else float("inf")
            if self.now_s + wait_s <= self._waiting[0][0]:
                self.now_s, self._worked_s = self.now_s + wait_s, self._running[0][0]
                heappop(self._running)[2]()
            else:
                self._worked_s += (self._waiting[0][0] - self.now_s) * speed
                self.now_s = self._waiting[0][0]
                heappop(self._waiting)[2]()
        return self.done

    def _speed(self) -> float:
        crowd = len(self._running)
        share = min(1.0, PROCESSORS / max(1, crowd + self._busy))
        return share / (1 + SWITCH * max(0, crowd - PROCESSORS))

    def _after(self, seconds: float, then: Callable[[], None], *, works: bool = False) -> None:
        heap, begin_s = (self._running, self._worked_s) if works else (self._waiting, self.now_s)
        heappush(heap, (begin_s + seconds, next(self._number), then))

    def _in_client(self, seconds: float, then: Callable[[], None]) -> None:
        """The client does one thing after the other."""
        self._client.append((seconds, then))
        if len(self._client) == 1:
            self._after(seconds, self._client_ended, works=True)

    def _client_ended(self) -> None:
        then = self._client[0][1]
        then()
        self._client.popleft()
        if self._client:
            self._after(self._client[0][0], self._client_ended, works=True)

    def _change_others(self) -> None:
        self._busy = self._weather.choice(self._others)
        self._after(self._weather.expovariate(1 / OTHERS_S), self._change_others)

    def _tick(self) -> None:
        if self.auto is not None:
            wanted = min(self._limit, self._work.most)
            self.auto.tick(
                Sample(
                    self.now_s, self._ended_s, self.done, self._batches, self._connected, wanted, most=self._work.most
                )
            )
            self._limit = self.auto.lanes
        self._grow()
        self._after(TICK_S, self._tick)

    def _grow(self) -> None:
        while self._lanes < min(self._limit, self._work.most):
            self._lanes += 1
            self._in_client(CONNECT_S, lambda: self._after(CONNECTED_S, self._connect))

    def _connect(self) -> None:
        self._connected += 1
        self._next_batch()

    def _next_batch(self) -> None:
        if self._lanes > self._limit:
            self._lanes, self._connected = self._lanes - 1, self._connected - 1
            return
        sets = self._form.size(self._size.next(None, min(self._limit, self._work.most)))
        form = self._form.next(sets) if sets > 1 else Form.PIPELINE
        steps = self._work.steps(self._random, sets, form)
        begin_s = self.now_s

        def go_on(place: int) -> None:
            if place < len(steps):
                works, seconds = steps[place]
                self._after(seconds, lambda: go_on(place + 1), works=works)
            else:
                self._in_client(self._work.batch_s / 2 + sets * self._work.set_s, end)

        def end() -> None:
            elapsed_s = self.now_s - begin_s
            self._form.record(form, sets, elapsed_s)
            self._size.record(sets, elapsed_s, sets)
            self.done, self._batches, self._ended_s = self.done + sets, self._batches + 1, self.now_s
            self._next_batch()

        self._in_client(self._work.batch_s / 2, lambda: go_on(0))
