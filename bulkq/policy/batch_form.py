"""Whether a batch of reads is one statement for all of its sets, or one execution for each: what was faster, measured while running.

Shared by the lanes of a query on a target. Both forms give the same answers, so nothing depends on the choice but time.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model import PlaceholderKind, StatementClass

if TYPE_CHECKING:
    from bulkq.model import Limits, Query

TOGETHER_S = 0.5
"""Timeout of one statement for all sets: ten times the aim for a batch. Then each set is executed under its own deadline."""

LEAST, LEAST_UNPIPELINED = 50, 4
"""Sets from which on a batch is worth comparing: below, a round trip outweighs what a set costs. If each set has a round trip of
its own, few are enough."""

PROBES = 2
"""Batches of each form before the first choice, and their weight: what a lane has begun before another ends counts once."""

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
    """

    __slots__ = (
        "_again",
        "_asked",
        "_faster",
        "_fixed",
        "_least",
        "_mean_s",
        "_penalty",
        "_since",
        "_small_s",
        "_wait",
    )

    piece: int | None = None
    """Sets that one statement takes again after it has failed with more of them; None: they are executed one by one."""

    own_size = False
    """The size of a batch that one statement answers is not that of the others."""

    def __init__(self, fixed: Form | None = None, least: int = LEAST) -> None:
        self._fixed = fixed
        self._least = least
        self._asked = dict.fromkeys(Form, 0)  # batches
        self._mean_s: dict[Form, float] = {}  # seconds per set
        self._small_s: float | None = None  # seconds per set of the last batch that was too small to be compared
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
        if self._wait or sets < self._least:
            return Form.PIPELINE
        form = self._choice()
        self._asked[form] += 1
        return form

    def record(self, form: Form, sets: int, elapsed_s: float) -> None:
        """Learn from a batch of `sets` sets that took `elapsed_s` seconds."""
        self._wait = max(0, self._wait - 1)
        if sets >= self._least:
            self._learn(form, elapsed_s / sets)
        elif self._least == LEAST_UNPIPELINED:
            self._small_s = elapsed_s / sets

    def _learn(self, form: Form, per_set_s: float) -> None:
        known_s = self._mean_s.get(form, per_set_s)
        self._mean_s[form] = known_s + (FASTER if per_set_s < known_s else SLOWER) * (per_set_s - known_s)
        if form is Form.SET:
            self._penalty = max(1, self._penalty // 2)

    def _choice(self) -> Form:
        for form in Form:
            if self._asked[form] < PROBES:
                return form
        if len(self._mean_s) < len(Form):  # the others have begun and none has ended
            return next(iter(self._mean_s), Form.SET)
        self._since += 1
        slower, faster = sorted(Form, key=lambda form: -self._mean_s[form])
        if faster is not self._faster:  # it may be chance: the other one is tried again soon
            self._faster, self._since, self._again = faster, 1, FIRST_AGAIN
        if self._since * self._mean_s[faster] >= self._again * self._mean_s[slower]:
            self._since, self._again = 0, min(LAST_AGAIN, 2 * self._again)
            return slower
        return faster

    def fail(self) -> None:
        """Note that the one statement failed, for a set that is to be found or for all; the next batches go set by set."""
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
