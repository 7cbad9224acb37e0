"""Parameter sets that are ranges of a table's key, cut while the run goes on.

A task cuts ahead of the lanes by a few ranges. A range that failed and was cut in two comes back, so the source is at its end only when
nothing is left to cut and every range that was given has ended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from bulkq.dialects.sqlstates import NO_ROOM
from bulkq.errors import DatabaseError, RefusedError, StoppedError
from bulkq.model import Batch
from bulkq.model.own_error_states import STEP_UNEXPECTED
from bulkq.policy.retry import CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import AttemptSteps, BatchResult, ParameterSet, Query
    from bulkq.model.key_range import KeyRange, Position
    from bulkq.policy.range_size import RangeSize

AHEAD = 4
"""Ranges that are cut before a lane asks for them. More would be cut in a size that is out of date when they are executed."""

AHEAD_OF_GROWTH = 1
"""The same while the size is far from what it will be, because those that are cut now are too short."""


INSERTED = 50
"""Rows that may have come into a range since it was cut."""

KEY_MOVES = "key_moves"
"""The name of the statement that finds rows of a range behind it."""

MOVED = (
    "a trigger or a rule gives the rows of a range keys behind it, so they would be changed twice: use another key with --key, or "
    "disable the trigger while the backfill works"
)

OF_VALUES = ("22", "23")
"""Classes of errors that some rows of a range cause: values and constraints."""

OF_STATEMENTS = "42"
"""The class of errors of names and rights. Some databases look at them only when they plan or execute a statement."""

CANCEL_AGAIN_S = 0.2
"""Time until a cancellation that had no effect is repeated, in seconds."""


class Cutter(Protocol):
    """Finds the ends of ranges. The database compares the keys."""

    async def greatest(self) -> Position | None:
        """Return the key of the last row; None if the table is empty."""

    async def next_range(self, after: Position, end: Position, rows: int) -> KeyRange | None:
        """Return a range of about `rows` rows behind `after` that does not pass `end`; None if no row is left.

        Raises:
            DatabaseError: the database does not answer.
        """

    async def prepare(self, query: Query) -> None:
        """Prepare a statement without executing it.

        Raises:
            DatabaseError: the database refuses it, or does not answer.
        """

    async def explain(self, query: Query, values: ParameterSet) -> None:
        """Have a statement planned without executing it, if the database explains such a statement; () for unknown values.

        Raises:
            DatabaseError: the database refuses it, for example because the role lacks a right, or does not answer.
        """

    def describe(self, wanted: KeyRange) -> str:
        """Return the condition of a range, for people."""

    async def close(self) -> None:
        """Close its connection."""


class RangeRows(Protocol):
    """Counts the rows of ranges that have ended, for the progress."""

    def passed(self, rows: int, elapsed_s: float) -> None:
        """Count the rows of a range that ended, however, after `elapsed_s` seconds."""


class RangeBatches(Protocol):
    """Makes a batch of a range: its statement, its values, and the steps that record its ends."""

    def statement(self, wanted: KeyRange, number: int) -> tuple[Query, ParameterSet]:
        """Return the statement for a range of this form with this number, and its values."""

    def steps(self, number: int, wanted: KeyRange) -> AttemptSteps | None:
        """Return the steps that stand around the statement; None if the run is on no record."""


class RangeSource:
    """A `ParameterSource` of key ranges.

    It is made without a connection, and `begin` gives it what it needs before the first `take`.
    """

    typed = False
    replayable = True
    total: int | None = None

    def __init__(self) -> None:
        self._cutter: Cutter | None = None
        self._batches: RangeBatches
        self._size: RangeSize
        self._least = 1
        self.bounded = False
        """Whether a range changes no more rows than it has."""

        self._gaps: deque[tuple[Position, Position]] = deque()
        self._open_end = False
        self._number = 0
        self._ready: deque[KeyRange] = deque()
        self._again: deque[KeyRange] = deque()
        self._failed: deque[tuple[int, KeyRange]] = deque()
        self._recorded: frozenset[int] = (
            frozenset()
        )  # numbers of ranges that are recorded as failed, so that they stay whole
        self._flying: dict[int, KeyRange] = {}  # number -> range, given and not ended
        self._rows: RangeRows | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._task: asyncio.Task[None] | None = None
        self._done = False
        self.cutting = False
        """Whether a lane waits for the cutter."""

        self.rows = 0
        """Rows of all ranges that were cut."""

        self.position = ""
        """The condition of the range that was given last, for people; "" before."""

        self.cut = False
        """Whether everything was cut, so that `rows` is the whole."""

    def begin(
        self,
        cutter: Cutter,
        batches: RangeBatches,
        size: RangeSize,
        gaps: Iterable[tuple[Position, Position]],
        *,
        least: int = 1,
        first: int = 1,
        again: Iterable[tuple[int, KeyRange]] = (),
        follows: bool = False,
        rows: RangeRows | None = None,
    ) -> None:
        """Say what is to be cut.

        Args:
            cutter: finds the ends of ranges.
            batches: makes a batch of each.
            size: how many rows the next range has.
            gaps: what of the key is to be done, ascending: behind the first position up to and with the second.
            least: a range with so many rows, or fewer, is not cut when it fails.
            first: the number of the first range.
            again: failed ranges of an earlier process, which are done again with their numbers.
            follows: rows behind the last position that are inserted meanwhile are done too.
            rows: counts the rows of ranges that have ended.
        """
        self._cutter, self._batches, self._size = cutter, batches, size
        self._gaps = deque(gaps)
        self._failed, self._least = deque(again), least
        self._recorded = frozenset(number for number, _ in self._failed)
        self._number, self._open_end, self._rows = first - 1, follows, rows

    @property
    def size(self) -> RangeSize | None:
        """How many rows the next range has; None before `begin`."""
        return getattr(self, "_size", None)

    async def take(self, size: int, index: int) -> Batch | None:
        """Return the next range as a batch of one set. `size` has no effect: a range is a transaction of its own.

        Raises:
            StoppedError: the table cannot be cut further.
        """
        del size
        if self._task is None:
            self._task = asyncio.create_task(self._cut())
        while True:
            self._news.clear()
            if self._failed:
                return self._batch(*self._failed.popleft(), index)
            if self._again or self._ready:
                self.cutting = False
                self._number += 1
                self._room.set()
                return self._batch(self._number, (self._again or self._ready).popleft(), index)
            if self._task.done():
                self._task.result()
                if not self._flying:
                    return None
            self.cutting = not self._task.done()
            await self._news.wait()

    def settle(self, result: BatchResult, elapsed_s: float | None) -> None:
        """Learn how a range went: its rows, those that it changed, and the seconds of its transaction; None if it was not executed."""
        wanted = self._flying.pop(result.batch.first, None)
        self._news.set()
        if wanted is None or result.superseded:
            return
        if elapsed_s is not None and result.ok:
            self._size.record(wanted.rows, max(0, result.changed), elapsed_s)
        if self._rows is not None:
            self._rows.passed(wanted.rows, result.elapsed_s)

    def most_changed(self, batch: Batch) -> int | None:
        """Return how many rows a range may change, see `refuse_more`; None if there is no bound."""
        wanted = self._flying.get(batch.first)
        if not self.bounded or wanted is None or not wanted.rows:
            return None
        return max(2 * wanted.rows, wanted.rows + INSERTED)

    def refuse_more(self, batch: Batch, changed: int) -> None:
        """Refuse a range that would change many more rows than it has: the statement reaches rows of other ranges.

        Raises:
            RefusedError: the transaction is rolled back, and the run stops.
        """
        most = self.most_changed(batch)
        if most is not None and changed > most:
            rows = self._flying[batch.first].rows
            raise RefusedError(
                f"a range of {rows} rows would change {changed} rows, so :range does not bound what the statement changes: "
                "write it into the WHERE of the UPDATE or DELETE itself"
            ).for_good()

    def shrink(self, batch: Batch, *, timed_out: bool) -> None:
        """Make the next ranges smaller: `batch` has `timed_out`, or stood in the way of other sessions."""
        wanted = self._flying.get(batch.first)
        self._size.fail("timeout" if timed_out else "lock", wanted.rows if wanted is not None else None)

    async def check(self, batch: Batch, error: DatabaseError, more: Sequence[Query] = ()) -> None:
        """See whether the database still accepts the statements of a range that failed.

        Args:
            batch: the range.
            error: its failure; one of values and constraints is not about statements.
            more: statements beside those of the batch.

        Raises:
            StoppedError: it does not, because a column or a table was dropped or renamed, the role has lost a right, the disk is
                full, or another database that the statements use is away: every range would fail. Or its rows got keys behind it.
        """
        state = error.sqlstate or ""
        if state == STEP_UNEXPECTED and str(error).startswith(f"{KEY_MOVES}:"):
            raise StoppedError(MOVED).for_good() from error
        if state.startswith(OF_VALUES):
            return
        if state in NO_ROOM:
            raise StoppedError(f"the target has no room left: {error}: free space, then resume the run") from error
        if state.startswith(CONNECTIONS) and not error.connection_lost:
            raise StoppedError(f"another database that the statement uses does not answer: {error}") from error
        steps = batch.steps
        around = [] if steps is None else [(step.query, step.params) for step in (*steps.before, *steps.after)]
        own = [] if batch.statement is None else [(batch.statement, batch.sets[0])]
        for query, values in (*own, *((one, ()) for one in more), *around):
            refusal = await self._refusal(query, values, state)
            if refusal is not None:
                raise StoppedError(f"the statement cannot be executed any more: {refusal}") from error

    async def _refusal(self, query: Query, values: ParameterSet, state: str) -> DatabaseError | None:
        """Why the database refuses a statement by now; None if it does not. A plan counts only if it is refused with `state`."""
        assert self._cutter is not None
        try:
            await self._cutter.prepare(query)
        except DatabaseError as refusal:
            return None if refusal.connection_lost else refusal
        if not state.startswith(OF_STATEMENTS):
            return None
        try:
            await self._cutter.explain(query, values)
        except DatabaseError as refusal:
            return refusal if refusal.sqlstate == state else None
        return None

    async def split(self, batch: Batch, sizes: Sequence[int] = ()) -> bool:
        """Replace a range that failed by pieces. Return False if it has too few rows to be cut, is recorded, or cannot be cut now.

        Args:
            batch: the range.
            sizes: rows of the pieces; () for halves.
        """
        wanted = self._flying[batch.first]
        assert self._cutter is not None
        if (wanted.rows <= self._least and not sizes) or batch.first in self._recorded:
            return False
        pieces: list[KeyRange] = []
        after, left = wanted.after, deque(sizes)
        rows = left.popleft() if left else -(-wanted.rows // 2)
        try:
            while (one := await self._cutter.next_range(after, wanted.upto, rows)) is not None:
                pieces.append(one)
                after, rows = one.upto, rows - one.rows if sizes else rows
                if rows < 1:
                    rows = left.popleft() if left else wanted.rows
        except DatabaseError:
            return False
        if len(pieces) < 2:
            return False
        self._again.extend(pieces)
        return True

    def fraction(self) -> float | None:
        """Return None: the share is known by rows, see `RangeRows`."""
        return None

    async def close(self) -> None:
        """Stop cutting."""
        if self._task is not None:
            while not self._task.done():  # a library may swallow a cancellation that meets the end of its wait
                self._task.cancel()
                await asyncio.wait([self._task], timeout=CANCEL_AGAIN_S)
            if not self._task.cancelled():
                self._task.exception()  # `take` has raised it, or the run is over
        if self._cutter is not None:
            await self._cutter.close()

    async def _cut(self) -> None:
        """Cut the gaps one after the other, and keep a few ranges ready."""
        assert self._cutter is not None
        try:
            while self._gaps:
                after, end = self._gaps.popleft()
                after = await self._cut_gap(after, end)
                if not self._gaps and self._open_end and (last := await self._cutter.greatest()) not in {None, end}:
                    assert last is not None
                    self._gaps.append((after, last))
            self.cut = True
        except DatabaseError as error:
            raise StoppedError(f"the next range of the key cannot be found: {error}") from error
        finally:
            self._news.set()

    async def _cut_gap(self, after: Position, end: Position) -> Position:
        assert self._cutter is not None
        while True:
            await self._room.wait()
            found = await self._cutter.next_range(after, end, self._size.rows)
            if found is None:
                return after
            self._ready.append(found)
            self.rows += found.rows
            if len(self._ready) >= (AHEAD_OF_GROWTH if self._size.far else AHEAD):
                self._room.clear()
            self._news.set()
            after = found.upto

    def range_of(self, number: int) -> KeyRange | None:
        """Return the range with `number`, if it was given and has not ended."""
        return self._flying.get(number)

    def _batch(self, number: int, wanted: KeyRange, index: int) -> Batch:
        query, values = self._batches.statement(wanted, number)
        self._flying[number] = wanted
        assert self._cutter is not None
        self.position = self._cutter.describe(wanted)
        return Batch(
            index,
            number,
            (values,),
            statement=query,
            key_range=self.position,
            steps=self._batches.steps(number, wanted),
        )
