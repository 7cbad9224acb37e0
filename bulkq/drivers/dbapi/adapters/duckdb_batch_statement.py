"""DuckDB: ask for the statement that stands for all sets of a batch of reads, and whether it gives the same answers."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from bulkq.dialects import duckdb_batch_statement as sets_of
from bulkq.dialects import duckdb_bound_plan as plans
from bulkq.drivers.dbapi.adapter_return_types import SetStatement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.dialects.duckdb_bound_plan import BoundPlan
    from bulkq.drivers.bind_parameters import Binding
    from bulkq.drivers.dbapi.adapter_return_types import Probe
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.model import ParameterSet

SUBQUERIES = "SELECT value FROM duckdb_settings() WHERE name = 'scalar_subquery_error_on_multiple_rows'"

TEXTS = frozenset({str, type(None)})


def set_statement(asking: Probe, statement: SqlStatement, cast: str) -> SetStatement | str:
    """One statement for all sets of `statement`, or why there is none.

    Args:
        asking: the session, in a transaction.
        statement: a read with parameters, without lists.
        cast: how a declared type is written, `CAST({} AS {})`.
    """
    try:
        return _SetText(asking, statement, cast).found()
    except plans.NoPlan as error:
        return f"DuckDB gives no plan of it: {error}"


class _SetText:
    """The texts of one query: with marks, with NULL, and for all sets."""

    def __init__(self, asking: Probe, statement: SqlStatement, cast: str) -> None:
        self._asking = asking
        self._binding = statement.binding
        self._cast = cast
        self._types = {p.name: p.type for p in statement.query.parameters if p.type}
        self._places: list[int] = []  # of each place in the text, the number of its parameter
        self._text(lambda _, number: self._places.append(number) or "")  # type: ignore[func-returns-value]

    def found(self) -> SetStatement | str:
        """The statement, or why there is none."""
        single = self._plan(self._text(lambda place, _: plans.mark(place)))
        why = self._why_not(single)
        if why:
            return why
        kinds = [plans.type_of_mark(single, place) for place in range(len(self._places))]
        if not all(kinds):
            return f":{self._name(kinds.index(''))} has no type of its own: declare it"
        values = list(dict.fromkeys(zip(self._places, kinds, strict=True)))
        text = self._text(lambda place, number: sets_of.value_name(values.index((number, kinds[place]))))
        empty = sets_of.set_text(text, [("[]", kind) for _, kind in values])
        if not sets_of.same_calls(single, self._plan(empty)):
            return "DuckDB resolves its functions otherwise in one statement"
        if self._described(empty)[1:] != self._described(self._text(lambda place, _: plans.mark(place))):
            return "its columns have other types in one statement"
        text = sets_of.set_text(text, [(f"${number}", kind) for number, kind in values])
        return SetStatement(text, partial(_bound, self._binding, self._with_null(single)), one_row=True)

    def _why_not(self, single: BoundPlan) -> str:
        if single.order:
            return f"its answer may depend on the order of rows: {single.order}"
        name = sets_of.unstable(single, self._asking.ask(sets_of.catalog_query(single)))
        if name:
            return f"{name}() may give something else for each execution"
        if any(row[0] != "true" for row in self._asking.ask(SUBQUERIES)):
            return "scalar_subquery_error_on_multiple_rows is off"
        return ""

    def _with_null(self, single: BoundPlan) -> list[str]:
        """The names of the parameters whose values may be NULL."""
        found: list[str] = []
        for number, name in enumerate(self._binding.parameters, 1):
            text = self._text(lambda place, other, null=number: "NULL" if other == null else plans.mark(place))  # type: ignore[misc]
            try:
                same = sets_of.same_with_null(single, self._plan(text))
            except plans.NoPlan:
                same = False
            found += [name] if same else []
        return found

    def _text(self, value: Callable[[int, int], str]) -> str:
        """The query with `value(place, number of the parameter)` for each value, counted from 0 and from 1."""
        places = count()

        def write(name: str, number: int) -> str:
            written = value(next(places), number)
            return self._cast.format(written, self._types[name]) if name in self._types else written

        return self._binding.together(write)

    def _name(self, place: int) -> str:
        return self._binding.parameters[self._places[place] - 1]

    def _plan(self, text: str) -> BoundPlan:
        ((answer,),) = self._asking.ask(plans.plan_query(text))
        return plans.read_plan(str(answer))

    def _described(self, text: str) -> list[object]:
        return [row[1] for row in self._asking.ask(f"DESCRIBE {text}")]


def _bound(binding: Binding, nullable: Sequence[str], sets: Sequence[ParameterSet]) -> Any:
    """The values of each parameter in all sets, as one list.

    Raises:
        ValueError: some have types of Python's, which DuckDB would unify, or a NULL would change the type of a result.
    """
    arrays = binding.arrays(sets)
    for name, values in zip(binding.parameters, arrays, strict=True):
        kinds = set(map(type, values))
        if not kinds <= TEXTS:
            raise ValueError(f":{name} is not text")
        if type(None) in kinds and name not in nullable:
            raise ValueError(f":{name} is NULL, which may change the type of a result")
    return list(map(list, arrays))
