"""The form and the size of a batch of reads where one statement for many sets costs hardly more than for a few.

A database in our own process has no round trips to save. What its one statement saves is planning; what it costs may be a scan of the
whole table. So it pays with thousands of sets, which would take seconds one by one: its batches have a size of their own.
"""

from __future__ import annotations

from math import inf

from bulkq.policy.batch_form import LAST_AGAIN, LEAST, BatchForm, Form

FIRST = 2_000
"""Sets of the first statement, and of the pieces of one that failed: 20 to 80 times a loop on DuckDB, by the size of the table."""

MOST = 10_000
"""Sets of one statement at most, which bounds memory: 60 to 130 times a loop."""

PATIENCE_S = 2.0
"""What the sets of the first statement may take if they have to be executed one by one after all."""

SHORT_S = 0.15
"""A statement that takes no longer may have more sets the next time: it is given up after half a second. One that takes longer keeps its
sets, because most of its time may be a scan of the table, which fewer sets do not shorten."""

MOST_PENALTY = 64
"""Batches at most that go set by set after failures: they take some seconds, and what failed was given up after half a second."""

GROWTH = 5
CLOSE = 3.0
"""A form that is so many times as slow as the statement for all sets is not tried again."""


class GrowingForm(BatchForm):
    """The choice for one query on one target, and the size of its statements for all sets.

    Args:
        fixed: the form that the user asked for; None to measure.

    """

    __slots__ = ("_begun", "_cutting", "_natural", "_out", "_sets")

    piece = FIRST
    own_size = True

    def __init__(self, fixed: Form | None = None) -> None:
        super().__init__(fixed)
        self._natural = 0  # sets of a batch that is executed set by set
        self._sets = 0  # of the next statement for all; 0 before the first
        self._begun = False
        self._out = False  # a statement for all sets is under way: two would share the processors
        self._cutting = False  # its sets are being taken from the source

    def size(self, sets: int) -> int:
        """The sets of the next batch, where `sets` suit a batch that is executed set by set."""
        self._natural = sets
        if self._out or self._next_form() is Form.PIPELINE:
            return sets
        self._out = self._cutting = True
        self._sets = self._sets or self._first()
        return max(2 * sets, self._sets)

    @property
    def answers_all(self) -> bool:
        """Whether a statement for all is under way; where it wins, other lanes only slow it down."""
        wins = self._mean_s.get(Form.SET, inf) < self._mean_s.get(Form.PIPELINE, inf)
        return wins and self._out and self._fixed is not Form.PIPELINE

    def cut(self, sets: int) -> bool:
        """Note that the batch has `sets` sets. If the source had too few of them for one statement, none is under way."""
        begun, self._cutting = self._cutting, False
        if begun and self.next(sets) is Form.PIPELINE:
            self._out = False
        return begun and self.answers_all

    def next(self, sets: int) -> Form:
        """The form of a batch of `sets` sets: `size` has made those larger that one statement is to answer."""
        if self._fixed is not None:
            return self._fixed
        return Form.SET if sets > self._natural and sets >= LEAST else Form.PIPELINE

    def record(self, form: Form, sets: int, elapsed_s: float) -> None:
        """Learn from a batch of `sets` sets that took `elapsed_s` seconds. The first one has also connected and prepared."""
        self._wait = max(0, self._wait - 1)
        self._out = self._out and form is Form.PIPELINE and sets < 2 * self._natural
        if not self._begun:
            self._begun = True
        elif form is Form.PIPELINE or sets >= LEAST:
            self._learn(form, elapsed_s / sets)
        if form is Form.SET and elapsed_s < SHORT_S:
            self._sets = min(MOST, max(self._sets, GROWTH * sets))

    def fail(self) -> None:
        """Note that the one statement failed; the next batches go set by set, and then it has fewer sets, but no fewer than the first."""
        super().fail()
        self._penalty = min(MOST_PENALTY, self._penalty)
        self._out = False
        self._sets = max(self._first(), self._sets // 2)

    def _next_form(self) -> Form:
        if self._fixed is not None:
            return self._fixed
        if self._wait or Form.PIPELINE not in self._mean_s:
            return Form.PIPELINE
        if Form.SET not in self._mean_s:
            return Form.SET
        self._since += 1
        slower, faster = sorted(Form, key=lambda form: -self._mean_s[form])
        close = slower is Form.SET or self._mean_s[slower] < CLOSE * self._mean_s[faster]
        if self._since >= self._again and close:
            self._since, self._again = 0, min(LAST_AGAIN, 2 * self._again)
            return slower
        return faster

    def _first(self) -> int:
        per_set_s = self._mean_s.get(Form.PIPELINE, 0.0)
        return max(LEAST, min(FIRST, int(PATIENCE_S / max(per_set_s, PATIENCE_S / FIRST))))
