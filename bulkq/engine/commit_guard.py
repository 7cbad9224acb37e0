"""What is asked before an attempt of a write commits: `--max-affected`, and the bound of a key range."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bulkq.errors import RefusedError

if TYPE_CHECKING:
    from bulkq.engine.part_state import PartState
    from bulkq.model import Batch

LOOK_S = 0.02
"""Seconds between two looks whether other attempts have given back rows that they may not need."""


class CommitGuard:
    """Asked with the number of changed rows before COMMIT. Its exception rolls the attempt back.

    A connection on another machine cannot ask in the middle of its transaction. It gets a number of rows that need no question
    (`most`). If an attempt changes more, it is rolled back, and `ask` decides whether it is made again.

    Args:
        part: of the batch.
        batch: that is attempted.
    """

    def __init__(self, part: PartState, batch: Batch) -> None:
        self._part = part
        self._batch = batch
        self._reserved = 0
        self._committing_s = 0.0

    def __call__(self, rows: int) -> None:
        """Accept `rows` changed rows.

        Raises:
            RefusedError: they are too many.
        """
        if self._part.ranges is not None:
            self._part.ranges.refuse_more(self._batch, rows)
        if self._part.guard is not None:
            self._part.guard.reserve(rows)
            self._reserved = rows
        self._committing_s = time.monotonic()

    def most(self, wanted: int) -> int | None:
        """Return how many rows the next attempt may change without a question, `wanted` if possible; None for any number."""
        ranges, guard = self._part.ranges, self._part.guard
        bound = None if ranges is None else ranges.most_changed(self._batch)
        if guard is None:
            return bound
        self._reserved = guard.reserve_some(wanted)
        return self._reserved if bound is None else min(bound, self._reserved)

    async def ask(self, rows: int) -> int:
        """Decide about an attempt that was rolled back, because it changed `rows` rows. Return how many it may change now.

        Raises:
            RefusedError: they are too many.
        """
        guard = self._part.guard
        while True:
            if guard is not None:
                guard.settle(self._reserved, 0)
                self._reserved = 0
            try:
                self(rows)
            except RefusedError:
                if guard is None or not guard.in_flight:
                    raise
            else:
                return rows
            await asyncio.sleep(LOOK_S)

    def committed(self, commit_s: float | None) -> None:
        """Take note of a commit on another machine that took `commit_s` seconds; None if there was none."""
        self._committing_s = time.monotonic() - commit_s if commit_s is not None else 0.0

    def settle(self, changed: int, *, committed: bool) -> None:
        """The attempt has ended: `changed` rows last."""
        if committed and self._part.record_commit is not None and self._committing_s:
            self._part.record_commit(time.monotonic() - self._committing_s)
        if self._part.guard is not None:
            self._part.guard.settle(self._reserved, changed)
