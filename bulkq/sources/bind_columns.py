"""Assign columns, `--param` values and defaults to the parameters of a query.

Everything that does not fit is found here, before the first row where the columns are known.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from bulkq.errors import ParameterError, join_errors
from bulkq.model import PlaceholderKind
from bulkq.model.frozen_dataclass import frozen
from bulkq.query.placeholders import RANGE
from bulkq.sources.column_feed import WantedColumns
from bulkq.sources.convert_texts import ConversionError, choose_converter, constant_column, convert_default
from bulkq.sources.numeric_texts import choose_scalars
from bulkq.text.message_parts import listed, quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence

    from bulkq.model import Parameter, Query
    from bulkq.sources.column_feed import ColumnBlock
    from bulkq.sources.convert_texts import Converter


@frozen
class Field:
    """One parameter: the index of its column in `WantedColumns.names`, or its value for every set."""

    parameter: Parameter
    column: int | None
    convert: Converter | None
    value: object = None
    is_text: bool = False  # as CSV and --param give it; False: a JSON value, or one of a database


@frozen
class ColumnBinding:
    """The way from the columns of a feed to parameter sets."""

    place: str
    name: str  # of the feed
    fields: tuple[Field, ...]
    wanted: WantedColumns

    def sets(self, block: ColumnBlock) -> list[tuple[object, ...]]:
        """The parameter sets of `block`.

        Raises:
            ParameterError: values that do not convert, a line for each.
        """
        if not self.fields:
            return [()] * block.count
        columns = []
        for field in self.fields:
            if field.column is None:
                columns.append(constant_column(field.value, block.count))
                continue
            column = block.columns[field.column]
            if field.convert is not None:
                try:
                    column = field.convert(column)
                except ConversionError as unfit:
                    raise join_errors(ParameterError, self._complaints(field, block.lines, unfit)) from unfit
            columns.append(column)
        return list(zip(*columns, strict=True))

    def _complaints(self, field: Field, lines: Sequence[int], unfit: ConversionError) -> list[str]:
        name = field.parameter.name
        wrong = [(f"{self.name}:{lines[i]}" if lines else self.name, why) for i, why in unfit.found]
        return [f"{origin}: column {quoted(name)}: {why} (:{name} of {self.place})" for origin, why in wrong]


@frozen
class Terms:
    """What binding needs of the request, beside the columns."""

    query: Query
    constants: Mapping[str, str | None]
    text: bool
    ignore_extra: bool
    others: frozenset[str] = frozenset()
    loose: Mapping[str, Callable[[str], object]] = dataclasses.field(
        default_factory=dict
    )  # see `bulkq.sources.numeric_texts`

    def converter(self, parameter: Parameter, *, plain: bool, typed: bool = False) -> Converter | None:
        """See `bulkq.sources.convert_texts.choose_converter`."""
        return choose_converter(
            parameter, text=self.text, plain=plain, typed=typed, loose=self.loose.get(parameter.name)
        )


IGNORE = "use --extra-columns ignore if no query needs it"


def check_constants(queries: Sequence[Query], constants: Iterable[str]) -> None:
    """Refuse a `--param` that none of the `queries` of a run has a parameter for.

    Raises:
        ParameterError: in one line, with the nearest name.
    """
    names = [p.name for query in queries for p in query.parameters]
    who = f"{queries[0].place} has no parameter" if len(queries) == 1 else "no query has a parameter"
    for name in constants:
        if name not in names:
            raise ParameterError(f"--param {name}: {who} :{name}{suggestion(name, names)}")


def check_columns(where: str, columns: Sequence[str], needed: Container[str], *, ignore: bool) -> None:
    """Refuse columns without a name and two of one name, but where others than `needed` are to be ignored.

    Raises:
        ParameterError: the first of them.
    """
    seen: set[str] = set()
    for number, name in enumerate(columns, 1):
        if not name and not ignore:
            raise ParameterError(f"{where}: column {number} has no name: {IGNORE}")
        if name in seen and (name in needed or not ignore):
            raise ParameterError(
                f"{where}: two columns are named {quoted(name)}{'' if name in needed else f': {IGNORE}'}"
            )
        seen.add(name)


def bind_columns(
    terms: Terms, columns: tuple[str, ...] | None, *, name: str, where: str, plain: bool, typed: bool = False
) -> ColumnBinding:
    """Bind `columns` to the parameters of the query, or all that are not constants where None (JSON).

    Args:
        terms: the query and the constants.
        columns: names in the order of the feed.
        name: of the feed, which starts the message about a value.
        where: starts the message about the columns: `rows.csv:1`.
        plain: see `Feed.plain`.
        typed: see `Feed.native`.

    Raises:
        ParameterError: a parameter without column, a column without parameter, a constant that is no such value.
    """
    if columns is not None:
        needed = {p.name for p in terms.query.parameters} - terms.constants.keys()
        check_columns(where, columns, needed, ignore=terms.ignore_extra)
        _check_unused(terms, columns, where)
    wanted: list[str] = []
    fields: list[Field] = []
    there = None if columns is None else frozenset(columns)
    for parameter in terms.query.parameters:
        fixed = parameter.name in terms.constants or (there is not None and parameter.name not in there)
        if fixed:
            fields.append(Field(parameter, None, None, _fixed(terms, parameter, columns, where), is_text=True))
        else:
            convert = terms.converter(parameter, plain=plain, typed=typed)
            fields.append(Field(parameter, len(wanted), convert, is_text=plain))
            wanted.append(parameter.name)
    return ColumnBinding(terms.query.place, name, tuple(fields), _wanted(terms, wanted))


def _wanted(terms: Terms, names: Sequence[str]) -> WantedColumns:
    known = frozenset(names)
    chosen = [p for p in terms.query.parameters if p.name in known]
    defaults = {p.name: _default(terms, p) for p in chosen if p.has_default}
    secret = tuple(p.name for p in chosen if p.secret)
    constants = frozenset(terms.constants)
    extra, others = terms.ignore_extra, terms.others
    return WantedColumns(
        tuple(names), terms.query.place, defaults, secret, constants, ignore_extra=extra, others=others
    )


def _default(terms: Terms, parameter: Parameter) -> object:
    """The default of `parameter`: text, or where text is not alike, what it becomes."""
    if parameter.name not in terms.loose:
        return parameter.default
    return _constant(terms, parameter, parameter.default, f"default of :{parameter.name}")


def _check_unused(terms: Terms, columns: Sequence[str], where: str) -> None:
    if terms.ignore_extra:
        return
    for name in terms.constants:
        if name in columns:
            raise ParameterError(f"{where}: :{name} is given by --param and by a column: use one of them")
    known = {p.name for p in terms.query.parameters}
    unused = [c for c in columns if c not in known and c not in terms.others]
    given = {*columns, *terms.constants, *(p.name for p in terms.query.parameters if p.has_default)}
    if unused and known <= given:  # otherwise the column that is missing is the news: it may be the one that is unused
        raise ParameterError(f"{where}: {unused_text('column', unused, terms.query.place)}")


def unused_text(noun: str, unused: Sequence[str], place: str, *, advice: bool = True) -> str:
    """The complaint about columns or keys that no parameter takes; `advice` names the option that accepts them."""
    several = len(unused) > 1
    text = f"{noun}{'s' if several else ''} {listed(unused)} {'are' if several else 'is'} not used by {place}"
    return text + (f": remove {'them' if several else 'it'}, or use --extra-columns ignore" if advice else "")


def missing_text(noun: str, name: str, there: Sequence[str], place: str) -> str:
    """The complaint about a parameter that no column or key gives."""
    have = f"there {'is' if len(there) == 1 else 'are'} {listed(there)}" if there else "there is none"
    text = f"no {noun} {quoted(name)} for :{name} of {place}; {have}{_separator_advice(name, there) or suggestion(name, there)}"
    return f"{text}: {for_backfill(place)}" if name == RANGE else text


def _separator_advice(name: str, there: Sequence[str]) -> str:
    """What to do about a header that is one column, because its names are separated otherwise; "" for any other."""
    alone = there[0] if len(there) == 1 else ""
    separator = next((sign for sign in ";\t|" if name in map(str.strip, alone.split(sign)) and sign in alone), "")
    if not separator:
        return ""
    return (
        ": use --params-format tsv"
        if separator == "\t"
        else f": separate the columns by commas, not by {quoted(separator)}"
    )


def for_backfill(place: str) -> str:
    """What to do about a `:range` that has no value."""
    return f"use bulkq backfill {place}, which fills it, or give a value with --param {RANGE}=VALUE"


def _fixed(terms: Terms, parameter: Parameter, columns: tuple[str, ...] | None, where: str) -> object:
    name = parameter.name
    if name in terms.constants:
        return _constant(terms, parameter, terms.constants[name], f"--param {name}")
    if parameter.has_default:
        return _constant(terms, parameter, parameter.default, f"default of :{name}")
    raise ParameterError(f"{where}: {missing_text('column', name, columns or (), terms.query.place)}")


def _constant(terms: Terms, parameter: Parameter, value: str | None, label: str) -> object:
    if value is None and parameter.kind is PlaceholderKind.IDENTIFIER:
        raise ParameterError(
            f"{label}: NULL is not an identifier: write a name (:{{{parameter.name}}} of {terms.query.place})"
        )
    convert = terms.converter(parameter, plain=True)
    if convert is None or (value is None and parameter.kind is not PlaceholderKind.LIST):
        return value
    try:
        return convert([value])[0]
    except ConversionError as unfit:
        raise ParameterError(f"{label}: {unfit} (:{parameter.name} of {terms.query.place})") from unfit


def bind_mappings(query: Query, *, dynamic: bool = False) -> ColumnBinding:
    """Bind the mappings of the Python API: values stay as they are, text defaults get their declared type.

    `dynamic` is that of `open_source`; it counts for defaults without a type.
    """
    loose = choose_scalars(query) if dynamic and any(p.has_default for p in query.parameters) else {}
    fields = tuple(Field(p, i, None) for i, p in enumerate(query.parameters))
    defaults: dict[str, object] = {}
    for p in query.parameters:
        if p.has_default:
            convert = convert_default(p, loose.get(p.name))
            defaults[p.name] = p.default if p.default is None or convert is None else convert([p.default])[0]
    names = tuple(p.name for p in query.parameters)
    wanted = WantedColumns(names, query.place, defaults, advice=False)
    return ColumnBinding(query.place, "", fields, wanted)
