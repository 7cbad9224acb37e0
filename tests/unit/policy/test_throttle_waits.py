"""How long each signal held lanes."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model import Reading, ThrottleWait, Unit
from bulkq.policy.throttle_waits import ThrottleWaits, sum_waits, waits_text

LAG = Reading(name="lag<2s", signal="lag", target="eu", value="3s", number=3.0, limit=2.0, unit=Unit.SECONDS)
FILE = Reading(name="file:/run/hold", signal="file", value="exists")


def test_the_time_of_each_signal_is_added_up() -> None:
    """A signal of all targets counts once, however many wait; the last value counts."""
    waits = ThrottleWaits()
    assert waits.all() == ()
    waits.record([LAG, FILE, FILE], 1.0)
    waits.record([replace(LAG, value="4.1s", number=4.1)], 2.0)
    assert waits.all() == (
        ThrottleWait(name="lag<2s", target="eu", seconds=3.0, value="4.1s", number=4.1, limit=2.0, unit="seconds"),
        ThrottleWait(name="file:/run/hold", seconds=1.0, value="exists"),
    )


def test_processes_of_a_run_are_added_up() -> None:
    """Those of one name and target."""
    one, other = ThrottleWait(name="a", seconds=1.0, value="1"), ThrottleWait(name="b", seconds=3.0)
    assert sum_waits([one, other, replace(one, seconds=4.0, value="2")]) == (
        replace(one, seconds=5.0, value="2"),
        other,
    )


def test_one_line_for_people() -> None:
    """Six signals are five and one more."""
    lag = ThrottleWait(name="lag<2s", target="eu", seconds=60.2, value="4.1s")
    file = ThrottleWait(name="file:/x", seconds=12.34)
    assert waits_text(72.3, [lag, file]) == "throttled for 1m12s: lag<2s on eu 1m00s (last 4.1s), file:/x 12.3s"
    assert waits_text(1, [file] * 6).endswith(", 1 more")
    assert waits_text(0, ()) == ""
