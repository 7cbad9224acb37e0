"""Turn a query and its parameter sets into text and arguments for a database library.

What differs between libraries is data: a `Style`.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bulkq import query as queries
from bulkq.model import PlaceholderKind
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.array_literals import list_of_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bulkq.drivers.parameter_limit import ParameterLimit
    from bulkq.model import Parameter, ParameterSet, Placeholder, Query

    Values = Any
    """A tuple, or a mapping where marks have names."""

    Call = tuple[str, Values]
    """A statement's text and the values for its placeholders, as a cursor's `execute` takes them."""

KEPT_TEXTS = 256
"""Texts kept per statement with lists; each combination of lengths has its own."""


class _Unencodable:
    """Stands for a value that has no form in the database, so that the library refuses the set it is in."""


UNENCODABLE = _Unencodable()


@frozen
class Style:
    """How a library writes placeholders and which Python values it takes."""

    once: str  # the mark of a parameter where each stands in the text once; "" where marks always have a number
    again: Callable[[int], str] | None  # a mark with its number, from 1; None where a repeated value is given again
    natives: frozenset[type]  # values that need no look
    convert: Callable[[object], object]  # any other value, to what the library takes
    unfit: Callable[[object], str | None]  # why a converted value is not taken after all
    items: Callable[[object], list[object] | None]  # the members of a list value; None where it is none
    key: Callable[[int], str] | None = None  # of numbered marks: values travel as a mapping with these keys
    percent: bool = False  # in a text with marks, `%` is written `%%`
    cast: str = ""  # `CAST({} AS {})`: the database converts to the declared type; "" where values are converted before
    bound: ParameterLimit | None = None  # of parameters in one statement; None where none is known

    def marks(self, count: int) -> list[str]:
        """The marks of `count` values that each stand in a text once."""
        if self.once or self.again is None:
            return [self.once] * count
        return [self.again(number) for number in range(1, count + 1)]

    def packed(self, values: tuple[object, ...]) -> Values:
        """The values of `marks` as the library takes them."""
        if self.once or self.key is None:
            return values
        return {self.key(number): value for number, value in enumerate(values, 1)}


class Binding:
    """The text of one query with its identifiers filled in, and the way from a parameter set to its values.

    A parameter that stands in the text twice keeps one number where the library knows numbers, because databases compare
    expressions by their text (GROUP BY, ORDER BY of a compound SELECT).

    Args:
        query: the query.
        identifiers: the quoted text of every `:{name}`.
        typed: the sets may hold Python values that the library does not take as they are.
        style: of the library.

    Raises:
        RefusedError: the query has more parameters than the library takes.
    """

    def __init__(self, query: Query, identifiers: Mapping[str, str], *, typed: bool, style: Style) -> None:
        self._query = query
        self.identifiers = identifiers
        self._typed = typed
        self._style = style
        names = [p.name for p in query.placeholders if p.kind is not PlaceholderKind.IDENTIFIER]
        unique = list(dict.fromkeys(names))
        self._numbered = style.again is not None and (not style.once or len(unique) < len(names))
        self.names = unique if self._numbered else names
        if style.bound is not None:
            style.bound.refuse(query, len(self.names))
        index = {p.name: i for i, p in enumerate(query.parameters)}
        self._lists = frozenset(p.name for p in query.placeholders if p.kind is PlaceholderKind.LIST)
        self._casts: dict[str, Callable[[str], str]] = {}
        if style.cast:
            self._casts = {p.name: self._declared(p) for p in query.parameters if p.type}
        self.converters: Mapping[str, Callable[[object], object]] = {}
        """What is made of the values of parameters first; a ValueError says why a value cannot be sent."""

        self.are_plain: Callable[[Sequence[ParameterSet]], bool] | None = None
        """Whether `converters` would give all values of some sets as they are; None where it is not worth asking."""

        self._used = tuple(index[name] for name in self.names)
        self._texts: dict[tuple[int, ...], str] = {}
        self._around = ("", "")
        self.bare = not names
        """Nothing is bound: the library is given no values at all."""

        self.sample = self.text(dict.fromkeys(self._lists, 1))
        """The text with one value in each list; to ask the database about."""

        self.nulls: Values = self._packed((None,) * len(self.names))

    def wrap(self, before: str, after: str) -> None:
        """From now on the statement stands between `before` and `after`."""
        self._around = (before, after)
        self._texts.clear()
        self.sample = self.text(dict.fromkeys(self._lists, 1))

    def cast(self, casts: Mapping[str, Callable[[str], str]]) -> None:
        """From now on a mark of these parameters, or of each value in their lists, is written as their function gives it."""
        self._casts |= casts
        self._texts.clear()
        self.sample = self.text(dict.fromkeys(self._lists, 1))

    def text(self, lengths: Mapping[str, int]) -> str:
        """The statement with `lengths[name]` placeholders for each list."""
        key = tuple(lengths.values())
        if key not in self._texts:
            if len(self._texts) >= KEPT_TEXTS:
                self._texts.clear()
            self._texts[key] = self._rendered(lengths).text.join(self._around)
        return self._texts[key]

    def together(self, write: Callable[[str, int], str]) -> str:
        """The statement with `write(name, number)` where a parameter stands; the numbers count `parameters` from 1.

        A list has one value. `%` is doubled where the library wants that.
        """
        numbers = {name: number for number, name in enumerate(self.parameters, 1)}

        def mark(name: str, _: int) -> str:
            return write(name, numbers[name])

        percent = self._style.percent
        return queries.render(
            self._query, self._writer(numbers, dict.fromkeys(self._lists, 1), mark), doubled_percent=percent
        ).text.join(self._around)

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters in the order in which they first stand in the text, each once."""
        return list(dict.fromkeys(self.names))

    def arrays(self, sets: Sequence[ParameterSet]) -> list[tuple[object, ...]]:
        """The values of each of `parameters` over all `sets`, as the library takes single values."""
        sets = self._all_made(sets)
        values: Iterable[ParameterSet] = self._converted(sets) if self._typed else sets
        used = dict(zip(self.names, self._used, strict=True))
        columns = list(zip(*values, strict=True))
        return [columns[used[name]] for name in self.parameters]

    def offset(self, position: int) -> int:
        """The offset in `Query.sql` of `position` in `sample`."""
        return self._rendered(dict.fromkeys(self._lists, 1)).offset(position)

    def calls(self, sets: Sequence[ParameterSet]) -> Iterable[Call]:
        """Text and values of every set, in order. Never raises: what cannot be encoded, the library refuses."""
        sets = self._all_made(sets)
        if self._lists:
            return map(self._call_with_lists, sets)
        values: Iterable[ParameterSet] = self._converted(sets) if self._typed else sets
        if sets and self._used != tuple(range(len(sets[0]))):
            values = map(_projection(self._used), values)
        return zip(repeat(self.sample), map(self._packed, values) if self._keyed else values, strict=False)

    def complaint(self, values: ParameterSet) -> str | None:
        """Why `values` cannot be encoded: the parameter, not its value, which may be secret. None: they can."""
        count = 0
        for index, name in zip(self._used, self.names, strict=True):
            try:
                value = self._one(name, values[index])
            except ValueError as error:
                return f":{name}: {error}"
            items = self._style.items(value) if name in self._lists else [value]
            if items is None:
                return f":{name} is not a JSON array"
            if not items:
                return f":{name} is an empty list"
            for item in map(self._style.convert, items):
                if why := self._style.unfit(item):
                    return f":{name} {why}"
            count += len(items)
        too_many = self._style.bound and self._style.bound.complaint(count)
        return f"with its lists the set has {too_many}" if too_many else None

    @property
    def typed(self) -> bool:
        """The sets may hold Python values that the library does not take as they are."""
        return self._typed

    @property
    def _keyed(self) -> bool:
        return self._numbered and self._style.key is not None

    def _packed(self, values: tuple[object, ...]) -> Values:
        """The values as the library takes them for a text with numbers."""
        key = self._style.key
        if not self._numbered or key is None:
            return values
        return {key(n): value for n, value in enumerate(values, 1)}

    def _declared(self, parameter: Parameter) -> Callable[[str], str]:
        declared = str(parameter.type)
        kind = declared.removesuffix("[]") if parameter.name in self._lists else declared
        return lambda mark: self._style.cast.format(mark, kind)

    def _rendered(self, lengths: Mapping[str, int]) -> queries.RenderedText:
        starts = dict(zip(self.names, _starts(lengths.get(name, 1) for name in self.names), strict=True))
        percent = self._style.percent and not self.bare
        return queries.render(self._query, self._writer(starts, lengths, self._mark), doubled_percent=percent)

    def _mark(self, name: str, number: int) -> str:
        again = self._style.again
        text = again(number) if self._numbered and again is not None else self._style.once
        return self._casts[name](text) if name in self._casts else text

    def _writer(
        self, starts: Mapping[str, int], lengths: Mapping[str, int], mark: Callable[[str, int], str]
    ) -> Callable[[Placeholder], str]:
        def write(placeholder: Placeholder) -> str:
            name = placeholder.name
            match placeholder.kind:
                case PlaceholderKind.IDENTIFIER:
                    quoted = self.identifiers[name]
                    return quoted.replace("%", "%%") if self._style.percent and not self.bare else quoted
                case PlaceholderKind.VALUE:
                    return mark(name, starts[name])
                case PlaceholderKind.LIST:
                    numbers = range(starts[name], starts[name] + lengths[name])
                    return f"{'NOT ' if placeholder.negated else ''}IN ({', '.join(mark(name, n) for n in numbers)})"

        return write

    def _call_with_lists(self, values: ParameterSet) -> Call:
        lengths: dict[str, int] = dict.fromkeys(self._lists, 1)
        flat: list[object] = []
        for index, name in zip(self._used, self.names, strict=True):
            value = values[index]
            if name in lengths:
                items = self._style.items(value) or [UNENCODABLE]
                lengths[name] = len(items)
                flat.extend(map(self._style.convert, items))
            else:
                flat.append(self._style.convert(value))
        return self.text(lengths), self._packed(tuple(flat))

    def _all_made(self, sets: Sequence[ParameterSet]) -> Sequence[ParameterSet]:
        """The sets with what `converters` make of their values."""
        if not self.converters or (self.are_plain is not None and self.are_plain(sets)):
            return sets
        return [self._made(values) for values in sets]

    def _made(self, values: ParameterSet) -> ParameterSet:
        try:
            return tuple(self._one(p.name, value) for p, value in zip(self._query.parameters, values, strict=True))
        except ValueError:
            return (UNENCODABLE,) * len(values)

    def _one(self, name: str, value: object) -> object:
        convert = self.converters.get(name)
        return value if convert is None or value is None else convert(value)

    def _converted(self, sets: Sequence[ParameterSet]) -> Iterable[ParameterSet]:
        """The sets with every value in a form that the library takes; the sets themselves where they are so already."""
        kinds = set(map(type, chain.from_iterable(sets)))
        if kinds <= self._style.natives:
            return sets
        return (tuple(map(self._style.convert, values)) for values in sets)


def as_text(value: object) -> object:
    """`value` in the form of a type that every library has; what is not known stays as it is."""
    match value:
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case list() | tuple() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return value


def items_of(value: object) -> list[object] | None:
    """The members of a list value, `[None]` for NULL, None where it is no list."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if value is None:
        return [None]
    return list(value) if isinstance(value, list | tuple | set | frozenset) else None


def text_items_of(value: object) -> list[object] | None:
    """The same for a database that converts text: numbers as they are written, and array literals too."""
    if not isinstance(value, str):
        return items_of(value)
    try:
        return list(list_of_text(value))
    except ValueError:
        return None


def _projection(used: tuple[int, ...]) -> Callable[[ParameterSet], ParameterSet]:
    if not used:
        return lambda _: ()
    if len(used) == 1:
        (only,) = used
        return lambda values: (values[only],)
    return itemgetter(*used)


def _starts(lengths: Iterable[int]) -> Iterable[int]:
    at = 1
    for length in lengths:
        yield at
        at += length
