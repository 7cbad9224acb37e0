"""The statement, the values and the steps of a range of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.model import AttemptStep, AttemptSteps
from bulkq.query import inline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkq.model import MarkerTables, ParameterSet, Query
    from bulkq.model.key_range import KeyRange, RangeForm


class KeyRangeBatches:
    """Implements `bulkq.sources.range_source.RangeBatches` for one target.

    Args:
        make: the statement for a form of range. It is called once for each.
        constants: values of `--param`.
    """

    def __init__(self, make: Callable[[RangeForm], Query], constants: Mapping[str, str]) -> None:
        self._make = make
        self._constants = constants
        self._made: dict[RangeForm, Query] = {}
        self._insert: Query | None = None
        self._update: Query | None = None
        self._failed: frozenset[int] = frozenset()

    def record_in(
        self, tables: MarkerTables, run: str, part: int, dialect: str, failed: frozenset[int] = frozenset()
    ) -> None:
        """Write the ends of every range into `tables`, in its own transaction; those of the numbers `failed` are there."""
        self._insert = inline(markers.insert_range(tables, run, part, markers.RANGE_DONE), dialect)
        self._update = inline(markers.redo_range(tables, run, part), dialect)
        self._failed = failed

    def statement(self, wanted: KeyRange) -> tuple[Query, ParameterSet]:
        """Return the statement for a range of this form, and its values."""
        form = wanted.form
        query = self._made.get(form)
        if query is None:
            query = self._made[form] = self._make(form)
        values = {**self._constants, **wanted.values}
        return query, tuple(values[parameter.name] for parameter in query.parameters)

    def steps(self, number: int, wanted: KeyRange) -> AttemptSteps | None:
        """Return the steps that stand around the statement; None if the run is on no record."""
        if self._insert is None or self._update is None:
            return None
        if number in self._failed:
            params = markers.redo_parameters(number, wanted)
            return AttemptSteps(after=(AttemptStep(self._update, params, rows=1),))
        params = markers.range_parameters(number, wanted)
        return AttemptSteps(after=(AttemptStep(self._insert, params, rows=1),))
