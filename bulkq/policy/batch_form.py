"""Whether a batch of reads is one statement for all of its sets, or one execution for each: what was faster, measured while running.

Shared by the lanes of a query on a target. Both forms give the same answers, so nothing depends on the choice but time.
"""

from __future__ import annotations

from enum import StrEnum

LEAST = 50
"""Sets from which on a batch is worth comparing: below, a round trip outweighs what a set costs."""

PROBES = 2
"""Batches of each form before the first choice."""

AGAIN = 64
"""After so many batches the slower form is tried once more: data and load change."""

WEIGHT = 0.3
"""Of the newest batch in the mean of a form."""

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

    Attributes:
        batches: executed in each form.
    """

    __slots__ = ("_fixed", "_mean_s", "_penalty", "_since", "_wait", "batches")

    def __init__(self, fixed: Form | None = None) -> None:
        self.batches = dict.fromkeys(Form, 0)
        self._fixed = fixed
        self._mean_s: dict[Form, float] = {}  # seconds per set
        self._since = 0  # batches since the slower form was tried
        self._penalty = 1
        self._wait = 0  # batches that go set by set, whatever was measured

    def next(self, sets: int) -> Form:
        """The form of a batch of `sets` sets."""
        if self._fixed is not None:
            return self._fixed
        if self._wait or sets < LEAST:
            return Form.PIPELINE
        for form in Form:
            if self.batches[form] < PROBES or form not in self._mean_s:
                return form
        slower, faster = sorted(Form, key=lambda form: -self._mean_s[form])
        return slower if self._since >= AGAIN else faster

    def record(self, form: Form, sets: int, elapsed_s: float) -> None:
        """Learn from a batch of `sets` sets that took `elapsed_s` seconds."""
        self._wait = max(0, self._wait - 1)
        if sets < LEAST:
            return
        self.batches[form] += 1
        per_set_s = elapsed_s / sets
        known_s = self._mean_s.get(form, per_set_s)
        self._mean_s[form] = known_s + WEIGHT * (per_set_s - known_s)
        faster = min(self._mean_s, key=lambda one: self._mean_s[one])
        self._since = self._since + 1 if form is faster else 0
        if form is Form.SET:
            self._penalty = max(1, self._penalty // 2)

    def fail(self) -> None:
        """Note that the one statement failed, for a set that is to be found or for all; the next batches go set by set."""
        self._wait = self._penalty
        self._penalty = min(MOST_PENALTY, self._penalty * 4)

    def refuse(self) -> None:
        """Note that the query has no such statement."""
        self._fixed = Form.PIPELINE
