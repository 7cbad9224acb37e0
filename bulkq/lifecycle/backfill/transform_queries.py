"""The statements that a backfill with a Python function needs beside those of the user, for one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import key_ranges
from bulkq.model import AttemptStep
from bulkq.model.key_range import RangeForm
from bulkq.query import inline
from bulkq.query.transform_statements import add_row_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.dialects import Dialect
    from bulkq.model import Batch, ParameterSet, Query
    from bulkq.model.key_range import TableKey

    Rows = Sequence[tuple[object, ...]]


class TransformQueries:
    """Implements `bulkq.engine.range_transform.TransformStatements`. Makes each query once, so that it stays prepared.

    Args:
        key: of the table.
        dialect: of the database.
        clause: behind `--select` when it locks its rows; "" if it does not.
        apart: the rows of the range are locked by a statement of their own, because `--select` takes no clause.
    """

    def __init__(self, key: TableKey, dialect: Dialect, *, clause: str, apart: bool) -> None:
        self._key = key
        self._dialect = dialect
        self._clause = clause
        self._apart = apart
        self._names = tuple(column.name for column in key.columns)
        self._selects: dict[str, Query] = {}
        self._own: dict[tuple[str, RangeForm], Query] = {}

    def again(self, batch: Batch, rows: Rows) -> tuple[AttemptStep, ...]:
        """Return the steps that read the range again, and lock it, if it has to give `rows`."""
        select = batch.statement
        assert select is not None, "the statement of a range reads it"
        if self._clause:
            found = self._selects.get(select.sql)
            if found is None:
                found = self._selects[select.sql] = add_row_lock(select, self._clause)
            select = found
        compared = AttemptStep(select, batch.sets[0], same=rows)
        if self._apart:
            return AttemptStep(*self._query(key_ranges.lock_query, "lock", batch)), compared
        return (compared,)

    def keys(self, batch: Batch) -> tuple[Query, ParameterSet]:
        """Return the query for the keys of the rows of the range, in their order, and its values."""
        return self._query(key_ranges.keys_query, "keys", batch)

    def key_of(self, columns: Sequence[str], row: tuple[object, ...]) -> tuple[object, ...]:
        """Return the key of a row that `--select` gave."""
        values = dict(zip(columns, row, strict=True))
        return tuple(values[name] for name in self._names)

    def _query(
        self, make: Callable[[TableKey, RangeForm, Dialect], str], name: str, batch: Batch
    ) -> tuple[Query, ParameterSet]:
        assert batch.statement is not None, "the statement of a range reads it"
        names = (parameter.name for parameter in batch.statement.parameters)
        values = dict(zip(names, batch.sets[0], strict=True))
        level = sum(f"bulkq_{place}" in values for place in range(1, len(self._names) + 1))
        form = RangeForm(level, lower="bulkq_lo" in values, upper="bulkq_hi" in values)
        query = self._own.get((name, form))
        if query is None:
            text = make(self._key, form, self._dialect)
            query = self._own[name, form] = inline(f"-- name: {name}\n{text}", self._dialect.name)
        return query, tuple(values[parameter.name] for parameter in query.parameters)
