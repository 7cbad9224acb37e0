"""Whether a batch of reads is one statement for all of its sets, or one execution for each: what was faster, measured while running.

Shared by the lanes of a query on a target. Both forms give the same answers, so nothing depends on the choice but time.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model import PlaceholderKind, StatementClass
from bulkq.policy.batch_size import TARGET_S

if TYPE_CHECKING:
    from bulkq.model import Limits, Query

TOGETHER_S = 0.5
"""Timeout of one statement for all sets: ten times the aim for a batch. Then each set is executed under its own deadline."""

LEAST, LEAST_UNPIPELINED = 50, 4
"""Sets from which on a batch is worth comparing: below, a round trip outweighs what a set costs. If each set has a round trip of
its own, few are enough."""

SLOW_SET_S, LEAST_SLOW = 0.001, 2
"""Seconds from which on a set outweighs a round trip, and sets from which on a batch of such is worth comparing. A server that
calculates may do some of it once for all sets: sums that took 2.2 ms each took 1.0 ms in one statement."""

CLEARLY = 0.9
"""One statement for few slow sets has to take less than this share of the time. One slow set more than usual ends it, and all of it
was in vain. Where sets wait, both forms take as long."""

PROBES = 2
"""Batches of each form before the first choice, and their weight: what a lane has begun before another ends counts once."""

LARGER = 4
"""A batch that is so many times as large tells anew what a set takes: in small ones, the statement around the sets is what takes long."""

FIRST_AGAIN, LAST_AGAIN = 8, 128
"""The slower form is tried once more when the batches since then took so many times as long as it: data and load change."""

FASTER, SLOWER = 0.7, 0.1
"""Weight of a batch that was faster or slower than the form's mean: a form is as fast as it can be. What makes it slower is other load,
or a lane that has asked the server for the statement first."""

MOST_PENALTY = 1_024
"""Batches at most that go set by set after failures of the other form."""


class Form(StrEnum):
    """How the sets of a batch are executed."""

    SET = "set"  # one statement for all
    PIPELINE = "pipeline"  # one execution for each


class BatchForm:
    """The choice for one query on one target. Not thread-safe: use it on one event loop.

    Args:
        fixed: the form that the user asked for; None to measure.
        least: sets from which on a batch is worth comparing.
        certain: one statement does what the executions do, with less around it, so nothing has to be measured.
    """

    __slots__ = (
        "_again",
        "_asked",
        "_certain",
        "_faster",
        "_fixed",
        "_largest",
        "_learned",
        "_least",
        "_mean_s",
        "_penalty",
        "_since",
        "_slow",
        "_small_s",
        "_wait",
    )

    piece: int | None = None
    """Sets that one statement takes again after it has failed with more of them; None: they are executed one by one."""

    own_size = False
    """The size of a batch that one statement answers is not that of the others."""

    def __init__(self, fixed: Form | None = None, least: int = LEAST, *, certain: bool = False) -> None:
        self._fixed = fixed
        self._certain = certain
        self._least = least
        self._asked = dict.fromkeys(Form, 0)  # batches
        self._largest = dict.fromkeys(Form, 0)  # sets of the largest batch that was tried
        self._mean_s: dict[Form, float] = {}  # seconds per set
        self._learned = dict.fromkeys(Form, 0)  # sets of the batch with which its mean began
        self._small_s: float | None = None  # seconds per set of the last batch that was too small to be compared
        self._slow = False  # batches have fewer sets than `least`, because each of them is slow
        self._faster: Form | None = None
        self._again = FIRST_AGAIN
        self._since = 0  # batches since the slower form was tried
        self._penalty = 1
        self._wait = 0  # batches that go set by set, whatever was measured

    def size(self, sets: int) -> int:
        """The sets of the next batch, where `sets` suit a batch that is executed set by set.

        If each set has a round trip of its own and the server is far, that is one set. One statement for several has one round trip, so
        it is tried with the fewest sets.
        """
        if sets >= self._least or self._fixed is Form.PIPELINE or self._wait or self._small_s is None:
            return sets
        tries = self._asked[Form.SET] < PROBES and self._small_s * self._least <= TOGETHER_S
        wins = self._mean_s.get(Form.SET, self._small_s) < self._mean_s.get(Form.PIPELINE, self._small_s)
        return self._least if tries or wins else sets

    @property
    def answers_all(self) -> bool:
        """Whether one statement for so many sets is under way that other lanes had better wait for its end."""
        return False

    def cut(self, sets: int) -> bool:  # noqa: ARG002 - what this one needs not know
        """Note that the batch whose size was asked for has `sets` sets, 0 if the source had none.

        Return whether `answers_all` begins with it.
        """
        return False

    def next(self, sets: int) -> Form:
        """The form of a batch of `sets` sets."""
        if self._fixed is not None:
            return self._fixed
        if self._wait or not self._compares(sets):
            return Form.PIPELINE
        form = Form.SET if self._certain else self._choice(sets)
        self._asked[form] += 1
        self._largest[form] = max(self._largest[form], sets)
        return form

    def record(self, form: Form, sets: int, elapsed_s: float) -> None:
        """Learn from a batch of `sets` sets that took `elapsed_s` seconds."""
        self._wait = max(0, self._wait - 1)
        per_set_s = elapsed_s / sets
        if form is Form.PIPELINE and sets >= LEAST_SLOW and self._least > LEAST_UNPIPELINED:
            # The first batches of fast sets are as small, and as slow for each set while all lanes begin, but they end soon.
            self._slow = sets < self._least and per_set_s >= SLOW_SET_S and elapsed_s >= TARGET_S / 2
        if self._compares(sets):
            if sets >= LARGER * self._learned[form]:
                self._learned[form] = sets
                self._mean_s.pop(form, None)
            self._learn(form, per_set_s)
        elif form is Form.SET:
            self._forget_try()
        elif self._least == LEAST_UNPIPELINED:
            self._small_s = per_set_s

    def _compares(self, sets: int) -> bool:
        """Whether the time of a batch of `sets` sets tells one form from the other."""
        return sets >= (LEAST_SLOW if self._slow else self._least)

    def _learn(self, form: Form, per_set_s: float) -> None:
        known_s = self._mean_s.get(form, per_set_s)
        self._mean_s[form] = known_s + (FASTER if per_set_s < known_s else SLOWER) * (per_set_s - known_s)
        if form is Form.SET:
            self._penalty = max(1, self._penalty // 2)

    def _choice(self, sets: int) -> Form:
        for form in Form:
            if self._asked[form] < PROBES or sets >= LARGER * self._largest[form]:
                return form
        self._since += 1
        if len(self._mean_s) < len(
            Form
        ):  # the others have begun and none has ended, or all were lost with their connections
            known = next(iter(self._mean_s), Form.SET)
            lost = self._since % LAST_AGAIN == 0
            return next(form for form in Form if (form is known) != lost)
        slower, faster = sorted(Form, key=self._speed)
        if faster is not self._faster:  # it may be chance: the other one is tried again soon
            self._faster, self._since, self._again = faster, 1, FIRST_AGAIN
        if self._since * self._mean_s[faster] >= self._again * self._mean_s[slower]:
            self._since, self._again = 0, min(LAST_AGAIN, 2 * self._again)
            return slower
        return faster

    def _speed(self, form: Form) -> float:
        """The sets in a second, of one statement for few sets less than that."""
        return (CLEARLY if form is Form.SET and self._slow else 1.0) / max(self._mean_s[form], 1e-9)

    def _forget_try(self) -> None:
        """Note that a batch has told nothing of its form: without a time for both, a form that was tried would never be tried again."""
        self._asked[Form.SET] = max(0, self._asked[Form.SET] - 1)

    def fail(self) -> None:
        """Note that the one statement failed, for a set that is to be found or for all; the next batches go set by set."""
        self._forget_try()
        self._wait = self._penalty
        self._penalty = min(MOST_PENALTY, self._penalty * 4)

    def refuse(self) -> None:
        """Note that the query has no such statement."""
        self._fixed = Form.PIPELINE


def limits_together(limits: Limits) -> Limits:
    """The limits of one statement that stands for all sets."""
    return replace(limits, timeout_s=min(TOGETHER_S, limits.timeout_s or TOGETHER_S), together=True)


def why_apart(query: Query) -> str:
    """Why one statement cannot stand for all sets of `query`, as far as its text tells; "" if it may."""
    if query.statement is not StatementClass.READ:
        return "it is not a read"
    if not query.transaction:
        return "it runs outside a transaction"
    kinds = [placeholder.kind for placeholder in query.placeholders]
    if not set(kinds) - {PlaceholderKind.IDENTIFIER}:
        return "it has no parameter"
    return next((f":{p.name} is a list" for p in query.placeholders if p.kind is PlaceholderKind.LIST), "")
