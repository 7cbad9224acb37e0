"""The timeline of a run in bounded memory."""

from __future__ import annotations

from functools import partial

from bulkq.model import Reading, Unit
from bulkq.model.timeline import TimelineSignal
from bulkq.policy.timeline_samples import MOST, Timeline


def lag(number: float | None, limit: float = 2.0) -> Reading:
    """A reading of a signal with a limit."""
    return Reading(name="lag<2s", signal="lag", target="db", number=number, limit=limit, unit=Unit.SECONDS)


HELD = Reading(name="file:/run/hold", signal="file")


def test_a_sample_has_what_happened_in_its_second() -> None:
    """Ticks are often, samples are one for each second; the share that was held is measured."""
    timeline = Timeline()
    timeline.begin(100.0, 50)
    for tick in range(1, 21):
        held = "lag 2.1s >= 2s" if 5 < tick <= 10 else ""
        readings = partial(list, [lag(tick / 10)])
        timeline.record(100 + tick / 10, 50 + tick, size=20, lanes=4, held=held, readings=readings)
    segment = timeline.segment("2026-11-22T13:05:10Z", "sets")
    assert segment.signals == (TimelineSignal("lag<2s", "db", 2.0, "seconds"),)
    first, second = segment.samples
    assert (first.at_s, first.span_s, first.rate, first.size, first.lanes) == (0.0, 1.0, 10.0, 20, 4)
    assert (first.held, first.why, first.values) == (0.5, "lag 2.1s >= 2s", (1.0,))
    assert (second.held, second.why, second.values) == (0.0, "", (2.0,))


def test_memory_is_bounded_and_no_time_is_lost() -> None:
    """A run of a day has no more samples than one of ten minutes, and they cover the day."""
    timeline = Timeline()
    timeline.begin(0.0, 0)
    for second in range(1, 86_401):
        timeline.record(float(second), second, size=None, lanes=1, held="", readings=tuple)
    timeline.end(86_400.5, 86_400, size=None, lanes=1, readings=tuple)
    samples = timeline.segment("", "sets").samples
    assert len(samples) <= MOST
    assert sum(one.span_s for one in samples) == 86_400.5
    assert len(timeline.take("", "sets").samples) <= MOST


def test_what_is_taken_is_taken_once() -> None:
    """The pieces that are written every minute are the whole, each sample once; the end adds the rest of a second."""
    timeline = Timeline()
    timeline.begin(0.0, 0)
    taken = []
    for second in range(1, 200):
        timeline.record(float(second), second, size=None, lanes=1, held="", readings=tuple)
        if second % 60 == 0:
            taken += timeline.take("", "sets").samples
    timeline.end(199.25, 200, size=None, lanes=1, readings=tuple)
    timeline.end(199.25, 200, size=None, lanes=1, readings=tuple)
    taken += timeline.take("", "sets").samples
    assert taken == list(timeline.segment("", "sets").samples)
    assert taken[-1].span_s == 0.25
    assert timeline.take("", "sets").samples == ()


def test_signals_may_come_and_change() -> None:
    """A signal that appears later gets a column; a limit that a user changes is the new one."""
    timeline = Timeline()
    timeline.begin(0.0, 0)
    for second, readings in enumerate(([lag(1.0)], [lag(None), HELD], [HELD, lag(3.0, 5.0)]), 1):
        timeline.record(float(second), 0, size=None, lanes=1, held="", readings=partial(list, readings))
    segment = timeline.segment("", "rows")
    assert [one.values for one in segment.samples] == [(1.0,), (None, None), (3.0, None)]
    assert [(one.name, one.limit) for one in segment.signals] == [("lag<2s", 5.0), ("file:/run/hold", None)]
