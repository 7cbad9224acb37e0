"""Find the types of a query's parameters in PostgreSQL through any DB-API library, and choose placeholders and values."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

from bulkq.dialects import postgresql
from bulkq.dialects.postgresql_bad_texts import BadTextSearch, groups, texts_of
from bulkq.dialects.postgresql_text_cast import TYPES, Conversion, InputMethod, ParameterType
from bulkq.dialects.sqlstates import READ_ONLY
from bulkq.drivers.asyncpg import pg_types
from bulkq.model import BadValue, PlaceholderKind
from bulkq.text.array_literals import list_of_text
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.dialects.postgresql_bad_texts import Entry
    from bulkq.drivers.bind_parameters import Binding
    from bulkq.drivers.dbapi.adapter_return_types import Ask, Probe
    from bulkq.drivers.dbapi.statement import SqlStatement
    from bulkq.model import Parameter, ParameterSet, Query

PREPARE = "PREPARE bulkq_probe_{} AS "
"""Before the text of a statement; the name ends with eight letters, so that an error's place can be told."""

DESCRIBE = "SELECT parameter_types::oid[]::text FROM pg_catalog.pg_prepared_statements WHERE name = 'bulkq_probe_{}'"


class ParameterTypes:
    """Asks sessions of one server about the types of parameters, and remembers them."""

    def __init__(self) -> None:
        self._known: dict[int, ParameterType] = {}

    def prepared(self, asking: Probe, probe: Binding) -> dict[str, ParameterType]:
        """The types of the parameters of `probe`, whose marks are `$1`, `$2`, ...; a list has the type of its elements.

        Raises:
            Exception: the library's, if the server refuses the text.
        """
        name = secrets.token_hex(4)  # a probe that was cancelled before its end has left another in the session
        asking.ask(PREPARE.format(name) + probe.sample)
        try:
            ((oids,),) = asking.ask(DESCRIBE.format(name))
        finally:
            asking.ask(f"DEALLOCATE bulkq_probe_{name}")
        return self._types(asking, probe.names, list_of_text(oids))

    def declared(self, asking: Probe, query: Query) -> dict[str, ParameterType]:
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

    def _types(self, asking: Probe, names: Sequence[str], given: Sequence[object]) -> dict[str, ParameterType]:
        oids = [int(str(oid)) for oid in given]
        unknown = set(oids) - self._known.keys()
        if unknown:
            rows = asking.ask(TYPES.format(postgresql.literal(f"{{{','.join(map(str, unknown))}}}")))
            self._known |= {kind.oid: kind for kind in map(ParameterType.of, rows)}
        return {name: self._known[oid] for name, oid in zip(names, oids, strict=True)}


def bind(query: Query, binding: Binding, types: Mapping[str, ParameterType]) -> None:
    """Write marks and values as their types want them."""
    binding.cast(casts(query, types))
    binding.converters = converters(query, types, typed=binding.typed)


def casts(query: Query, types: Mapping[str, ParameterType]) -> dict[str, Callable[[str], str]]:
    """How the marks of parameters are written where the cast of a literal would cut its text."""
    call = query.verb == "CALL"
    pairs = ((p.name, _cast(p, types[p.name], call=call)) for p in query.parameters if p.name in types)
    return {name: cast for name, cast in pairs if cast is not None}


def _cast(parameter: Parameter, kind: ParameterType, *, call: bool) -> Callable[[str], str] | None:
    """How a mark is written; None: as any other. It is written once, because some libraries want a value for each mark."""
    declared = _declared(parameter)
    found = kind.conversion(declared, is_list=False)
    if found.way is InputMethod.CAST and kind.items is InputMethod.CAST:
        return None
    if call and found.way is not InputMethod.RECORD:
        return (
            str  # an argument of CALL takes no subquery, and converts a mark without a type as the input function does
        )
    source = kind.cast if declared and kind.delimiter and kind.cuts(declared) else "text"
    return lambda mark: f"({Conversion(found.cast, InputMethod.RECORD).of(f'{mark}::{source}')})"


def _declared(parameter: Parameter) -> str | None:
    """The declared type of a value, or of each value of a list."""
    is_list = parameter.kind is PlaceholderKind.LIST
    return parameter.type.removesuffix("[]") if parameter.type and is_list else parameter.type


def conversions(query: Query, types: Mapping[str, ParameterType]) -> dict[str, Conversion]:
    """How text becomes the type of each parameter, or of each value of a list."""
    return {p.name: types[p.name].conversion(_declared(p), is_list=False) for p in query.parameters if p.name in types}


def converters(
    query: Query, types: Mapping[str, ParameterType], *, typed: bool
) -> dict[str, Callable[[object], object]]:
    """What is made of values before the library gets them: arrays of JSON arrays, and JSON of Python's values."""
    pairs = ((p.name, _converter(types[p.name], typed=typed)) for p in values_of(query) if p.name in types)
    return {name: convert for name, convert in pairs if convert is not None}


def values_of(query: Query) -> list[Parameter]:
    """The parameters that are one value each."""
    return [p for p in query.parameters if p.kind is PlaceholderKind.VALUE]


def _converter(kind: ParameterType, *, typed: bool) -> Callable[[object], object] | None:
    if not typed:
        return kind.from_json
    if kind.base in (pg_types.JSON, pg_types.JSONB):
        return _json_text
    return None if kind.delimiter is None else _list


def _json_text(value: object) -> object:
    """JSON of a Python object; a text is JSON already."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _list(value: object) -> object:
    """A tuple is an array too; the libraries would write a record, or JSON."""
    return [_list(item) for item in value] if isinstance(value, (list, tuple)) else value


class TextValidator:
    """Checks texts in an open transaction.

    Args:
        ask: executes a statement and gives its rows.
        fault: SQLSTATE and message of an error that is its value's fault; raises the others.
        soft: the server can say of many values which it would not convert (PostgreSQL 16).
    """

    def __init__(self, ask: Ask, fault: Callable[[Exception], tuple[str, str]], *, soft: bool) -> None:
        self._ask = ask
        self._fault = fault
        self._soft = soft

    def check(self, statement: SqlStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        """The bad values, by position, then by parameter."""
        parameters = statement.query.parameters
        checked = [
            (i, (statement.conversions[p.name], p.kind is PlaceholderKind.LIST, p.secret))
            for i, p in enumerate(parameters)
            if p.name in statement.conversions
        ]
        found: list[BadValue] = []
        for (conversion, is_list, secret), indexes in groups(checked).items():
            convert = statement.binding.converters.get(parameters[indexes[0]].name)
            texts = texts_of(sets, indexes, is_list=is_list, convert=convert)
            bad = [(*texts.sound[i], state, said) for i, state, said in self._bad(conversion, texts.sound)]
            for position, index, value, state, said in (*texts.refused, *bad):
                message = said.replace(value, MASK) if secret and value else said
                found.append(BadValue(position, index, statement.parameter_types[index], state, message))
        return sorted(found, key=lambda bad: (bad.position, bad.parameter))

    def _bad(self, conversion: Conversion, entries: Sequence[Entry]) -> Sequence[tuple[int, str, str]]:
        values = [value for _, _, value in entries]
        if not values:
            return ()
        if self._soft:
            rows, error = self._try(_soft(values, conversion.cast))
            if error is None:
                return [(int(str(at)), str(state), str(message)) for at, state, message in rows]
        search = BadTextSearch(len(values))
        while (span := search.next()) is not None:
            _, error = self._try(_hard(values[span.start : span.stop], conversion))
            search.answer(span, error and (None, *error))
        return search.found

    def _try(self, text: str) -> tuple[list[tuple[object, ...]], tuple[str, str] | None]:
        """Rows, or the error that is a value's fault; the transaction goes on."""
        self._ask("SAVEPOINT bulkq_values")
        try:
            rows = self._ask(text)
        except Exception as error:  # noqa: BLE001 - `fault` raises what is not a value's
            fault = self._fault(error)
            self._ask("ROLLBACK TO SAVEPOINT bulkq_values")
            return [], None if fault[0] == READ_ONLY else fault
        self._ask("RELEASE SAVEPOINT bulkq_values")
        return rows, None


def _soft(values: Sequence[str], kind: str) -> str:
    rows = ", ".join(f"({i}, {postgresql.literal(value)})" for i, value in enumerate(values))
    return (
        f"SELECT v.n, e.sql_error_code, e.message FROM (VALUES {rows}) AS v(n, value), "
        f"LATERAL pg_input_error_info(v.value, {postgresql.literal(kind)}) AS e WHERE e.sql_error_code IS NOT NULL ORDER BY v.n"
    )


def _hard(values: Sequence[str], conversion: Conversion) -> str:
    """A question that fails if one of `values` cannot be converted."""
    rows = ", ".join(f"({postgresql.literal(value)}::text)" for value in values)
    return f"SELECT count({conversion.of('v.value')}) FROM (VALUES {rows}) AS v(value)"


def refuse_as_written(asking: Probe, binding: Binding) -> None:
    """Let the server read the text with values in it, where a library writes them there.

    A constant behind ORDER BY or GROUP BY is the number of a column; a parameter is not. The server refuses NULL there.

    Raises:
        Exception: the library's.
    """
    name = secrets.token_hex(4)
    text = PREPARE.format(name) + binding.sample
    asking.cursor.execute(text) if binding.bare else asking.cursor.execute(text, binding.nulls)
    asking.ask(f"DEALLOCATE bulkq_probe_{name}")


def unwritable(error: UnicodeEncodeError) -> str:
    """Which character the encoding of the session does not have."""
    found = ascii(error.object[error.start])[1:-1]
    return f"the character {found} cannot be sent in the encoding of the session, {error.encoding}"
