"""DuckDB: find the parameters that it converts to integers, and refuse their texts that would become another number."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bulkq.dialects import duckdb_bound_plan as plans
from bulkq.dialects import duckdb_integer_text as texts
from bulkq.model import BadValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkq.drivers.bind_parameters import Binding
    from bulkq.drivers.dbapi.adapter_return_types import Probe
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.model import ParameterSet, Query


def guard(asking: Probe, query: Query, binding: Binding, cast: str) -> None:
    """From now on `binding` refuses the values of `query` that DuckDB would convert to another integer.

    Args:
        asking: the session, in a transaction.
        query: that DuckDB can prepare.
        binding: of the query.
        cast: how a declared type is written, `CAST({} AS {})`.
    """
    declared = {p.name: p.type.removesuffix("[]") for p in query.parameters if p.type}
    names = _integers(asking, binding, declared, cast)
    if not names:
        return
    binding.converters = {name: texts.converter(declared=name in declared) for name in names}
    indexes = [i for i, parameter in enumerate(query.parameters) if parameter.name in names]
    binding.are_plain = partial(texts.are_plain, indexes=indexes)


def bad_values(statement: SqlStatement, sets: Sequence[ParameterSet]) -> Iterator[BadValue]:
    """The values that `guard` refuses."""
    for index, parameter in enumerate(statement.query.parameters):
        if parameter.name in statement.binding.converters:
            kind = statement.parameter_types[index] or "integer"
            for position, values in enumerate(sets):
                if texts.is_altered(values[index]):
                    yield BadValue(position, index, kind, "22P02", f"the text is not written as {kind}")


def _integers(asking: Probe, binding: Binding, declared: Mapping[str, str], cast: str) -> frozenset[str]:
    """The names of the parameters that become integers somewhere in the text."""
    places: list[str] = []  # the parameter of each place in the text
    found: set[int] = set()

    def write(name: str, _: int) -> str:
        places.append(name)
        written = "'1'" if len(places) - 1 in found else plans.mark(len(places) - 1)
        return cast.format(written, declared[name]) if name in declared else written

    while True:
        places.clear()
        text = binding.together(write)
        if not places:
            return frozenset()
        ((answer,),) = asking.ask(plans.plan_query(text))
        try:
            found |= texts.integer_places(str(answer))
        except plans.NoPlan as error:
            place = texts.refused_place(str(error))
            if place is not None and place not in found:
                found.add(place)
                continue
        return frozenset(places[place] for place in found)
