"""`--nice auto`: work and rest in turn, so that the transactions of others take hardly longer. Pure: the time is an argument.

While the run rests, the server says how long transactions of others take without it. While it works, it says how long they take with it.
Both are measured again in each turn, because the load of a server changes.
"""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.throttle_expressions import parse_expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkq.model.run import LimitOptions

AUTO = "auto"
"""The value of `--nice`."""

FELT = ("commit", "lag")
"""With a throttle of these signals, a backfill to which no other pace is given has this one."""

ROOM = 0.15
"""The transactions of others may take longer by this share, on average over work and rest."""

TURN_S = 4.0
"""Seconds of work, and of rest, at least: a session reports its numbers once a second."""

SETTLE_S = 0.7
"""Seconds after a change between work and rest that do not count, because reports are late."""

WINDOW_S = 10.0
"""The last seconds of work count. Those before are too far from the rest that they are compared with."""

LONGEST_S = 90.0
"""Seconds of work at most, until the others are measured again without the run."""

FIRST_PAUSE = 3.0
"""Rest at first, as a multiple of the work, until comparisons show that less will do."""

MOST_PAUSE = 9.0
"""The same at most."""

LEAST_RATE = 10.0
"""Transactions of others per second. With fewer there is nothing to compare with."""

REPORTED_S = 1.8
"""Seconds in which each session has reported what it did."""

KEPT = 8
"""Comparisons that count."""

DOUBT = 0.2
"""How far off a single comparison may be: added to what the comparisons show of their own spread."""


def chooses_pace(limits: LimitOptions, throttles: Iterable[str], *, backfill: bool) -> bool:
    """Whether the run finds its pace itself: by `--nice auto`, or because a backfill has a throttle of `FELT`, and no other pace.

    Another pace is given by `--nice`, `--max-rate` or `-j`.

    Args:
        limits: of the run.
        throttles: the valid expressions that hold it, also those of its targets.
        backfill: whether it is a backfill.
    """
    if limits.nice is not None:
        return limits.nice == AUTO
    if limits.concurrency_given or limits.max_rate is not None or not backfill:
        return False
    return any(parse_expression(text).signal in FELT for text in throttles)


@frozen
class ServerLoad:
    """What a server has counted up to a moment.

    Attributes:
        databases: by database, the seconds in which its sessions executed statements, and its transactions.
        busy: sessions of others that execute a statement, or did in the last second.
    """

    databases: Mapping[str, tuple[float, float]]
    busy: int

    def since(self, earlier: ServerLoad) -> tuple[float, float]:
        """Return the seconds and the transactions since then, in databases that are in both."""
        both = self.databases.keys() & earlier.databases.keys()
        now, then = (([one.databases[name] for name in both]) for one in (self, earlier))
        seconds = sum(one for one, _ in now) - sum(one for one, _ in then)
        return seconds, sum(count for _, count in now) - sum(count for _, count in then)


class PaceTurn(StrEnum):
    """What the run does."""

    FREE = "free"  # it works, because there are no others
    WORK = "work"
    REST = "rest"


@frozen
class _LoadMark:
    """A reading, with the transactions that the run had ended by then, and the seconds in which it executed statements."""

    now_s: float
    load: ServerLoad
    transactions: int
    worked_s: float


class GentlePace:
    """When the lanes of a target work and when they rest, and how many work. Not thread-safe: use it on one event loop.

    Attributes:
        on: False: the lanes neither rest nor are fewer.
        most: lanes that the target would have otherwise.
    """

    def __init__(self) -> None:
        self.on = True
        self.most = 1
        self._phase = PaceTurn.FREE
        self._running = self._transactions = 0
        self._worked_s = 0.0
        self._since_s: float | None = None  # the phase began, and of a rest, the last batch ended
        self._marks: deque[_LoadMark] = deque()  # of the phase, from the first that counts
        self._work: tuple[_LoadMark, _LoadMark] | None = None  # the window of the last work
        self._alone_s: float | None = None  # the mean time of a transaction of others in the last rest
        self._shares: deque[float] = deque(maxlen=KEPT)  # logarithms of how much longer they took
        self._lanes = 1
        self._work_s, self._rest_s = TURN_S, TURN_S * FIRST_PAUSE

    @property
    def resting(self) -> bool:
        """Whether no batch may begin."""
        return self.on and self._phase is PaceTurn.REST

    @property
    def lanes(self) -> int | None:
        """Lanes that may work; None: all."""
        limited = self.on and self._phase is not PaceTurn.FREE and self._lanes < self.most
        return self._lanes if limited else None

    @property
    def felt(self) -> float | None:
        """How many times as long the transactions of others take while the run works; None if it is not known."""
        return math.exp(_mean(self._shares)) if self._shares else None

    @property
    def pause(self) -> float:
        """The rest, as a multiple of the work."""
        return self._rest_s / self._work_s if self.on and self._phase is not PaceTurn.FREE else 0.0

    @property
    def why(self) -> str:
        """Why the lanes rest or are fewer, for people; "" if they neither rest nor are fewer."""
        if not self.on or self._phase is PaceTurn.FREE:
            return ""
        if self.felt is None:
            return "nice=auto measures how long the transactions of others take without the run, and with it"
        return (
            f"nice=auto: the transactions of others take {self.felt:.2f} times as long while "
            f"{self._lanes} {'lane works' if self._lanes == 1 else 'lanes work'}, so a work of {self._work_s:.0f}s "
            f"is followed by a rest of {self._rest_s:.0f}s"
        )

    def begin(self) -> None:
        """Count a batch that begins."""
        self._running += 1

    def end(self, worked_s: float, transactions: int = 1) -> None:
        """Count a batch that has ended after `worked_s` seconds, in which it executed statements in so many transactions."""
        self._running -= 1
        self._transactions += transactions
        self._worked_s += worked_s

    def start(self, load: ServerLoad, now_s: float) -> None:
        """Rest before the first batch if there are others; else begin at once."""
        if load.busy:
            self._rest(now_s)
            self._marks.append(self._mark(load, now_s))  # nothing of the run is to be waited for

    def observe(self, load: ServerLoad, now_s: float) -> None:
        """Take a reading, and change between work and rest when it is time. A timer does this about once a second."""
        mark = self._mark(load, now_s)
        if self._phase is PaceTurn.FREE:
            self._look_for_others(mark)
        elif self._phase is PaceTurn.REST:
            self._measure_rest(mark)
        else:
            self._measure_work(mark)

    def _mark(self, load: ServerLoad, now_s: float) -> _LoadMark:
        return _LoadMark(now_s, load, self._transactions, self._worked_s)

    def _look_for_others(self, mark: _LoadMark) -> None:
        if not mark.load.busy:
            self._marks.clear()
        self._marks.append(mark)
        if mark.now_s - self._marks[0].now_s < TURN_S - 1:
            return
        if self._rate(self._marks.popleft(), mark) >= LEAST_RATE:
            self._rest(mark.now_s)

    def _measure_rest(self, mark: _LoadMark) -> None:
        if self._running:
            self._since_s = None
            return
        if not self._settled(mark):
            return
        first, rate = self._marks[0], self._rate(self._marks[0], mark)
        if mark.now_s - first.now_s >= REPORTED_S and rate < LEAST_RATE:
            self._be_free()
        elif mark.now_s - first.now_s >= TURN_S - 1 and mark.now_s - (self._since_s or 0.0) >= self._wanted_rest_s:
            alone_s = self._mean_s(first, mark)
            self._compare(alone_s)
            self._alone_s = alone_s
            self._begin(PaceTurn.WORK, mark.now_s)

    @property
    def _wanted_rest_s(self) -> float:
        """The first rest is only a measurement."""
        return self._rest_s if self._alone_s is not None else TURN_S

    def _measure_work(self, mark: _LoadMark) -> None:
        if not self._settled(mark):
            return
        while mark.now_s - self._marks[0].now_s > WINDOW_S:
            self._marks.popleft()
        window = self._marks[0], mark
        assert self._since_s is not None, "a work has begun"
        if mark.now_s - window[0].now_s < TURN_S - 1:
            return
        if mark.now_s - self._since_s >= self._work_s or self._slower(*window):
            self._work = window if mark.transactions > window[0].transactions else None
            self._rest(mark.now_s)

    def _slower(self, first: _LoadMark, last: _LoadMark) -> bool:
        """Whether the others are much slower than was found: then it is time to see whether that is because of the run."""
        mean_s = self._mean_s(first, last)
        expected = max(1.0, self.felt or 1.0) * (1 + 2 * ROOM)
        return mean_s is not None and self._alone_s is not None and mean_s > expected * self._alone_s

    def _compare(self, alone_s: float | None) -> None:
        """Compare the last work with the rests before and after it, and decide on the next turns."""
        work, self._work = self._work, None
        with_us_s = self._mean_s(*work) if work is not None else None
        if with_us_s is None or alone_s is None:
            return
        before_s = self._alone_s if self._alone_s is not None and self._work_s <= WINDOW_S else alone_s
        without_s = math.sqrt(alone_s * before_s)
        self._shares.append(math.log(with_us_s / without_s))
        self._decide()

    def _decide(self) -> None:
        """Choose the next turns by the upper bound of what others feel: in doubt, the run rests."""
        bound = self._bound()
        more = math.exp(bound) - 1
        if more > ROOM and self._lanes > 1:
            self._change_lanes(self._lanes // 2)
        elif more > ROOM:
            pause = min(more / ROOM - 1, MOST_PAUSE)
            self._work_s = min(max(TURN_S, TURN_S / pause), 2 * self._work_s, LONGEST_S)
            self._rest_s = max(TURN_S, TURN_S * pause)
        else:
            self._work_s, self._rest_s = min(2 * self._work_s, LONGEST_S), TURN_S
            lanes = min(self._lanes + max(1, self._lanes // 4), self.most)
            if lanes > self._lanes and math.exp(bound * lanes / self._lanes) - 1 <= ROOM:
                self._change_lanes(lanes)

    def _bound(self) -> float:
        """The mean of the comparisons and its standard error, as a logarithm; not below 0."""
        mean = _mean(self._shares)
        spread = sum((one - mean) ** 2 for one in self._shares) + DOUBT**2
        return max(0.0, mean + math.sqrt(spread) / len(self._shares))

    def _change_lanes(self, lanes: int) -> None:
        """Have `lanes` lanes. What others feel of them is first expected in proportion to their number."""
        self._shares = deque((one * lanes / self._lanes for one in self._shares), maxlen=KEPT)
        self._lanes, self._work_s, self._rest_s = lanes, TURN_S, TURN_S

    def _settled(self, mark: _LoadMark) -> bool:
        """Whether the phase has been going on for long enough. Keep the reading."""
        if self._since_s is None:
            self._since_s = mark.now_s
        if self._marks or mark.now_s - self._since_s >= SETTLE_S:
            self._marks.append(mark)
        return bool(self._marks)

    def _rate(self, first: _LoadMark, last: _LoadMark) -> float:
        """Transactions of others per second."""
        _, count = last.load.since(first.load)
        return (count - (last.transactions - first.transactions)) / max(last.now_s - first.now_s, 1e-3)

    def _mean_s(self, first: _LoadMark, last: _LoadMark) -> float | None:
        """Seconds of a transaction of others on average; None if there were too few."""
        seconds, count = last.load.since(first.load)
        seconds, count = seconds - (last.worked_s - first.worked_s), count - (last.transactions - first.transactions)
        return seconds / count if seconds > 0 and count > 0 else None

    def _begin(self, phase: PaceTurn, now_s: float | None) -> None:
        self._phase, self._since_s = phase, now_s
        self._marks.clear()

    def _rest(self, now_s: float) -> None:
        self._begin(PaceTurn.REST, None if self._running else now_s)

    def _be_free(self) -> None:
        self._begin(PaceTurn.FREE, None)
        self._work = self._alone_s = None
        self._shares.clear()
        self._lanes, self._work_s, self._rest_s = 1, TURN_S, TURN_S * FIRST_PAUSE


def _mean(values: Sequence[float]) -> float:
    """As `statistics.fmean`, whose module takes four milliseconds of the start of every command."""
    return math.fsum(values) / len(values)
