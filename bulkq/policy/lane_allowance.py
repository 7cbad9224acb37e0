"""How many lanes of a target may work while its throttles are near their limits. Pure.

The number of lanes of a run is given, or found for all of its targets together.
"""

from __future__ import annotations

from bulkq.policy.auto_concurrency import HOLD_LOAD, YIELD_LOAD, YIELD_S

GROW_S = 5.0
"""Seconds until another lane comes back. A latency is that of the last ten seconds, so its answer to a lane takes some."""


class LaneAllowance:
    """Additive increase and multiplicative decrease by the load of the throttles. Not thread-safe: use it on one event loop.

    Attributes:
        lanes: that may work; None: all of them.
        why: why it is this number, for people; "" if all may work.
    """

    __slots__ = ("_changed_s", "lanes", "why")

    def __init__(self) -> None:
        self.lanes: int | None = None
        self.why = ""
        self._changed_s = float("-inf")

    def tick(
        self, load: float | None, now_s: float, top: int, *, found: bool = False, name: str = "a throttle"
    ) -> None:
        """Decide on `lanes`. A timer does this.

        Args:
            load: of the throttles, 1.0 at a limit; None if none of them has a scale.
            now_s: of a monotonic clock.
            top: lanes that the target would have otherwise.
            found: `top` is found while the run works: it does not grow for a target whose load is `HOLD_LOAD` or more.
            name: of the throttle that has the load, for people.
        """
        if load is None:
            self.lanes, self.why = None, ""
            return
        lanes, since_s = min(self.lanes or top, top), now_s - self._changed_s
        if load >= YIELD_LOAD and since_s >= YIELD_S and top > 1:
            self._change(max(1, lanes // 2 if load >= 1.0 else lanes - 1), now_s)
        elif load < HOLD_LOAD and self.lanes is not None and since_s >= GROW_S:
            more = lanes + max(1, lanes // 4)
            self._change(more if more < top else None, now_s)
        if found and load >= HOLD_LOAD and self.lanes is None:
            self.lanes = top
        near = f"{name} is at {100 * load:.0f} %"
        if load < HOLD_LOAD:
            near = f"{name} was near its limit: another lane comes back every {GROW_S:.0f}s"
        self.why = "" if self.lanes is None else near

    def _change(self, lanes: int | None, now_s: float) -> None:
        self.lanes, self._changed_s = lanes, now_s
