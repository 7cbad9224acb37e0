"""The text of a query with `$1`, `$2`, ... for its parameters, and the server's errors about it with the author's names."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg

from bulkq.dialects import postgresql
from bulkq.dialects.postgresql_text_cast import Conversion, InputMethod
from bulkq.errors import DatabaseError
from bulkq.model import Phase, PlaceholderKind
from bulkq.query import render

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from bulkq.dialects.postgresql_text_cast import ParameterType
    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession
    from bulkq.model import Parameter, Placeholder, Query

DECLARE = 'declare its type, as in "-- name: NAME(id: bigint)", or write a cast, as in :id::bigint'
NO_TYPE = frozenset({"42P18", "42P08"})


class NumberedText:
    """The user's text with `$n`: as it is first asked about, and with conversions once the types (`kinds`) are known."""

    def __init__(
        self,
        query: Query,
        idents: Mapping[str, str],
        kinds: list[ParameterType] | None = None,
        *,
        typed: bool = False,
        place: Callable[[int], str] = "${}".format,
    ) -> None:
        self.query = query
        self.numbers: dict[str, int] = {}
        self._parameters = {parameter.name: parameter for parameter in query.parameters}
        self._idents = idents
        self._kinds = kinds
        self._typed = typed
        self._place = place
        self.rendered = render(query, self._write)

    @property
    def together(self) -> tuple[str, tuple[str, ...]]:
        """The text in which the values come from arrays, with the types of their elements."""
        types = tuple(kind.cast if self._typed else "text" for kind in self._kinds or ())
        other = NumberedText(self.query, self._idents, self._kinds, typed=self._typed, place=postgresql.set_value)
        return other.rendered.text, types

    @property
    def array(self) -> str:
        """The name of a parameter whose values are arrays of Python; "" if there is none. `unnest` would take them apart."""
        pairs = zip(self.numbers, self._kinds or (), strict=True) if self._typed else ()
        return next((name for name, kind in pairs if kind.delimiter is not None), "")

    def conversion(self, parameter: Parameter, kind: ParameterType) -> Conversion:
        """How text becomes the type of a parameter: as declared, else as the server found."""
        declared = None if parameter.type is None else _declared(parameter)
        return kind.conversion(declared, is_list=parameter.kind is PlaceholderKind.LIST)

    def _write(self, place: Placeholder) -> str:
        if place.kind is PlaceholderKind.IDENTIFIER:
            return self._idents[place.name]
        number = self.numbers.setdefault(place.name, len(self.numbers) + 1)
        value = self._value(self._parameters[place.name], number)
        if (
            place.kind is not PlaceholderKind.LIST
        ):  # `$1::int[][1]` would be a cast to another type, and FETCH takes no cast
            return f"({value})" if "::" in value else value
        return f"<> ALL({value})" if place.negated else f"= ANY({value})"

    def _value(self, parameter: Parameter, number: int) -> str:
        if self._kinds is None:
            return f"${number}" if parameter.type is None else f"${number}::{_declared(parameter)}"
        place = self._place(number)
        kind = self._kinds[number - 1]
        if not self._typed:
            source = "text[]" if parameter.kind is PlaceholderKind.LIST else "text"
            return self.conversion(parameter, kind).of(f"{place}::{source}")
        if parameter.type is None:
            return place
        if not kind.cuts(parameter.type):
            return f"{place}::{_declared(parameter)}"
        return Conversion(_declared(parameter), InputMethod.RECORD).of(f"{place}::{kind.cast}")


def _declared(parameter: Parameter) -> str:
    """The declared type as SQL, of a list's array."""
    declared = str(parameter.type)
    is_list = parameter.kind is PlaceholderKind.LIST and not declared.endswith("]")
    return f"{declared}[]" if is_list else declared


@contextmanager
def author_names(session: AsyncpgSession, text: NumberedText) -> Generator[None, None, None]:
    """Give an error of the server about `text` the author's names."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if session.is_closed() or not error.sqlstate or error.sqlstate[:2] in {"57", "55", "08", "53"}:
            raise
        raise _refusal(error, text) from error


def _refusal(error: asyncpg.PostgresError, text: NumberedText) -> DatabaseError:
    """The server's words, with the author's names for the parameters."""
    at = int(error.position) - 1 if error.position else None
    names = {f"${number}": f":{name}" for name, number in text.numbers.items()}
    return DatabaseError(
        re.sub(r"\$\d+", lambda found: names.get(found[0], found[0]), error.args[0]),
        sqlstate=error.sqlstate,
        phase=Phase.PREPARING,
        offset=None if at is None else text.rendered.offset(at),
        hint=DECLARE if error.sqlstate in NO_TYPE else error.hint,
    )
