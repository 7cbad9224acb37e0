"""`-j auto`: measure the run on a timer, and give its targets as many lanes as `bulkq.policy.auto_concurrency` decides."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bulkq.policy.auto_concurrency import Concurrency, Sample
from bulkq.policy.useful_lanes import useful_lanes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.run_context import RunContext
    from bulkq.engine.target_lanes import LaneGroup

IDLE_S = 5.0
"""A connection that no lane has needed for this time is closed."""


class AutoLanes:
    """The number of lanes of a run over its targets.

    Args:
        context: of the run; its limiter has the first number of lanes.
        targets: the lanes of each target.
        active: False: the number stays as it is until `begin`.
    """

    def __init__(self, context: RunContext, targets: Sequence[LaneGroup], *, active: bool = True) -> None:
        self._context = context
        self._targets = targets
        self.active = active
        """Whether the number of lanes is found while the run works."""

        self._decision = Concurrency(context.limiter.concurrency)
        if active:
            context.progress.lanes_why = self._decision.why
        self._working = 0  # targets that no throttle holds
        self._looked_s = 0.0  # for idle connections
        self._idle: dict[int, int] = {}  # the fewest since then, by place of the target

    def begin(self) -> None:
        """Find the number of lanes from now on."""
        if not self.active:
            self.active, self._decision = True, Concurrency(self._context.limiter.concurrency)
            self._context.progress.concurrency, self._context.progress.lanes_why = None, self._decision.why
            for target in self._targets:
                target.gate.allowance.tick(None, 0.0, 1)

    def fix(self, lanes: int) -> None:
        """Have `lanes` lanes from now on. Lanes beyond this number end after their batch."""
        self.active = False
        progress = self._context.progress
        progress.concurrency = progress.lanes = lanes
        progress.lanes_why = ""
        self._context.limiter.resize(lanes)
        for target in self._targets:
            if target.busy:
                target.grow()

    def tick(self, now_s: float) -> None:
        """Measure, decide, and add lanes. Lanes beyond the number end by themselves."""
        if not self.active:
            self._give_way(now_s)
            return
        busy = [lanes for lanes in self._targets if lanes.busy and lanes.part() is not None]
        if not busy:
            return
        context, decision = self._context, self._decision
        working = [lanes for lanes in busy if lanes.gate.reason is None and not lanes.gate.resting]
        if len(working) != self._working or not working or any(lanes.sessions.lost for lanes in busy):
            decision.interrupt()
        self._working = len(working)
        held = self._hold_loaded(now_s)
        decision.tick(self._sample(working or busy, now_s))
        context.limiter.resize(decision.lanes)
        context.progress.lanes, context.progress.lanes_why = decision.lanes, held or decision.why
        for lanes in busy:
            lanes.grow()
        self._release(now_s)

    def _hold_loaded(self, now_s: float) -> str:
        """Of several targets, take lanes only from those whose throttles are near a limit. Return why; "" if there are none.

        The number of lanes is of all targets together: to have fewer of them would take lanes from the others.
        """
        if not self._context.several:
            return ""
        before = [target.gate.allowance.lanes for target in self._targets]
        self._context.gates.give_way(self._context.limiter.share(), now_s, found=True)
        if before != [target.gate.allowance.lanes for target in self._targets]:
            self._decision.interrupt()
        return max(target.gate.allowance.why for target in self._targets if target.busy)

    def _give_way(self, now_s: float) -> None:
        """Have fewer lanes than were asked for while a throttle is near a limit."""
        limiter, progress = self._context.limiter, self._context.progress
        lanes, progress.lanes_why = self._context.gates.give_way(limiter.share(), now_s)
        progress.lanes = min(lanes, limiter.concurrency) if progress.lanes_why else limiter.concurrency

    def _sample(self, busy: Sequence[LaneGroup], now_s: float) -> Sample:
        progress = self._context.progress
        several, share = self._context.several, self._context.limiter.share()
        bounds = [useful_bound(lanes) for lanes in busy]
        allowed = [lanes.gate.allowance.lanes or share for lanes in busy]
        return Sample(
            now_s=now_s,
            ended_s=max(lanes.finished_s for lanes in self._targets),
            done=progress.done,
            batches=progress.attempts,
            lanes=sum(lanes.at_work for lanes in busy),
            wanted=min(
                sum(min(most, lanes, share) for (most, _), lanes in zip(bounds, allowed, strict=True)),
                self._context.limiter.concurrency,
            ),
            retried=progress.counts.retried,
            full=sum(lanes.full for lanes in self._targets),
            most=len(bounds) * max(most for most, _ in bounds),  # the others get as many in each share
            bound=next((why for _, why in bounds if why), ""),
            load=None if several else busy[0].gate.load,  # of several, each has a number of its own
            work=0 if several else busy[0].current,
        )

    def _release(self, now_s: float) -> None:
        """Close connections that were idle all the time since the last look."""
        over = now_s - self._looked_s >= IDLE_S
        for place, lanes in enumerate(self._targets):
            idle = lanes.sessions.idle
            surplus = min(idle, self._idle.get(place, 0))
            if over and surplus:
                lanes.release(surplus)
            self._idle[place] = idle if over else surplus
        if over:
            self._looked_s = now_s


def useful_bound(lanes: LaneGroup) -> tuple[int, str]:
    """Return the number of lanes of a target from which on no other can help, and the reason."""
    part = lanes.part()
    assert part is not None, "nothing is left to cut"
    return useful_lanes(
        lanes.sessions.driver.capabilities,
        read_only=part.spec.limits.read_only,
        latency_s=part.size.latency_s,
        total=part.source.total,
        processors=os.cpu_count() or 1,
        most=(lanes.most - lanes.stranded, lanes.sessions.bound or "the run is allowed no more"),
    )
