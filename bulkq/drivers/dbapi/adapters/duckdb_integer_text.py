"""DuckDB: find the parameters that it converts to integers or bytes, and refuse their texts that would become another value."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bulkq.dialects import duckdb_blob_text as blobs
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
    """From now on `binding` refuses the values of `query` that DuckDB would convert to another integer or to other bytes.

    Args:
        asking: the session, in a transaction.
        query: that DuckDB can prepare.
        binding: of the query.
        cast: how a declared type is written, `CAST({} AS {})`.
    """
    declared = {p.name: p.type.removesuffix("[]") for p in query.parameters if p.type}
    integers, bytes_, holders = _converted(asking, binding, declared, cast)
    converters = {name: blobs.converter(declared=name in declared, inside=name in holders) for name in bytes_ | holders}
    converters |= {name: texts.converter(declared=name in declared) for name in integers}
    if not converters:
        return
    binding.converters = converters
    places = {parameter.name: i for i, parameter in enumerate(query.parameters)}
    binding.are_plain = partial(
        _are_plain, [places[name] for name in integers], [places[name] for name in converters.keys() - integers]
    )


def _are_plain(integers: Sequence[int], others: Sequence[int], sets: Sequence[ParameterSet]) -> bool:
    return texts.are_plain(sets, integers) and blobs.are_plain(sets, others)


def made(statement: SqlStatement, name: str, values: Sequence[object]) -> Iterator[object]:
    """What DuckDB is given for `values` of the parameter `name`; None for those that are refused."""
    convert = statement.binding.converters.get(name)
    for value in values:
        try:
            yield value if convert is None else convert(value)
        except ValueError:
            yield None


def bad_values(statement: SqlStatement, sets: Sequence[ParameterSet]) -> Iterator[BadValue]:
    """The values that `guard` refuses."""
    for index, parameter in enumerate(statement.query.parameters):
        convert = statement.binding.converters.get(parameter.name)
        if convert is None:
            continue
        kind = statement.parameter_types[index]
        for position, values in enumerate(sets):
            try:
                convert(values[index])
            except ValueError as error:
                integer = texts.is_altered(values[index]) and str(error) not in {blobs.AMBIGUOUS, blobs.INSIDE}
                words = f"the text is not written as {kind or 'integer'}" if integer else str(error)
                state = "22P02" if integer else "22000"  # of which the words are shown
                yield BadValue(position, index, kind or ("integer" if integer else "blob"), state, words)


def _converted(
    asking: Probe, binding: Binding, declared: Mapping[str, str], cast: str
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The names of the parameters that become integers somewhere in the text, bytes, and lists or structs with bytes."""
    written: list[str] = []  # the parameter of each place in the text
    found: set[int] = set()

    def write(name: str, _: int) -> str:
        written.append(name)
        text = "'1'" if len(written) - 1 in found else plans.mark(len(written) - 1)
        return cast.format(text, declared[name]) if name in declared else text

    while True:
        written.clear()
        text = binding.together(write)
        if not written:
            return frozenset(), frozenset(), frozenset()
        ((answer,),) = asking.ask(plans.plan_query(text))
        single: frozenset[int] = frozenset()
        holding: frozenset[int] = frozenset()
        try:
            found |= texts.integer_places(str(answer))
            single, holding = blobs.places(str(answer))
        except plans.NoPlan as error:
            place = texts.refused_place(str(error))
            if place is not None and place not in found:
                found.add(place)
                continue
        integers, bytes_, holders = (frozenset(written[n] for n in numbers) for numbers in (found, single, holding))
        return integers, bytes_ - integers, holders - integers
