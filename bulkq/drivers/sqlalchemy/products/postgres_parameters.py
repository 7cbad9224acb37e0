"""The types of a query's parameters, as PostgreSQL tells them to any DB-API library, and what follows for their marks and values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.drivers.asyncpg import wrapping
from bulkq.drivers.asyncpg.conversion import TYPES, Conversion, ParameterType, Way
from bulkq.drivers.lists import list_of_text
from bulkq.model import BadValue, PlaceholderKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.drivers.binding import Binding
    from bulkq.drivers.sqlalchemy.products.product import Ask, Asking
    from bulkq.model import Parameter, ParameterSet, Query

PREPARE = "PREPARE bulkq_probe AS "
DESCRIBE = "SELECT parameter_types::oid[]::text FROM pg_catalog.pg_prepared_statements WHERE name = 'bulkq_probe'"


class ParameterTypes:
    """Asks sessions of one server about the types of parameters, and remembers them."""

    def __init__(self) -> None:
        self._known: dict[int, ParameterType] = {}

    def prepared(self, asking: Asking, probe: Binding) -> dict[str, ParameterType]:
        """The types of the parameters of `probe`, whose marks are `$1`, `$2`, ...; a list has the type of its elements.

        Raises:
            Exception: the library's, if the server refuses the text.
        """
        asking.ask(PREPARE + probe.sample)
        try:
            ((oids,),) = asking.ask(DESCRIBE)
        finally:
            asking.ask("DEALLOCATE bulkq_probe")
        return self._types(asking, probe.names, list_of_text(oids))

    def declared(self, asking: Asking, query: Query) -> dict[str, ParameterType]:
        """The declared types of a statement that PREPARE does not take.

        Raises:
            Exception: the library's, if the server does not know one.
        """
        names = [p.name for p in query.parameters if p.type]
        if not names:
            return {}
        kinds = (f"pg_catalog.pg_typeof(NULL::{_declared(p)})::oid::int8" for p in query.parameters if p.type)
        (oids,) = asking.ask(f"SELECT {', '.join(kinds)}")
        return self._types(asking, names, oids)

    def _types(self, asking: Asking, names: Sequence[str], given: Sequence[object]) -> dict[str, ParameterType]:
        oids = [int(str(oid)) for oid in given]
        unknown = set(oids) - self._known.keys()
        if unknown:
            rows = asking.ask(TYPES.format(wrapping.literal(f"{{{','.join(map(str, unknown))}}}")))
            self._known |= {kind.oid: kind for kind in map(ParameterType.of, rows)}
        return {name: self._known[oid] for name, oid in zip(names, oids, strict=True)}


def casts(query: Query, types: Mapping[str, ParameterType]) -> dict[str, Callable[[str], str]]:
    """How the marks of parameters are written where the cast of a literal would cut its text."""
    call = query.verb == "CALL"
    pairs = ((p.name, _cast(p, types[p.name], call=call)) for p in query.parameters if p.name in types)
    return {name: cast for name, cast in pairs if cast is not None}


def _cast(parameter: Parameter, kind: ParameterType, *, call: bool) -> Callable[[str], str] | None:
    """How a mark is written; None: as any other. It is written once, because some libraries want a value for each mark."""
    declared = _declared(parameter)
    found = kind.conversion(declared, is_list=False)
    if found.way is Way.CAST and kind.items is Way.CAST:
        return None
    if call and found.way is not Way.RECORD:
        return (
            str  # an argument of CALL takes no subquery, and converts a mark without a type as the input function does
        )
    source = kind.cast if declared and kind.delimiter and kind.cuts(declared) else "text"
    return lambda mark: Conversion(found.cast, Way.RECORD).of(f"{mark}::{source}")


def _declared(parameter: Parameter) -> str | None:
    """The declared type of a value, or of each value of a list."""
    is_list = parameter.kind is PlaceholderKind.LIST
    return parameter.type.removesuffix("[]") if parameter.type and is_list else parameter.type


def check(ask: Ask, query: Query, types: Sequence[str], sets: Sequence[ParameterSet]) -> list[BadValue]:
    """The values that PostgreSQL 16 and later would not convert."""
    found: list[BadValue] = []
    for index, parameter in enumerate(query.parameters):
        if not types[index] or parameter.kind is not PlaceholderKind.VALUE:
            continue
        values = [(i, str(v[index])) for i, v in enumerate(sets) if v[index] is not None]
        if not values:
            continue
        for at, state, message in ask(_soft(values, parameter.type or types[index])):
            position = int(str(at))
            shown = str(message).replace(dict(values)[position], "***") if parameter.secret else str(message)
            found.append(BadValue(position, index, types[index], str(state), shown))
    return sorted(found, key=lambda bad: (bad.position, bad.parameter))


def _soft(values: Sequence[tuple[int, str]], kind: str) -> str:
    rows = ", ".join(f"({i}, {wrapping.literal(value)})" for i, value in values)
    return (
        f"SELECT v.n, e.sql_error_code, e.message FROM (VALUES {rows}) AS v(n, value), "
        f"LATERAL pg_input_error_info(v.value, {wrapping.literal(kind)}) AS e WHERE e.sql_error_code IS NOT NULL ORDER BY v.n"
    )
