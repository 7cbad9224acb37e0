"""The statement, the values and the steps of a range of a key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.model import AttemptStep, AttemptSteps
from bulkq.model.frozen_dataclass import frozen
from bulkq.query import inline

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkq.model import MarkerTables, ParameterSet, Query
    from bulkq.model.key_range import KeyRange, RangeForm


@frozen
class FormQueries:
    """The statements of ranges of one form.

    Attributes:
        main: whose changes are counted.
        before: ahead of it in its transaction.
        after: behind it.
    """

    main: Query
    before: tuple[Query, ...] = ()
    after: tuple[Query, ...] = ()


@frozen
class RangeGuard:
    """What finds in the transaction of a range that its rows have got keys behind it.

    Attributes:
        before: ahead of the statement.
        after: behind it; each has to give no row.
    """

    before: tuple[Query, ...] = ()
    after: tuple[Query, ...] = ()


NO_GUARD = RangeGuard()


class KeyRangeBatches:
    """Implements `bulkq.sources.key_range_source.RangeBatches` for one target.

    Values of statements are those of `--param`, those of the range, and `bulkq_first`, the number of the range.

    Args:
        make: the statement for a form of range. It is called once for each.
        constants: values of `--param`.
    """

    def __init__(self, make: Callable[[RangeForm], Query], constants: Mapping[str, str]) -> None:
        self._make: Callable[[RangeForm], FormQueries] = lambda form: FormQueries(make(form))
        self._plain = self._make
        self._constants = constants
        self._made: dict[RangeForm, FormQueries] = {}
        self._insert: Query | None = None
        self._update: Query | None = None
        self._failed: frozenset[int] = frozenset()
        self._guard: Callable[[RangeForm, int], RangeGuard] = lambda form, number: NO_GUARD  # noqa: ARG005
        self._end: Mapping[str, str] = {}

    def guard(self, make: Callable[[RangeForm, int], RangeGuard], end: Mapping[str, str]) -> None:
        """Add the steps that `make` gives for a form of range and its number, with the values `end` beside those of the range."""
        self._guard, self._end = make, end

    def queries(self, form: RangeForm) -> FormQueries:
        """The statements of a form before they were rewritten."""
        return self._plain(form)

    def rewrite(self, make: Callable[[RangeForm], FormQueries]) -> None:
        """Use the statements that `make` gives from now on."""
        self._make = make
        self._made.clear()

    def record_in(
        self, tables: MarkerTables, run: str, part: int, dialect: str, failed: frozenset[int] = frozenset()
    ) -> None:
        """Write the ends of every range into `tables`, in its own transaction; those of the numbers `failed` are there."""
        self._insert = inline(markers.insert_range(tables, run, part, markers.RANGE_DONE), dialect)
        self._update = inline(markers.redo_range(tables, run, part), dialect)
        self._failed = failed

    def statement(self, wanted: KeyRange, number: int = 0) -> tuple[Query, ParameterSet]:
        """Return the statement for a range of this form, and its values."""
        query = self._queries(wanted).main
        return query, self._values(query, wanted, number)

    def steps(self, number: int, wanted: KeyRange) -> AttemptSteps | None:
        """Return the steps that stand around the statement; None if there are none, because the run is on no record."""
        guard, recorded = self._guard(wanted.form, number), self._recorded(number, wanted)
        if not recorded and guard is NO_GUARD:
            return None
        made = self._queries(wanted) if recorded else FormQueries(self._queries(wanted).main)
        before = (AttemptStep(query, self._values(query, wanted, number)) for query in (*guard.before, *made.before))
        moved = (AttemptStep(query, self._values(query, wanted, number), rows=0) for query in guard.after)
        after = (AttemptStep(query, self._values(query, wanted, number)) for query in made.after)
        return AttemptSteps(before=tuple(before), after=(*moved, *after, *recorded))

    def _recorded(self, number: int, wanted: KeyRange) -> tuple[AttemptStep, ...]:
        """The step that writes the ends of a range; none if the run is on no record."""
        if self._insert is None or self._update is None:
            return ()
        if number in self._failed:
            return (AttemptStep(self._update, markers.redo_parameters(number, wanted), rows=1),)
        return (AttemptStep(self._insert, markers.range_parameters(number, wanted), rows=1),)

    def _queries(self, wanted: KeyRange) -> FormQueries:
        form = wanted.form
        found = self._made.get(form)
        if found is None:
            made = self._make(form)
            found = self._made[form] = replace(made, main=replace(made.main, one_set=True))
        return found

    def _values(self, query: Query, wanted: KeyRange, number: int) -> ParameterSet:
        values = {**self._constants, **self._end, **wanted.values, "bulkq_first": str(number)}
        return tuple(values[parameter.name] for parameter in query.parameters)
