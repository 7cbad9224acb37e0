"""How a query and its parameter sets become what SQLite takes. Called by `bulkq.drivers.sqlite_session`."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, repeat
from operator import itemgetter
from typing import TYPE_CHECKING
from uuid import UUID

from bulkq import query as queries
from bulkq.model import PlaceholderKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bulkq.model import ParameterSet, Placeholder, Query

    Call = tuple[str, tuple[object, ...]]
    """A statement's text and the values for its placeholders, as `sqlite3.Cursor.execute` takes them."""

NATIVE = frozenset({int, float, str, bytes, bool, type(None), bytearray, memoryview})
LARGEST = 2**63 - 1
KEPT_TEXTS = 256
"""Texts kept per statement with lists; each combination of lengths has its own."""


class _Unencodable:
    """Stands for a value that has no form in SQLite, so that `sqlite3` refuses the set it is in."""


_UNENCODABLE = _Unencodable()


class Binding:
    """The text of one query with its identifiers filled in, and the way from a parameter set to its values.

    Placeholders become `?` where each parameter stands in the text once, else `?1`, `?2`: the same parameter must
    stay the same variable, because SQLite compares expressions by their text (ORDER BY terms of a compound SELECT).

    Args:
        query: the query.
        identifiers: the quoted text of every `:{name}`.
        typed: the sets may hold Python values that SQLite has no type for.
    """

    def __init__(self, query: Query, identifiers: Mapping[str, str], *, typed: bool) -> None:
        self._query = query
        self._identifiers = identifiers
        self._typed = typed
        bound = [p for p in query.placeholders if p.kind is not PlaceholderKind.IDENTIFIER]
        names = list(dict.fromkeys(p.name for p in bound))
        index = {p.name: i for i, p in enumerate(query.parameters)}
        self._used = tuple(index[name] for name in names)
        self._names = names
        self._lists = frozenset(p.name for p in bound if p.kind is PlaceholderKind.LIST)
        self._numbered = bool(self._lists) or len(names) < len(bound)
        self._texts: dict[tuple[int, ...], str] = {}
        self.sample = self.text(dict.fromkeys(self._lists, 1))
        """The text with one value in each list; to ask SQLite about."""
        self.nulls: tuple[None, ...] = (None,) * len(names)

    def text(self, lengths: Mapping[str, int]) -> str:
        """The statement with `lengths[name]` placeholders for each list."""
        key = tuple(lengths.values())
        if key not in self._texts:
            if len(self._texts) >= KEPT_TEXTS:
                self._texts.clear()
            self._texts[key] = self._rendered(lengths).text
        return self._texts[key]

    def offset(self, position: int) -> int:
        """The offset in `Query.sql` of `position` in `sample`."""
        return self._rendered(dict.fromkeys(self._lists, 1)).offset(position)

    def calls(self, sets: Sequence[ParameterSet]) -> Iterable[Call]:
        """Text and values of every set, in order. Never raises: what cannot be encoded, `sqlite3` refuses."""
        if self._lists:
            return map(self._call_with_lists, sets)
        values = self._converted(sets) if self._typed else sets
        if sets and self._used != tuple(range(len(sets[0]))):
            values = map(_projection(self._used), values)
        return zip(repeat(self.sample), values, strict=False)

    def complaint(self, values: ParameterSet) -> str | None:
        """Why `values` cannot be encoded: the parameter, not its value, which may be secret. None: they can."""
        for index, name in zip(self._used, self._names, strict=True):
            items = _items(values[index]) if name in self._lists else [values[index]]
            if items is None:
                return f":{name} is not a JSON array"
            if not items:
                return f":{name} is an empty list"
            for item in map(to_native, items):
                if why := _unfit(item):
                    return f":{name} {why}"
        return None

    def _rendered(self, lengths: Mapping[str, int]) -> queries.Rendered:
        starts = dict(zip(self._names, _starts(lengths.get(name, 1) for name in self._names), strict=True))
        return queries.render(self._query, self._writer(starts, lengths))

    def _writer(self, starts: Mapping[str, int], lengths: Mapping[str, int]) -> Callable[[Placeholder], str]:
        def write(placeholder: Placeholder) -> str:
            name = placeholder.name
            match placeholder.kind:
                case PlaceholderKind.IDENTIFIER:
                    return self._identifiers[name]
                case PlaceholderKind.VALUE:
                    return f"?{starts[name]}" if self._numbered else "?"
                case PlaceholderKind.LIST:
                    numbers = range(starts[name], starts[name] + lengths[name])
                    return f"{'NOT ' if placeholder.negated else ''}IN ({', '.join(f'?{n}' for n in numbers)})"

        return write

    def _call_with_lists(self, values: ParameterSet) -> Call:
        lengths: dict[str, int] = dict.fromkeys(self._lists, 1)
        flat: list[object] = []
        for index, name in zip(self._used, self._names, strict=True):
            value = values[index]
            if name in lengths:
                items = _items(value) or [_UNENCODABLE]
                lengths[name] = len(items)
                flat.extend(map(to_native, items))
            else:
                flat.append(to_native(value))
        return self.text(lengths), tuple(flat)

    def _converted(self, sets: Sequence[ParameterSet]) -> Iterable[ParameterSet]:
        """The sets with every value in a form that SQLite stores; the sets themselves where they are so already."""
        kinds = set(map(type, chain.from_iterable(sets)))
        return sets if kinds <= NATIVE else (tuple(map(to_native, values)) for values in sets)


def to_native(value: object) -> object:
    """`value` as SQLite stores it: dates as SQLite's own functions write them, numerics and the rest as text.

    What is not known stays as it is, and `sqlite3` refuses it. https://sqlite.org/lang_datefunc.html
    """
    if type(value) in NATIVE:
        return value
    match value:
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case timedelta():
            return value.total_seconds()
        case list() | tuple() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return value


def quoted(name: str) -> str:
    """`name` as an identifier. In backquotes: SQLite takes an unknown name in double quotes for a string.

    https://sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
    """
    return f"`{name.replace('`', '``')}`"


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


def _items(value: object) -> list[object] | None:
    """The members of a list value, `[None]` for NULL, None where it is no list."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if value is None:
        return [None]
    return list(value) if isinstance(value, list | tuple | set | frozenset) else None


def _unfit(value: object) -> str | None:
    if isinstance(value, int) and not -LARGEST - 1 <= value <= LARGEST:
        return "is an integer of more than 64 bits, which SQLite cannot store: send it as text"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            return f"is not valid Unicode: lone surrogate at character {error.start + 1}"
    if not isinstance(value, int | float | str | bytes | bytearray | memoryview | None):
        return f"is a {type(value).__name__}, which SQLite cannot store"
    return None
