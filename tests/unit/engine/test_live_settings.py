"""The settings of a run while it works: read, changed, refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.auto_lanes import AutoLanes
from bulkq.engine.live_settings import LiveSettings
from bulkq.engine.target_lanes import LaneGroup
from bulkq.engine.throttle_gates_by_target import Gates
from bulkq.errors import RefusedError, UsageError
from bulkq.policy.changeable_settings import parse_settings
from bulkq.policy.gentle_pace import GentlePace
from bulkq.policy.pace import Pace
from bulkq.policy.range_size import RangeSize
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.sources.key_range_source import RangeSource
from bulkq.throttles.any_of import AnyOf, flat
from bulkq.throttles.base import PolledThrottle
from tests.support.lanes import context_of, part

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.engine.part_state import PartState


class Limited(PolledThrottle):
    """A throttle of an expression, which is never read."""

    def __init__(self, text: str) -> None:
        expression = parse_expression(text)
        super().__init__(expression.signal, expression=expression)


def settings_of(one: PartState, *throttles: str) -> LiveSettings:
    """The settings of a run of one part with four lanes."""
    context = context_of([one])
    if throttles:
        found = AnyOf([AnyOf([Limited(text) for text in throttles])])
        context.gates = Gates(found, [one.sessions], set(), lambda _: None, Pace(None))
    lanes = LaneGroup([one], context, most=4, ordered=True)
    context.overflow.close()
    return LiveSettings(context, [lanes], AutoLanes(context, [lanes], active=False))


def change(settings: LiveSettings, *words: str) -> None:
    """Set what a user has typed."""
    wanted = parse_settings(words, backfill=settings.backfill)
    settings.check(wanted)
    for one in wanted:
        settings.make(one)


def read_part(folder: Path, *, write: bool = False) -> PartState:
    """A part on an empty file."""
    (folder / "a.db").touch()
    return part(f"sqlite:///{folder / 'a.db'}", "select 1" if not write else "delete from t", [{}], write=write)


def test_settings_of_a_run_are_changed(tmp_path: Path) -> None:
    """What is read is what was set; `auto` and `none` take a limit away."""
    settings = settings_of(read_part(tmp_path))
    assert settings.read() == {"concurrency": "4", "rate": "none", "nice": "0", "batch": "auto"}
    change(settings, "concurrency=7", "rate=30/m", "nice=0.5", "batch=3")
    assert settings.read() == {"concurrency": "7", "rate": "30/m", "nice": "0.5", "batch": "3"}
    change(settings, "concurrency=auto", "rate=none", "nice=0", "batch=auto")
    assert settings.read() == {"concurrency": "auto", "rate": "none", "nice": "0", "batch": "auto"}
    change(settings, "concurrency=auto")
    change(settings, "concurrency=2")
    assert settings.read()["concurrency"] == "2"


def test_one_lane_that_keeps_the_order_stays_one(tmp_path: Path) -> None:
    """Two lanes would apply sets of one row in any order."""
    one = read_part(tmp_path, write=True)
    one.spec = replace(one.spec, limits=replace(one.spec.limits, ordered=True))
    settings = settings_of(one)
    with pytest.raises(
        RefusedError, match="the run has one lane, which keeps its sets in the order of the input: drain it"
    ):
        change(settings, "concurrency=4")
    change(settings, "concurrency=1", "rate=5/s")
    assert settings.read()["rate"] == "5/s"


def test_ranges_of_a_backfill_are_changed(tmp_path: Path) -> None:
    """Time and bounds; bounds that do not fit are refused together. Before the first range there is nothing to read."""
    one = read_part(tmp_path)
    one.ranges = RangeSource()
    settings = settings_of(one)
    assert settings.backfill
    assert settings.read() == {"concurrency": "4", "rate": "none", "nice": "0"}
    one.ranges._size = RangeSize(0.5, 10, 1000, 500)
    change(settings, "target-time=250ms", "min-rows=2", "max-rows=50")
    assert settings.read()["target-time"] == "250ms"
    assert (settings.read()["min-rows"], settings.read()["max-rows"]) == ("2", "50")
    assert (one.ranges._size.rows, one.ranges._size.why) == (50, "the most")
    for words in (["min-rows=51"], ["max-rows=1"], ["min-rows=9", "max-rows=8"]):
        with pytest.raises(UsageError, match="is above max-rows"):
            change(settings, *words)
    change(settings, "concurrency=8")


def test_a_pace_that_is_found_gives_way_to_a_number(tmp_path: Path) -> None:
    """`nice=auto` takes it back; a run that began without it is told how to have it."""
    one = read_part(tmp_path)
    one.ranges = RangeSource()
    settings = settings_of(one)
    with pytest.raises(UsageError, match="^nice=auto: the run began without it, .* --nice auto$"):
        change(settings, "nice=auto")
    gentle = settings._context.pace.gentle = {"db": GentlePace()}
    assert settings.read()["nice"] == "auto"
    change(settings, "nice=0.5")
    assert (settings.read()["nice"], gentle["db"].on) == ("0.5", False)
    change(settings, "nice=auto")
    assert (settings.read()["nice"], gentle["db"].on, settings._context.pace.nice) == ("auto", True, 0.0)


def test_limits_of_throttles_are_changed(tmp_path: Path) -> None:
    """Those with the same signal and unit; another unit, or a throttle that the run has not, is refused."""
    settings = settings_of(read_part(tmp_path), "lag<2s", "lag(b)<64MB", "slot(x)<10GB", "file:/run/hold")
    limits = {"throttle.lag": "2s", "throttle.lag(b)": "64MB", "throttle.slot(x)": "10GB"}
    assert {key: value for key, value in settings.read().items() if key.startswith("throttle.")} == limits
    change(settings, "throttle.lag=5s", "throttle.slot(x)=1.5GB")
    assert settings.read()["throttle.lag"] == "5s"
    assert settings.read()["throttle.slot(x)"] == "1536MB"
    change(settings, "throttle.lag(b)=1MB")
    assert settings.read()["throttle.lag(b)"] == "1MB"
    with pytest.raises(UsageError, match=r"throttle.wal: the run has no such throttle: it has throttle.lag"):
        change(settings, "throttle.wal=5MB/s")
    with pytest.raises(UsageError, match=r"throttle.lag\(b\)=5s: its limit is 1MB: use the same kind of unit"):
        change(settings, "throttle.lag(b)=5s")


def test_limits_of_several_targets_are_restored_each(tmp_path: Path) -> None:
    """A limit that was lowered for a while is not raised above that of another target."""
    settings = settings_of(read_part(tmp_path), "active<50", "active<20", "lag<2s")
    before = settings.read()
    assert before["throttle.active"] == "50 and 20"
    restore = settings.restoring("throttle.active")
    change(settings, "throttle.active=5", "throttle.lag=1s")
    restore()
    assert settings.read() == {**before, "throttle.lag": "1s"}
    restore = settings.restoring("concurrency")
    change(settings, "concurrency=7")
    restore()
    assert settings.read()["concurrency"] == "4"


def test_a_limit_of_the_configuration_is_lowered_and_not_raised(tmp_path: Path) -> None:
    """Who runs something may add to what a DBA has set, and not take from it."""
    settings = settings_of(read_part(tmp_path), "active<50")
    gates = settings._context.gates
    (throttle,) = (one for one in flat(gates.throttle) if isinstance(one, PolledThrottle))
    change(settings, "throttle.active=90")
    throttle.owned = True
    throttle.limit = 50.0
    change(settings, "throttle.active=5")
    change(settings, "throttle.active=50")
    with pytest.raises(RefusedError) as raised:
        change(settings, "throttle.active=51")
    assert str(raised.value) == (
        "throttle.active=51: the configuration of the target has active<50, which a run may lower and not raise"
    )
    assert throttle.limit == 50.0
