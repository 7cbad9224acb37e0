"""Prepare a query: first the user's text alone, then the text inside bulkq's wrapper.

Nothing is guessed from the SQL: the first answer gives errors, parameter types and result columns, the second
says which wrapper the server takes.
"""

from __future__ import annotations

import re
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from bulkq.dialects import postgresql
from bulkq.dialects.postgresql_text_cast import TYPES, Conversion, InputMethod, ParameterType
from bulkq.drivers import check_extension_objects, parameter_limit
from bulkq.drivers.asyncpg.catalog import quote_identifiers, read_types
from bulkq.drivers.asyncpg.pg_types import JSON, JSONB, NUMERIC
from bulkq.drivers.asyncpg.result_value_forms import (
    choose_converters,
    describe_column,
    find_printed_types,
    write_expression,
)
from bulkq.drivers.asyncpg.statement import (
    ROWCOUNT,
    AsyncpgStatement,
    Recipe,
    StatementForm,
    StatementShape,
    exact,
    json_text,
)
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import Decoding, Phase, PlaceholderKind, StatementClass
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.batch_form import why_apart
from bulkq.query import render
from bulkq.text.array_literals import list_of_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence

    from asyncpg.prepared_stmt import PreparedStatement

    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession
    from bulkq.drivers.asyncpg.pg_types import PgType
    from bulkq.drivers.asyncpg.statement import ArgumentConverter
    from bulkq.model import Column, Parameter, Placeholder, Query

DECLARE = 'declare its type, as in "-- name: NAME(id: bigint)", or write a cast, as in :id::bigint'
NO_TYPE = frozenset({"42P18", "42P08"})


@frozen
class PrepareRequest:
    """What `prepare` was asked for."""

    query: Query
    decoding: Decoding
    typed: bool
    identifiers: Mapping[str, str]


FIRST_OWN = 16384
"""Oids from here on are not the server's own (FirstNormalObjectId): asyncpg has to look such types up."""


class Describer:
    """Asks one session. `name` makes a new statement name, or the empty one through a pooler."""

    def __init__(
        self,
        session: AsyncpgSession,
        known: dict[int, PgType],
        name: Callable[[], str],
        *,
        pooled: bool,
        path: Sequence[str],
        lock_timeout_s: float | None = None,
    ) -> None:
        self._session = session
        self._known = known
        self._name = name
        self._pooled = pooled
        self._path = path
        self._lock_timeout_s = lock_timeout_s

    async def describe(self, wanted: PrepareRequest) -> AsyncpgStatement:
        """The statement of a query. In the transaction of the questions nothing of the user's is executed.

        Raises:
            DatabaseError: the server refuses the text or a name.
            RefusedError: it has too many parameters, or has to run outside a transaction and a pooler is in between.
            asyncpg.PostgresError, InterfaceError, OSError: the session broke.
        """
        query = wanted.query
        parameter_limit.ASYNCPG.refuse(query, parameter_limit.count_of(query))
        if not query.transaction and self._pooled:
            raise RefusedError(
                f"{query.place}: runs outside a transaction, where a pooler keeps no timeouts: connect to the server itself"
            )
        idents = await quote_identifiers(self._session, wanted.identifiers)
        async with self._question():
            first = await self._user(_NumberedText(query, idents), "", (), guard=query.schema is not None)
            modifiers, text, taken = self._session.modifiers, None, None
            if not self._path:  # with a path, the names of types would depend on it
                text = await self._described(wanted, idents, first, modifiers)
                taken = await self._taken(text)
        if text is None:
            text = await self._described(wanted, idents, first, modifiers)
        return await self._accepted(wanted, text, taken)

    async def _described(
        self, wanted: PrepareRequest, idents: Mapping[str, str], first: PreparedStatement, modifiers: Sequence[int]
    ) -> _DescribedText:
        """What the server tells of the user's text, which it has prepared as `first`."""
        attributes = [(attribute.name, attribute.type.oid) for attribute in first.get_attributes()]
        if len(modifiers) != len(attributes):
            modifiers = [-1] * len(attributes)
        await read_types(self._session, [oid for _, oid in attributes], self._known)
        kinds = await self._parameter_types([kind.oid for kind in first.get_parameters()])
        columns = tuple(
            describe_column(name, self._known[oid], wanted.decoding, modifier)
            for (name, oid), modifier in zip(attributes, modifiers, strict=True)
        )
        numbered = _NumberedText(wanted.query, idents, kinds, typed=wanted.typed)
        shape = self._shape(wanted, numbered, kinds, columns, tuple(self._known[oid] for _, oid in attributes))
        return _DescribedText(numbered, shape, deque(_wrappers(wanted, shape)))

    async def again(self, wanted: PrepareRequest, recipe: Recipe) -> AsyncpgStatement | None:
        """What another session of the same server has found out, prepared here in two round trips.

        None: it is to be described from the start, because the schema has changed or has types that asyncpg must look up.
        """
        if any(oid >= FIRST_OWN for oid in (*recipe.shape.parameters, *(kind.oid for kind in recipe.shape.kinds))):
            return None
        try:
            if self._path or self._session.local:
                async with self._question():
                    handle = await self._session.prepare_printed(recipe.sql, self._name(), recipe.shape.printed)
            else:
                handle = await self._session.prepare_printed(recipe.sql, self._name(), recipe.shape.printed)
                # asyncpg ends it with a flush, not a sync: the server is still in the transaction of the parse, with a snapshot,
                # and would take a BEGIN of another isolation level for one that comes too late.
                await self._session.execute("SELECT")
        except asyncpg.PostgresError:
            if self._session.is_closed():
                raise
            return None
        return AsyncpgStatement(wanted.query, recipe.shape, handle, typed=wanted.typed, single=recipe.single)

    async def share(self, statement: AsyncpgStatement) -> None:
        """Prepare the statement for all sets of a batch, unless the server refuses it or it would give other answers."""
        question = postgresql.why_apart(statement.shape.text)
        async with self._question():
            try:
                handle = await self._session.prepare_printed(
                    statement.shape.together, self._name(), statement.shape.printed
                )
                statement.apart = await self._session.fetchval(question) or ""
                statement.together = None if statement.apart else handle
            except asyncpg.PostgresError as error:
                if self._session.is_closed():
                    raise
                statement.apart = f"the server refuses it as one statement: {error.args[0]}"

    async def _parameter_types(self, oids: Sequence[int]) -> list[ParameterType]:
        rows = await self._session.fetch(TYPES.format("$1"), oids) if oids else []
        found = {kind.oid: kind for kind in map(ParameterType.of, rows)}
        return [found[oid] for oid in oids]

    def _shape(
        self,
        wanted: PrepareRequest,
        text: _NumberedText,
        kinds: list[ParameterType],
        columns: tuple[Column, ...],
        results: tuple[PgType, ...],
    ) -> StatementShape:
        parameters = wanted.query.parameters
        places = {parameter.name: index for index, parameter in enumerate(parameters)}
        found = dict(zip(text.numbers, kinds, strict=True))
        return StatementShape(
            text=text.rendered.text,
            form=StatementForm.PLAIN,
            columns=columns or ROWCOUNT,
            kinds=results,
            bound=tuple(places[name] for name in text.numbers),
            parameters=tuple(kind.oid for kind in kinds) if wanted.typed else (),
            casts=tuple(text.conversion(parameters[places[name]], found[name]) for name in text.numbers),
            types=tuple(found[p.name].name if p.name in found else "" for p in parameters),
            convert=tuple(_converter(parameters[places[n]], found[n], typed=wanted.typed) for n in text.numbers),
            printed=find_printed_types(results, wanted.decoding),
            decode=choose_converters(results, wanted.decoding, wrapped=False),
            iso=wanted.decoding is Decoding.JSON,
            changes=wanted.query.statement is not StatementClass.READ,
        )

    async def _accepted(
        self, wanted: PrepareRequest, text: _DescribedText, taken: tuple[StatementForm, PreparedStatement] | None
    ) -> AsyncpgStatement:
        """The statement in the first wrapper that the server takes, or without one; `taken` is a wrapper that it has taken."""
        query, shape = wanted.query, text.shape
        while taken is None and text.wrappers:
            async with self._question():
                taken = await self._taken(text)
        if taken is not None:
            form, handle = taken
            decode = choose_converters(shape.kinds, wanted.decoding, wrapped=True)
            apart = _why_apart(wanted, text.numbered, form)
            together = "" if apart else postgresql.set_rows(*text.numbered.together, _items(wanted, shape))
            shape = replace(shape, form=form, decode=decode, together=together, apart=apart)
            return AsyncpgStatement(query, shape, handle, typed=wanted.typed, single=False)
        async with self._question():
            handle = await self._user(text.numbered, self._name(), shape.printed)
        shape = replace(shape, apart=_why_apart(wanted, text.numbered, shape.form))
        return AsyncpgStatement(query, shape, handle, typed=wanted.typed, single=not query.transaction)

    async def _taken(self, text: _DescribedText) -> tuple[StatementForm, PreparedStatement] | None:
        """The next wrapper of `text`, prepared; None if there is none or the server refuses it, which ends the transaction."""
        if not text.wrappers:
            return None
        form, sql = text.wrappers.popleft()
        try:
            return form, await self._session.prepare_printed(sql, self._name(), text.shape.printed)
        except asyncpg.PostgresError as error:
            if self._session.is_closed() or not (error.sqlstate or "").startswith(("42", "0A")):
                raise
            return None

    async def _user(
        self, text: _NumberedText, name: str, printed: Collection[int], *, guard: bool = False
    ) -> PreparedStatement:
        """The user's text, prepared in the transaction of a question."""
        sql = text.rendered.text
        try:
            handle = await self._session.prepare_printed(sql, name, printed)
            question = check_extension_objects.question(text.query, sql) if guard else None
            if question is not None:
                check_extension_objects.refuse(text.query, await self._session.fetch(question))
        except asyncpg.PostgresError as error:
            if self._session.is_closed() or not error.sqlstate or error.sqlstate[:2] in {"57", "55", "08", "53"}:
                raise
            raise _refusal(error, text) from error
        return handle

    @asynccontextmanager
    async def _question(self) -> AsyncGenerator[None, None]:
        """A read-only transaction, in which the server parses. What asyncpg changes in the session to look at types ends with it."""
        await self._session.execute(postgresql.describing(self._path, self._lock_timeout_s, self._session.local))
        try:
            yield
        finally:
            if not self._session.is_closed():
                await self._session.execute("ROLLBACK")


def _why_apart(wanted: PrepareRequest, text: _NumberedText, form: StatementForm) -> str:
    """Why there is no one statement for all sets of a batch, as far as it is known without the server; "" if there is."""
    why = why_apart(wanted.query)
    if why or form is StatementForm.ROWS:
        return why or (f":{text.array} is an array" if text.array else "")
    return "it returns no columns" if form is StatementForm.COUNT else "the server does not take it as a subquery"


def _wrappers(wanted: PrepareRequest, shape: StatementShape) -> Iterable[tuple[StatementForm, str]]:
    """The wrappers that the server may take, the likeliest first."""
    if not wanted.query.transaction:
        return []
    ordinal = len(shape.bound) + 1
    if not shape.kinds and wanted.query.one_set:
        return []  # the command tag has the count, and RETURNING would give the wrapper a row for each changed one
    if not shape.kinds:
        return [(StatementForm.COUNT, postgresql.counted(shape.text, ordinal))]
    items = _items(wanted, shape)
    ways = [postgresql.rows, postgresql.changed_rows]
    if shape.changes:
        ways.reverse()
    return [(StatementForm.ROWS, way(shape.text, ordinal, items)) for way in ways]


def _items(wanted: PrepareRequest, shape: StatementShape) -> list[str]:
    """The select list of a wrapper."""
    aliases = postgresql.names(len(shape.kinds))
    return [write_expression(f"q.{a}", k, wanted.decoding) for a, k in zip(aliases, shape.kinds, strict=True)]


@frozen
class _DescribedText:
    """The user's text with conversions, what the server tells of it, and the wrappers that are left to try."""

    numbered: _NumberedText
    shape: StatementShape
    wrappers: deque[tuple[StatementForm, str]]


class _NumberedText:
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
        other = _NumberedText(self.query, self._idents, self._kinds, typed=self._typed, place=postgresql.set_value)
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
        if place.kind is not PlaceholderKind.LIST:
            return value
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


def _converter(parameter: Parameter, kind: ParameterType, *, typed: bool) -> ArgumentConverter | None:
    if not typed:
        return list_of_text if parameter.kind is PlaceholderKind.LIST else kind.from_json
    if parameter.kind is PlaceholderKind.LIST:
        return None
    if kind.oid in (JSON, JSONB):
        return json_text
    return exact if kind.oid == NUMERIC else None


def _refusal(error: asyncpg.PostgresError, text: _NumberedText) -> DatabaseError:
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
