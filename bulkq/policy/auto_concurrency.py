"""How many lanes a run has with `-j auto`: found by measurement while it runs.

The throughput with another number of lanes is compared with that of the best number so far before and after it. So a server that
becomes slower or faster meanwhile is not mistaken for an effect of the lanes.
"""

from __future__ import annotations

from itertools import pairwise

from bulkq.model.frozen_dataclass import frozen

START = 8
"""Lanes at first: those of a run without `-j`."""

MOST = 256
"""Lanes at most: a process can have about so many connections."""

SPARE = 10
"""One of so many free connections of a server is left to others."""

LEVELS = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, MOST)
"""Numbers of lanes that are tried. Two steps double."""

FIRST_STEPS, STEPS = (2, -2, -1, 1), (2, -1, 1)
"""Steps that are tried in turn, until each of them has brought nothing: at first and, where half as many were too few, later."""

WINDOW_S = 0.35
"""A measurement takes at least so long. A lane ends some batches in it, because a batch takes about 0.05 s, or 0.2 s with many lanes."""

QUIET = 0.05
NOISE_WEIGHT = 0.3
LONGER = 4.0
"""If two measurements with the same number of lanes usually differ by more than `QUIET`, measurements take up to `LONGER` times as long."""

HOPELESS, SOON = 0.7, 0.4
"""If the throughput of a try is below this multiple, this share of a measurement is enough: every try costs what it loses."""

LONGEST_S = 4.0
"""A measurement of slow queries ends after this time, if enough batches have ended."""

LEAST_BATCHES, MANY_BATCHES = 4, 16
"""Of a measurement; with fewer than `MANY_BATCHES`, of which one more or less is a gain, it takes up to `LONGER` times as long."""

CLEARLY_MORE, MORE, LESS = 1.25, 1.05, 1.02
"""Throughput of more lanes, as a multiple: enough at once, enough after a second look if the noise is not more, not enough at once."""

AS_GOOD, WORSE = 0.98, 0.95
"""Throughput of fewer lanes, as a multiple: enough after a second look, not enough at once."""

FIRST_HOLD_S, LAST_HOLD_S = 2.0, 16.0
"""Time between two series of tries that bring nothing. It doubles. Where measurements take longer, the time does too."""

OTHER = 1.5
"""If the throughput changes by this factor between two measurements, the tries begin at once."""

HOLD_LOAD, YIELD_LOAD = 0.4, 0.7
"""Loads of a throttle from which on there are not more lanes, and one lane less each `YIELD_S`."""

YIELD_S = 1.0

RETRIED, LEAST_RETRIED = 0.05, 3
"""Share and number of sets that were retried during a measurement, from which on there are fewer lanes."""

CAUTION_S = 30.0
"""After retries, or if the server had no free connection, there are not more lanes for this time. So many as were clearly too many are
not tried at once, but by the shorter step."""

NEW, NOTHING = "still measuring", "more brought nothing"


@frozen
class Sample:
    """The state of a run at one time. Counts begin with the run.

    Attributes:
        now_s: of a monotonic clock.
        ended_s: when the last batch ended.
        done: parameter sets that ended.
        batches: batches that ended.
        retried: parameter sets that were sent again.
        full: times that the server had no free connection.
        lanes: lanes at work.
        wanted: lanes that should be at work.
        most: lanes that the run can have now.
        bound: why it cannot have more.
        load: of the throttles, 1.0 at their limit; None if they have none.
        work: changes when the lanes turn to other queries.
    """

    now_s: float
    ended_s: float
    done: int
    batches: int
    lanes: int
    wanted: int
    retried: int = 0
    full: int = 0
    most: int = MOST
    bound: str = ""
    load: float | None = None
    work: int = 0


class Meter:
    """Measures throughput between the ends of two batches, after all lanes have ended a batch with their present number.

    Attributes:
        noise: usual difference between two measurements with the same number of lanes, as a share.
    """

    __slots__ = ("_begin", "_first", "noise")

    def __init__(self) -> None:
        self.noise = 0.0
        self._first: Sample | None = None  # when the lanes were at work
        self._begin: Sample | None = None  # when each of them had ended a batch

    @property
    def unsure(self) -> float:
        """How much more a gain has to be than on a quiet server. As much up as down, or noise alone would lead to one lane."""
        return max(0.0, self.noise - QUIET)

    @property
    def longer(self) -> float:
        """How many times as long a measurement takes as on a quiet server."""
        return min(LONGER, max(1.0, (self.noise / QUIET) ** 2))

    def restart(self) -> None:
        """Forget what was measured."""
        self._first = self._begin = None

    def compare(self, before: float, rate: float) -> None:
        """Learn from two measurements with the same number of lanes."""
        self.noise += NOISE_WEIGHT * (abs(rate - before) / max(rate, before, 1e-9) - self.noise)

    def measure(self, now: Sample, lanes: int, hopeless: float = 0.0) -> tuple[float, Sample] | None:
        """The sets per second with `lanes` lanes and the sample at the begin; None as long as it is not known.

        Less than `hopeless` sets per second are known sooner.
        """
        if now.lanes < now.wanted:
            self.restart()
            return None
        self._first = self._first or now
        if self._begin is None:
            if now.batches - self._first.batches >= lanes:
                self._begin = now
            return None
        begin = self._begin
        batches, elapsed_s = now.batches - begin.batches, now.ended_s - begin.ended_s
        wanted = max(LEAST_BATCHES, lanes)
        slow = now.now_s - begin.now_s >= LONGEST_S
        if batches < (LEAST_BATCHES if slow else wanted):
            return None
        window_s = WINDOW_S * max(self.longer, min(LONGER, MANY_BATCHES / batches))
        if elapsed_s < SOON * window_s:
            return None
        rate = (now.done - begin.done) / elapsed_s
        return (rate, begin) if rate < hopeless or elapsed_s >= window_s else None


class Concurrency:
    """The number of lanes of one run. Not thread-safe: use it on one event loop.

    Attributes:
        lanes: lanes that the run should have now.
        why: why it is this number, for people.
    """

    __slots__ = (
        "_again_s",
        "_base",
        "_cap",
        "_cap_why",
        "_capped_s",
        "_crowd",
        "_crowded_s",
        "_full",
        "_hold_s",
        "_meter",
        "_other",
        "_rate",
        "_start",
        "_step",
        "_steps_left",
        "_tried",
        "_work",
        "_yielded_s",
        "lanes",
        "why",
    )

    def __init__(self, start: int = START) -> None:
        self.lanes = self._base = self._start = start
        self.why = NEW
        self._meter = Meter()
        self._rate: float | None = None  # of the last measurement of `_base`
        self._step = 0  # that is being tried
        self._other = start  # the lanes that it leads to
        self._tried: float | None = None  # its throughput, while `_base` is measured a second time
        self._steps_left = list(FIRST_STEPS)
        self._hold_s = FIRST_HOLD_S
        self._again_s = 0.0  # the tries begin
        self._cap, self._cap_why = MOST, ""
        self._capped_s = 0.0  # until then
        self._crowd = MOST
        self._crowded_s = 0.0  # until then, so many lanes are not tried by the longer step
        self._yielded_s = 0.0
        self._full = 0
        self._work = 0

    def interrupt(self) -> None:
        """Forget the measurement that has begun: the lanes wait for something."""
        self._meter.restart()

    def tick(self, now: Sample) -> None:
        """Learn from the state of the run, and decide on `lanes` and `why`. A timer does this."""
        self._adapt(now)
        if now.load is not None and now.load >= HOLD_LOAD:
            self._yield(now, now.load)
            return
        trying = self._step and self._tried is None
        measured = self._meter.measure(now, self.lanes, HOPELESS * (self._rate or 0.0) if trying else 0.0)
        if measured is None:
            return
        rate, begin = measured
        self._meter.restart()
        retried = now.retried - begin.retried
        if retried >= LEAST_RETRIED and retried >= RETRIED * (now.done - begin.done):
            self._back_off(now, _below(self._base), "sets were retried")
        elif trying:
            self._judge(rate, now)
        else:
            self._compare(rate, now)

    def _adapt(self, now: Sample) -> None:
        """Keep within the bounds, which change."""
        if now.work != self._work:
            self._work, self._rate, self.why = now.work, None, NEW
            self._base = self._start
            self._begin_again()
            self._move(self._base)
        if now.full > self._full:
            self._full = now.full
            lanes = max(1, min(now.lanes, self.lanes))
            self._back_off(now, max(1, lanes * 3 // 4), "the server had no free connection")
        if self._cap < MOST and now.now_s >= self._capped_s:
            self._cap = MOST
            self._begin_again()
        top = self._top(now)
        if self.lanes > top:
            self._base = min(self._base, top)
            self._move(self._base)
            self._name_bound(now, top)

    def _name_bound(self, now: Sample, top: int) -> None:
        self.why = self._cap_why if self._cap == top else now.bound or NOTHING

    def _top(self, now: Sample) -> int:
        return max(1, min(now.most, self._cap, MOST))

    def _yield(self, now: Sample, load: float) -> None:
        """Give way to a throttle: no more lanes, or one less each second."""
        if load >= YIELD_LOAD and now.now_s - self._yielded_s >= YIELD_S:
            self._yielded_s = now.now_s
            self._base = max(1, self._base - 1)
        self._move(self._base)
        self._begin_again()
        self.why = f"a throttle is at {100 * load:.0f} %"

    def _back_off(self, now: Sample, lanes: int, why: str) -> None:
        self._base = self._cap = min(self._base, lanes)
        self._cap_why = self.why = why
        self._capped_s = now.now_s + CAUTION_S
        self._begin_again()
        self._move(self._base)

    def _begin_again(self) -> None:
        self._steps_left, self._hold_s, self._again_s = list(FIRST_STEPS), FIRST_HOLD_S, 0.0
        self._crowded_s = 0.0

    def _move(self, lanes: int, step: int = 0) -> None:
        """Have `lanes` from now on, which is a try of `step`, or of none."""
        self.lanes, self._other, self._step, self._tried = lanes, lanes, step, None
        self._meter.restart()

    def _judge(self, rate: float, now: Sample) -> None:
        """Decide on the step that was tried, or measure the old number of lanes once more."""
        assert self._rate is not None, "a step is tried after a measurement"
        gain = rate / max(self._rate, 1e-9)
        if gain >= (CLEARLY_MORE if self._step > 0 else 1.0 / AS_GOOD + self._meter.unsure):
            self._accept(rate)
            self._move(self._base)
            self._try_next(now)
        elif gain < (LESS if self._step > 0 else WORSE):
            if self._step == STEPS[0] and gain < WORSE:
                self._crowd, self._crowded_s = self.lanes, now.now_s + CAUTION_S
            self._reject()
            self._move(self._base)
        else:
            self.lanes, self._tried = self._base, rate

    def _compare(self, rate: float, now: Sample) -> None:
        """Use a measurement of the old number of lanes: for the step that was tried between two of them, and to go on."""
        before, self._rate = self._rate, rate
        if before is not None:
            self._meter.compare(before, rate)
        if self._tried is not None and before is not None:
            gain = self._tried / max((before + rate) / 2, 1e-9)
            unsure = self._meter.unsure
            if gain >= (MORE + unsure if self._step > 0 else AS_GOOD + unsure):
                self._accept(self._tried)
                self._move(self._base)
                return
            self._reject()
        elif before is not None and not before / OTHER <= rate <= before * OTHER:
            self._begin_again()
        self._move(self._base)
        self._try_next(now)

    def _accept(self, rate: float) -> None:
        step = self._step
        self._base, self._rate = self._other, rate
        self._steps_left = [step, *(other for other in STEPS if other * step < 0)]
        self._hold_s = FIRST_HOLD_S
        self.why = NEW if step > 0 else "fewer were as fast"

    def _reject(self) -> None:
        if self._step > 0:
            self.why = NOTHING

    def _try_next(self, now: Sample) -> None:
        """Try the next step that is possible; after the last, hold for a while."""
        top = self._top(now)
        if self._base == top:
            self._name_bound(now, top)
        if not self._steps_left and now.now_s < self._again_s:
            return
        if not self._steps_left:
            self._steps_left = list(STEPS)
        while self._steps_left:
            step = self._steps_left.pop(0)
            lanes = _by(self._base, step, top)
            crowded = step == STEPS[0] and lanes >= self._crowd and now.now_s < self._crowded_s
            if lanes != self._base and not crowded:
                self._move(lanes, step)
                break
        if not self._steps_left:
            self._again_s = now.now_s + self._hold_s * self._meter.longer
            self._hold_s = min(LAST_HOLD_S, 2 * self._hold_s)


def _by(lanes: int, step: int, top: int) -> int:
    """The number of lanes that is `step` levels away, at most `top`."""
    levels = [*(level for level in LEVELS if level < top), top]
    if step > 0:
        return ([level for level in levels if level > lanes][:step] or [lanes])[-1]
    return ([level for level in levels if level < lanes] or [lanes])[step:][0]


def _below(lanes: int) -> int:
    return next((low for low, high in pairwise(LEVELS) if low < lanes <= high), 1)
