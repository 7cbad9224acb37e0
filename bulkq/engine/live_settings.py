"""The settings of a running run, as they are now, and how they change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bulkq.errors import RefusedError, UsageError
from bulkq.policy.auto_concurrency import MOST
from bulkq.policy.changeable_settings import THROTTLE, parse_settings
from bulkq.policy.gentle_pace import AUTO
from bulkq.policy.pace import Rate
from bulkq.policy.throttle_expressions import ThrottleExpression, limit_text
from bulkq.text.durations import exact_duration
from bulkq.throttles.any_of import flat
from bulkq.throttles.base import PolledThrottle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bulkq.engine.auto_lanes import AutoLanes
    from bulkq.engine.run_context import RunContext
    from bulkq.engine.target_lanes import LaneGroup
    from bulkq.policy.changeable_settings import RunSetting
    from bulkq.policy.range_size import RangeSize


class LiveSettings:
    """Reads and changes the settings of one run.

    Args:
        context: of the run.
        targets: the lanes of each target.
        auto: decides the number of lanes, or leaves it as it is.
    """

    def __init__(self, context: RunContext, targets: Sequence[LaneGroup], auto: AutoLanes) -> None:
        self._context = context
        self._targets = targets
        self._auto = auto

    @property
    def backfill(self) -> bool:
        """Whether the run goes over ranges of a key."""
        return any(part.ranges is not None for lanes in self._targets for part in lanes.parts)

    def read(self) -> Mapping[str, str]:
        """Return the value of every setting for people, by key."""
        pace, found = self._context.pace, {}
        found["concurrency"] = "auto" if self._auto.active else str(self._context.limiter.concurrency)
        found["rate"] = "none" if pace.rate is None else pace.rate.text
        found["nice"] = AUTO if any(gentle.on for gentle in pace.gentle.values()) else f"{pace.nice:g}"
        if self.backfill:
            size = next(self._sizes(), None)
            if size is not None:
                found |= {
                    "target-time": exact_duration(size.target_s),
                    "min-rows": str(size.least),
                    "max-rows": str(size.most),
                }
        else:
            found["batch"] = "auto" if pace.largest is None else str(pace.largest)
        limits: dict[str, list[str]] = {}
        for throttle in self._limits():
            limits.setdefault(THROTTLE + _name(throttle), []).append(_limit_text(throttle))
        return found | {key: " and ".join(dict.fromkeys(texts)) for key, texts in limits.items()}

    def restoring(self, key: str) -> Callable[[], None]:
        """Return what gives a setting the value back that it has now. The limits of several targets may differ."""
        if key.startswith(THROTTLE):
            name = key.removeprefix(THROTTLE)
            kept = [(one, one.limit) for one in self._limits() if name in {one.expression.signal, _name(one)}]
            return partial(self._limit, kept)
        (setting,) = parse_settings([f"{key}={self.read()[key]}"], backfill=self.backfill)
        return partial(self.make, setting)

    def check(self, settings: Sequence[RunSetting]) -> None:
        """See that all `settings` can be made.

        Raises:
            RefusedError: the promise of the run forbids one.
            UsageError: one is out of range for this run.
        """
        for setting in settings:
            if setting.key == "concurrency":
                self._check_concurrency(setting)
            elif setting.key == "nice" and setting.value is None and not self._context.pace.gentle:
                raise UsageError(
                    f"nice={AUTO}: the run began without it, or its server does not give what it needs: drain it, and continue with "
                    f"bulkq resume {self._context.progress.run} --nice {AUTO}"
                )
            elif setting.key.startswith(THROTTLE):
                self._check_limit(setting)
        self._check_rows({setting.key: setting for setting in settings})

    def make(self, setting: RunSetting) -> None:
        """Make a setting that `check` has passed."""
        value, pace = setting.value, self._context.pace
        match setting.key:
            case "concurrency":
                assert value is None or isinstance(value, int)
                self._concurrency(value)
            case "rate":
                assert value is None or isinstance(value, Rate)
                pace.change(value)
            case "nice":
                assert value is None or isinstance(value, float)
                pace.set_nice(value)
            case "batch":
                assert value is None or isinstance(value, int)
                pace.largest = value
            case key if key.startswith(THROTTLE):
                assert isinstance(value, ThrottleExpression)
                self._limit([(throttle, value.limit) for throttle in self._limited(setting)])
            case _:
                self._resize(setting)
        self._context.gates.wake()

    def _check_concurrency(self, setting: RunSetting) -> None:
        if setting.value != 1 and all(map(_keeps_order, self._targets)):
            raise RefusedError(
                "concurrency: the run has one lane, which keeps its sets in the order of the input: "
                f"drain it, and continue with bulkq resume {self._context.progress.run} -j {setting.text}"
            )

    def _check_limit(self, setting: RunSetting) -> None:
        wanted = setting.value
        assert isinstance(wanted, ThrottleExpression)
        for throttle in self._limited(setting):
            most = throttle.expression.limit
            if throttle.owned and most is not None and (wanted.limit or 0.0) > most:
                raise RefusedError(
                    f"{setting.key}={setting.text}: the configuration of the target has {throttle.expression.text}, "
                    "which a run may lower and not raise"
                )

    def _check_rows(self, settings: Mapping[str, RunSetting]) -> None:
        size = next(self._sizes(), None)
        if size is None or not {"min-rows", "max-rows"} & settings.keys():
            return
        least = settings["min-rows"].value if "min-rows" in settings else size.least
        most = settings["max-rows"].value if "max-rows" in settings else size.most
        assert isinstance(least, int)
        assert isinstance(most, int)
        if least > most:
            raise UsageError(f"min-rows={least} is above max-rows={most}: change both")

    def _resize(self, setting: RunSetting) -> None:
        """Change the bounds of key ranges."""
        value = setting.value
        assert isinstance(value, int | float)
        for size in self._sizes():
            if setting.key == "target-time":
                size.change(target_s=value)
            elif setting.key == "min-rows":
                size.change(least=int(value))
            else:
                size.change(most=int(value))

    def _concurrency(self, lanes: int | None) -> None:
        for target in self._targets:
            if not _keeps_order(target):
                target.most = min(lanes or MOST, target.sessions.most or MOST)
        if lanes is None:
            self._auto.begin()
        else:
            self._auto.fix(lanes)

    def _limit(self, limits: Sequence[tuple[PolledThrottle, float | None]]) -> None:
        for throttle, limit in limits:
            throttle.limit = limit
        self._context.gates.wake()

    def _limits(self) -> Iterator[PolledThrottle]:
        """The throttles that have limits, but for those that end the run."""
        for throttle in flat(self._context.gates.throttle):
            if isinstance(throttle, PolledThrottle) and throttle.limit is not None:
                yield throttle

    def _limited(self, setting: RunSetting) -> list[PolledThrottle]:
        """The throttles whose limit a setting changes.

        Raises:
            UsageError: there is none, or its limit has another unit.
        """
        name, wanted = setting.key.removeprefix(THROTTLE), setting.value
        assert isinstance(wanted, ThrottleExpression)
        found = [throttle for throttle in self._limits() if name in {throttle.expression.signal, _name(throttle)}]
        if not found:
            having = ", ".join(dict.fromkeys(THROTTLE + _name(throttle) for throttle in self._limits()))
            raise UsageError(f"{setting.key}: the run has no such throttle{f': it has {having}' if having else ''}")
        fitting = [throttle for throttle in found if throttle.expression.unit is wanted.unit]
        if not fitting:
            limit = _limit_text(found[0])
            raise UsageError(f"{setting.key}={setting.text}: its limit is {limit}: use the same kind of unit")
        return fitting

    def _sizes(self) -> Iterator[RangeSize]:
        for lanes in self._targets:
            for part in lanes.parts:
                if part.ranges is not None and part.ranges.size is not None:
                    yield part.ranges.size


def _keeps_order(lanes: LaneGroup) -> bool:
    """Whether a target has one lane, so that its writes take effect in the order of the input."""
    return any(
        part.ranges is None and part.spec.limits.ordered and not part.spec.limits.read_only for part in lanes.parts
    )


def _name(throttle: PolledThrottle) -> str:
    """The name of a throttle in the key of its limit: `lag`, `lag(replica-2)`."""
    expression = throttle.expression
    return f"{expression.signal}({expression.argument})" if expression.argument else expression.signal


def _limit_text(throttle: PolledThrottle) -> str:
    assert throttle.limit is not None
    assert throttle.expression.unit is not None
    return limit_text(throttle.limit, throttle.expression.unit)
