"""A range whose new values a Python function computes: read it, compute, and apply in one transaction if nothing has changed.

While Python works, no transaction is open. The rows are read again in the transaction of the range, locked where the database
does that. If other sessions have changed some, it is rolled back, and what they have changed is computed again.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from bulkq.errors import DatabaseError, RefusedError, RowsChanged
from bulkq.model import AttemptSteps, Decoding, Phase, Reply
from bulkq.model.own_error_states import MAP_FAILED, ROWS_CHANGED
from bulkq.policy.rows_changed_between_reads import rows_of, unchanged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.model import AttemptStep, Batch, ParameterSet, PartSpec, Query
    from bulkq.protocols import Connection, Statement
    from bulkq.transforms import ComputedRows, RowFunction

    Rows = Sequence[tuple[object, ...]]
    SendBatch = Callable[[Statement, Sequence[ParameterSet], Batch], Awaitable[Reply]]

TRIES = 5
"""How often rows are computed that other sessions change meanwhile."""


class RowsFailed(Exception):
    """Rows of a range fail, and the rest of it may be done without them.

    Attributes:
        keys: of the rows, as `TransformStatements.key_of` gives them.
        state: why they fail.
        sizes: rows of the ranges that give each of them a range of its own; () if that is not known.
    """

    def __init__(self, keys: Rows, state: str, message: str) -> None:
        super().__init__(message)
        self.keys = keys
        self.sizes: Sequence[int] = ()
        self.state = state


class TransformStatements(Protocol):
    """The statements beside `--select` and `--apply`, of one target."""

    def again(self, batch: Batch, rows: Rows) -> tuple[AttemptStep, ...]:
        """Return the steps that read the range again, and lock it, if it has to give `rows`."""

    def keys(self, batch: Batch) -> tuple[Query, ParameterSet]:
        """Return the query for the keys of the rows of the range, in their order, and its values."""

    def key_of(self, columns: Sequence[str], row: tuple[object, ...]) -> tuple[object, ...] | None:
        """Return the key of a row that `--select` gave; None if it does not give the key."""


class RangeTransform:
    """The function and the statements of a part.

    Args:
        function: makes parameter sets of rows.
        statements: of the target.

    Attributes:
        sets: parameter sets that were applied.
        idle: of those, how many changed no row, at least: by how many they are more than the rows that changed.
    """

    def __init__(self, function: RowFunction, statements: TransformStatements) -> None:
        self.function = function
        self.statements = statements
        self.sets = self.idle = 0
        self._computed_s = 0.0
        self._reads = 0

    def take_cost(self) -> tuple[float, int]:
        """Return the seconds in which ranges were computed without a statement, and their reads, since the last call."""
        cost = self._computed_s, self._reads
        self._computed_s, self._reads = 0.0, 0
        return cost

    async def compute(self, columns: Sequence[str], rows: Rows) -> list[ComputedRows]:
        """Call the function for `rows`, see `RowFunction.compute`, and count the time."""
        began_s = time.monotonic()
        try:
            return await self.function.compute(columns, rows)
        finally:
            self._computed_s += time.monotonic() - began_s

    async def apply(
        self, connection: Connection, spec: PartSpec, batch: Batch, send: SendBatch, *, in_doubt: bool
    ) -> Reply:
        """Read a range, compute, and apply what the function gives, again while other sessions change its rows in between.

        Args:
            connection: idle.
            spec: of the part.
            batch: a range.
            send: executes a statement for sets, in one transaction with the claim and the steps of a batch.
            in_doubt: COMMIT was sent before, and its answer is lost.

        Raises:
            DatabaseError: a statement failed.
            RowsFailed: the function fails for rows, or they are changed each time.
            RefusedError: the function gives nothing that the query takes, or the range has a row twice.
        """
        try:
            statement = await connection.prepare(spec.query, spec.decoding, typed=True, identifiers={})
            if in_doubt:  # only a claim tells: what can be read now may be the work of this very range
                await send(statement, (), replace(batch, steps=AttemptSteps(rollback=True)))
            found = await self._read(connection, spec, batch)
            while True:
                try:
                    reply = await send(statement, found.sets, found.batch)
                except RowsChanged as changed:
                    await found.renew(changed)
                else:
                    self._count(len(found.sets), reply.changed)
                    return Reply((), (), (), reply.changed)
        except RowsFailed as failed:
            failed.sizes = await self._sizes(connection, spec, batch, failed.keys)
            raise
        except DatabaseError as error:
            error.offset = None  # in one of two statements
            raise

    async def rehearse(
        self, connection: Connection, spec: PartSpec, batch: Batch
    ) -> tuple[list[str], Sequence[ComputedRows]]:
        """Read a range and compute it, without applying anything.

        Returns:
            The names of the columns that were read, and what the function made of the rows; both are empty if there was no row.

        Raises:
            DatabaseError: the range cannot be read.
            RefusedError: the function gives nothing that the query takes, or the range has a row twice.
        """
        assert batch.statement is not None, "the statement of a range reads it"
        reply = await self._fetch(connection, spec, batch.statement, batch.sets[0])
        names = [column.name for column in reply.columns]
        rows = rows_of(reply)
        self.refuse_twice(names, rows)
        return (names, await self.compute(names, rows)) if rows else ([], [])

    def refuse_twice(self, columns: Sequence[str], rows: Rows) -> None:
        """Refuse rows of which two are the same row of the table: the function would get it twice, and it would be changed twice.

        Raises:
            RefusedError: names the first.
        """
        seen: set[str] = set()
        for row in rows:
            key = self.statements.key_of(columns, row)
            written = repr(key)
            if key is not None and written in seen:
                shown = ", ".join(map(str, key))
                raise RefusedError(
                    f"--select gives the row with the key ({shown}) twice, so it would be changed twice: write it so that each row of "
                    "the table comes once, with GROUP BY or DISTINCT"
                ).for_good()
            seen.add(written)

    def _count(self, sets: int, changed: int) -> None:
        """Count parameter sets that were applied, and `changed` rows; -1: the database does not say."""
        self.sets += sets
        self.idle += max(0, sets - changed) if changed >= 0 else 0

    async def _read(self, connection: Connection, spec: PartSpec, batch: Batch) -> TransformedRange:
        """Read the rows of a range and compute them. No transaction is open afterwards."""
        assert batch.statement is not None, "the statement of a range reads it"
        reply = await self._fetch(connection, spec, batch.statement, batch.sets[0])
        names, rows = [column.name for column in reply.columns], rows_of(reply)
        self.refuse_twice(names, rows)
        found = TransformedRange(self, batch, names)
        await found.compute(rows)
        return found

    async def _fetch(self, connection: Connection, spec: PartSpec, query: Query, params: ParameterSet) -> Reply:
        """The rows of a statement of a range, in a transaction of their own.

        Raises:
            DatabaseError: they cannot be read.
        """
        self._reads += 1
        statement = await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})
        reply = await connection.attempt(statement, [params], replace(spec.limits, read_only=True))
        for error in reply.errors:
            raise DatabaseError(error.message, sqlstate=error.sqlstate, phase=Phase.SENT, hint=error.hint)
        return reply

    async def _sizes(self, connection: Connection, spec: PartSpec, batch: Batch, failed: Rows) -> list[int]:
        """The sizes of the ranges that `batch` is cut into, in the order of the key, for the keys of rows that fail."""
        if not failed:
            return []
        reply = await self._fetch(connection, spec, *self.statements.keys(batch))
        wanted = set(map(repr, failed))
        sizes = [0]
        for key in rows_of(reply):
            if repr(key) in wanted:
                sizes += [1, 0]
            else:
                sizes[-1] += 1
        return [size for size in sizes if size] if len(sizes) > 1 else []


class TransformedRange:
    """The parameter sets of one range.

    Args:
        transform: of the part.
        batch: the range.
        columns: names of the columns of `--select`.
    """

    def __init__(self, transform: RangeTransform, batch: Batch, columns: Sequence[str]) -> None:
        self._transform = transform
        self._batch = batch
        self._columns = columns
        self._computed: list[ComputedRows] = []
        self._tries = 0

    @property
    def sets(self) -> list[ParameterSet]:
        """The values that the statement is executed with, in one transaction."""
        return [values for one in self._computed for values in one.sets or ()]

    @property
    def batch(self) -> Batch:
        """The range with the steps that its transaction takes: it reads the rows again before."""
        steps = self._batch.steps or AttemptSteps()
        rows = [row for one in self._computed for row in one.rows]
        before = self._transform.statements.again(self._batch, rows)
        return replace(self._batch, steps=replace(steps, before=(*before, *steps.before)), repeats=True)

    async def renew(self, changed: RowsChanged) -> None:
        """Compute what other sessions have changed. What the function gave for rows together is computed together.

        Raises:
            RowsFailed: they were changed too often, or the function fails for some.
            RefusedError: the range has a row twice by now.
        """
        self._transform.refuse_twice(self._columns, changed.rows)
        self._tries += 1
        left, fresh = unchanged([row for one in self._computed for row in one.rows], changed.rows)
        if self._tries >= TRIES and fresh:
            raise self._failed(
                fresh, ROWS_CHANGED, f"other sessions changed it each of {TRIES} times that it was computed"
            )
        whole: list[ComputedRows] = []
        for one in self._computed:
            _, gone = unchanged(left, one.rows)
            if not gone:
                whole.append(one)
                _, left = unchanged(one.rows, left)
        self._computed = whole
        await self.compute(left, fresh)

    async def compute(self, *groups: Rows) -> None:
        """Call the function for each group of rows.

        Raises:
            RowsFailed: it fails for some.
        """
        for rows in filter(None, groups):
            self._computed += await self._transform.compute(self._columns, rows)
        failed = [one for one in self._computed if one.sets is None]
        if failed:
            raise self._failed([row for one in failed for row in one.rows], MAP_FAILED, failed[0].wrong)

    def _failed(self, rows: Rows, state: str, why: str) -> RowsFailed:
        statements = self._transform.statements
        keys = [key for row in rows if (key := statements.key_of(self._columns, row)) is not None]
        return RowsFailed(keys, state, why)
