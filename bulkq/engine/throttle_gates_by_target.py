"""The gates of the targets of a run, and what is said of them together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bulkq.engine.throttle_gate import ThrottleGate
from bulkq.model.run_event import EventKind
from bulkq.model.throttle_readings import reading_object
from bulkq.model.throttle_wait_total import waits_object
from bulkq.policy.throttle_waits import ThrottleWaits, waits_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from bulkq.engine.pause import Pause
    from bulkq.engine.pool import ConnectionPool
    from bulkq.model import Reading, ThrottleWait
    from bulkq.policy.pace import Pace
    from bulkq.protocols import Ledger, Throttle

MOST_RECORDED = 1_000
"""Begins and ends of waits in the ledger, for each process of a run: a signal may waver for days."""


class Gates:
    """One gate for each target. A signal of a database holds the lanes of its target; every other signal holds all lanes.

    Args:
        throttle: of the run.
        targets: their connections, by which the gates are found.
        busy: the targets whose lanes are running.
        say: reports the begin and the end of a wait in one line.
        pace: of the run.
        pause: of the run.
        ledger: records the same as events; None records nothing.
    """

    def __init__(
        self,
        throttle: Throttle | None,
        targets: Collection[ConnectionPool],
        busy: Collection[ConnectionPool],
        say: Callable[[str], None],
        pace: Pace,
        pause: Pause | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self.throttle = throttle
        self._busy = busy
        self._say = say
        self._ledger = ledger
        self._recorded = 0
        self._waits = ThrottleWaits()
        self._ticked_s = time.monotonic()
        self._several = len(targets) > 1
        self._gates = {
            target: ThrottleGate(
                part_of(throttle, target, several=self._several),
                self._changed,
                pace,
                pause,
                pace.gentle.get(target.label),
            )
            for target in targets
        }
        self._targets = {gate: target for target, gate in self._gates.items()}
        self._begun: dict[ThrottleGate, str] = {}  # the reason at the begin of each wait
        self._shared: set[str] = set()  # reasons of these that hold several targets
        self._since_s: float | None = None  # the run stands still
        self._throttled_s = 0.0

    def of(self, target: ConnectionPool) -> ThrottleGate:
        """Return the gate of a target."""
        return self._gates[target]

    def readings(self) -> tuple[Reading, ...]:
        """Return the last reading of each signal, whichever targets it holds."""
        return () if self.throttle is None else self.throttle.readings()

    @property
    def held(self) -> bool:
        """Whether every target whose lanes are running waits for a throttle."""
        return bool(self._busy) and all(target.held for target in self._busy)

    @property
    def resting(self) -> bool:
        """Whether the lanes of every target that are running rest, see `GentlePace`."""
        return bool(self._busy) and all(self._gates[target].resting for target in self._busy)

    @property
    def state(self) -> str:
        """The reasons for which lanes wait, after the number of their targets unless all wait; "" if none waits."""
        waiting = [self._gates[target] for target in self._busy if target.held]
        reasons = dict.fromkeys(reason for gate in waiting for reason in gate.reasons)
        if not reasons:
            return ""
        some = "" if self.held else f"{len(waiting)} of {len(self._busy)} targets "
        return f"{some}throttled: {'; '.join(reasons)}"

    @property
    def throttled_s(self) -> float:
        """Seconds in which the run stood still, because every target with running lanes waited for a throttle."""
        return self._throttled_s + (0.0 if self._since_s is None else time.monotonic() - self._since_s)

    def give_way(self, share: int, now_s: float, *, found: bool = False) -> tuple[int, str]:
        """Have fewer lanes on each target whose throttle is near a limit. A timer does this.

        Args:
            share: lanes that a target would have otherwise.
            now_s: of a monotonic clock.
            found: the number is found while the run works.

        Returns:
            The lanes of the targets that are running, and why they are not more; "" if no throttle takes one away.
        """
        for gate in self._gates.values():
            gate.allowance.tick(gate.load, now_s, share, found=found, name=gate.nearest)
        gates = [(target.label, self._gates[target]) for target in self._busy]
        whys = [f"{label}: {gate.why}" if self._several else gate.why for label, gate in gates if gate.why]
        return sum(gate.lanes(share) for _, gate in gates), max(whys, default="")

    def tick(self) -> None:
        """Wake the waiting lanes, so that they read their throttle again. A timer does this."""
        for gate in self._gates.values():
            gate.tick()
        self._count()
        now_s = time.monotonic()
        if self._begun:
            holding = [reading for gate in self._begun for reading in gate.holding]
            self._waits.record(holding, now_s - self._ticked_s)
        self._ticked_s = now_s

    def waits(self) -> tuple[ThrottleWait, ...]:
        """Return how long each signal held lanes, the longest first."""
        return self._waits.all()

    def end(self) -> None:
        """Record how long each signal held lanes."""
        waits = self.waits()
        if waits and self._ledger is not None:
            text = waits_text(self.throttled_s, waits)
            self._ledger.record_event(EventKind.WAITS, text, data=waits_object(self.throttled_s, waits))

    def wake(self) -> None:
        """Wake every waiting lane."""
        for gate in self._gates.values():
            gate.wake()

    def _changed(self, gate: ThrottleGate) -> None:
        """Report that the wait of a target has begun or ended, once if a reason holds several targets."""
        self._targets[gate].held = gate.reason is not None
        if gate.reason is not None:
            first = gate.reason not in self._begun.values()
            self._begun[gate] = gate.reason
            if first:
                self._say(f"throttled: {gate.reason}: waiting")
                self._record(EventKind.THROTTLE, gate, gate.reason)
            else:
                self._shared.add(gate.reason)
        else:
            self._report_end(gate, self._begun.pop(gate))
        self._count()

    def _report_end(self, gate: ThrottleGate, begun: str) -> None:
        if begun in self._begun.values() or gate.held:  # it goes on elsewhere, or the run stops
            return
        whose = "" if not self._several or begun in self._shared else f"{self._targets[gate].label}: "
        self._shared.discard(begun)
        self._say(f"{whose}no longer throttled, after {gate.waited_s:.1f}s")
        self._record(EventKind.RELEASE, gate, f"{begun}, for {gate.waited_s:.1f}s")

    def _record(self, kind: EventKind, gate: ThrottleGate, text: str) -> None:
        """Record an event, up to a number: the time of each signal is recorded at the end."""
        if self._ledger is None or self._recorded >= MOST_RECORDED:
            return
        self._recorded += 1
        data: dict[str, object] = {"target": self._targets[gate].label if self._several else None}
        if kind is EventKind.THROTTLE:
            data["signals"] = [reading_object(reading) for reading in gate.holding]
        else:
            data["seconds"] = round(gate.waited_s, 2)
        self._ledger.record_event(kind, text, data=data)

    def _count(self) -> None:
        """Count the time in which the run stands still."""
        if self.held:
            self._since_s = self._since_s or time.monotonic()
        elif self._since_s is not None:
            self._throttled_s += time.monotonic() - self._since_s
            self._since_s = None


def part_of(throttle: Throttle | None, target: ConnectionPool, *, several: bool) -> Throttle | None:
    """Return what holds the lanes of `target`; of the only target of a run that is all of `throttle`."""
    return throttle.of(target.label) if throttle is not None and several else throttle


class HeldTimes:
    """For how long a throttle has held each target without a break.

    Args:
        throttle: is asked, for each target; None: nothing holds the run.
        targets: their connections.
    """

    def __init__(self, throttle: Throttle | None, targets: Iterable[ConnectionPool]) -> None:
        every = tuple(targets)
        self._parts = {target: part_of(throttle, target, several=len(every) > 1) for target in every}
        self._since_s: dict[ConnectionPool, float] = {}

    def shortest_s(self, busy: Collection[ConnectionPool], now_s: float) -> float:
        """Return the seconds for which all targets in `busy` have been held; 0.0 if one of them is not."""
        for target, part in self._parts.items():
            if part is None or part.reason() is None:
                self._since_s.pop(target, None)
            else:
                self._since_s.setdefault(target, now_s)
        return min((now_s - self._since_s.get(target, now_s) for target in busy), default=0.0)
