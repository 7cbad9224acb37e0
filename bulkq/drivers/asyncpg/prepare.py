"""Prepare a query: first the user's text alone, then the text inside bulkq's wrapper.

Nothing is guessed from the SQL: the first answer gives errors, parameter types and result columns, the second
says which wrapper the server takes.
"""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg

from bulkq.dialects import COPIED_VERBS, postgresql
from bulkq.dialects.postgresql_text_cast import TYPES, ParameterType
from bulkq.drivers import objects_outside_tenant_schema, parameter_limit
from bulkq.drivers.asyncpg.catalog import quote_identifiers, read_types
from bulkq.drivers.asyncpg.integer_fields import find_integer_fields
from bulkq.drivers.asyncpg.numbered_query_text import NumberedText, author_names
from bulkq.drivers.asyncpg.pg_types import INTEGER_ARRAYS, INTEGERS, JSON, JSONB, NUMERICS
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
    has_fraction,
    json_text,
    make_exact,
    types_of,
)
from bulkq.errors import RefusedError
from bulkq.model import Decoding, PlaceholderKind, StatementClass
from bulkq.model.frozen_dataclass import frozen, mutable
from bulkq.policy.batch_form import why_apart
from bulkq.text.array_literals import list_of_text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence

    from asyncpg.prepared_stmt import PreparedStatement

    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession
    from bulkq.drivers.asyncpg.pg_types import PgType
    from bulkq.drivers.asyncpg.statement import ArgumentConverter
    from bulkq.model import Column, Parameter, Query


@frozen
class PrepareRequest:
    """What `prepare` was asked for."""

    query: Query
    decoding: Decoding
    typed: bool
    identifiers: Mapping[str, str]


@mutable
class _DescribingTransaction:
    """A transaction in which the server parses.

    Attributes:
        followed: something follows on the session at once, whose first message ends the transaction, unless there was an error.
    """

    followed: bool


FIRST_OWN = 16384
"""Oids from here on are not the server's own (FirstNormalObjectId): asyncpg has to look such types up."""


class Describer:
    """Asks one session. `name` makes a new statement name, or the empty one through a pooler.

    `kinds` keeps what the server has told of its own parameter types, by search path and oid. Other types may change.
    """

    def __init__(
        self,
        session: AsyncpgSession,
        known: dict[int, PgType],
        name: Callable[[], str],
        *,
        pooled: bool,
        path: Sequence[str],
        lock_timeout_s: float | None = None,
        kinds: dict[tuple[Sequence[str], int], ParameterType] | None = None,
    ) -> None:
        self._session = session
        self._known = known
        self._kinds = {} if kinds is None else kinds
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
        if self._is_bare(wanted) and (bare := await self._bare(wanted)) is not None:
            return bare
        idents = await quote_identifiers(self._session, wanted.identifiers)
        async with self._question() as question:
            first = await self._user(NumberedText(query, idents), "", (), guard=query.schema is not None)
            answer = _Description.of(first, self._session.modifiers)
            text, taken = None, None
            if not self._path:  # with a path, the names of types would depend on it
                text = await self._described(wanted, idents, answer)
                taken = await self._taken(text)
                question.followed = taken is not None and not self._pooled
        if text is None:
            text = await self._described(wanted, idents, answer)
        return await self._accepted(wanted, text, taken)

    def _is_bare(self, wanted: PrepareRequest) -> bool:
        """Whether the text is executed as it is: a wrapper would have no sets to number and no values to cast."""
        query = wanted.query
        alone = not query.placeholders and query.schema is None and query.statement is StatementClass.READ
        plain = wanted.decoding is Decoding.TEXT and query.transaction and query.verb in COPIED_VERBS
        return alone and plain and not (self._pooled or self._path or self._session.local)

    async def _bare(self, wanted: PrepareRequest) -> AsyncpgStatement | None:
        """The statement of a read without parameters in one round trip, besides that of the transaction.

        None: it returns no columns.
        """
        text = NumberedText(wanted.query, {})
        printed = partial(find_printed_types, decoding=wanted.decoding)
        usual = self._session.usual_openings.get((not wanted.query.one_row, self._lock_timeout_s), "")
        async with self._question(followed=True, usual=usual):
            with author_names(self._session, text):
                handle, attributes = await self._session.prepare_bare(text.rendered.text, self._name(), printed)
            if not attributes:
                return None
            answer = _Description(attributes, (), self._session.modifiers)
            shape = (await self._described(wanted, {}, answer)).shape
        shape = replace(shape, form=StatementForm.BARE, apart=why_apart(wanted.query))
        return AsyncpgStatement(wanted.query, shape, handle, typed=wanted.typed, single=False)

    async def _described(
        self, wanted: PrepareRequest, idents: Mapping[str, str], answer: _Description
    ) -> _DescribedText:
        """What the server tells of the user's text."""
        attributes, modifiers = answer.columns, answer.modifiers
        if len(modifiers) != len(attributes):
            modifiers = [-1] * len(attributes)
        await read_types(self._session, [oid for _, oid in attributes], self._known)
        kinds = await self._parameter_types(answer.parameters)
        columns = tuple(
            describe_column(name, self._known[oid], wanted.decoding, modifier)
            for (name, oid), modifier in zip(attributes, modifiers, strict=True)
        )
        numbered = NumberedText(wanted.query, idents, kinds, typed=wanted.typed)
        results = tuple(self._known[oid] for _, oid in attributes)
        exact = await self._exact(kinds) if wanted.typed else []
        shape = self._shape(wanted, numbered, kinds, columns, results, exact)
        return _DescribedText(numbered, shape, deque(_wrappers(wanted, shape)))

    async def again(self, wanted: PrepareRequest, recipe: Recipe) -> AsyncpgStatement | None:
        """What another session of the same server has found out, prepared here in one or two round trips.

        None: it is to be described from the start, because the schema has changed or has types that asyncpg must look up.
        """
        if recipe.types is None or any(
            oid >= FIRST_OWN for oid in (*recipe.shape.parameters, *(kind.oid for kind in recipe.shape.kinds))
        ):
            return None
        try:
            usual = self._likely_opening(wanted.query)
            if self._path or self._session.local or usual:
                async with self._question(followed=bool(usual), usual=usual):
                    handle = await self._session.prepare_printed(recipe.sql, self._name(), recipe.shape.printed)
            else:
                await self._session.settle()
                handle = await self._session.prepare_printed(recipe.sql, self._name(), recipe.shape.printed)
                # asyncpg ends it with a flush, not a sync: the server is still in the transaction of the parse, with a snapshot,
                # and would take a BEGIN of another isolation level for one that comes too late.
                await self._session.execute("SELECT")
        except asyncpg.PostgresError:
            if self._session.is_closed():
                raise
            return None
        if types_of(handle) != recipe.types:  # a session that stays is told so by the server
            return None
        return AsyncpgStatement(wanted.query, recipe.shape, handle, typed=wanted.typed, single=recipe.single)

    def _likely_opening(self, query: Query) -> str:
        """Return the first message of the transaction that is likely to execute `query`; "" if there is none.

        Another one costs no more round trips than a description outside of a transaction.
        """
        if self._pooled or self._path or self._session.local or not query.transaction:
            return ""
        usual = self._session.usual_openings
        same = usual.get((not query.one_row, self._lock_timeout_s), "")
        return same or next(filter(None, reversed(usual.values())), "")

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
        path = tuple(self._path)
        found = {oid: self._kinds[path, oid] for oid in oids if (path, oid) in self._kinds}
        missing = [oid for oid in oids if oid not in found]
        rows = await self._session.fetch(TYPES.format("$1"), missing) if missing else []
        found |= {kind.oid: kind for kind in map(ParameterType.of, rows)}
        self._kinds |= {(path, oid): kind for oid, kind in found.items() if oid < FIRST_OWN}
        return [found[oid] for oid in oids]

    async def _exact(self, kinds: Sequence[ParameterType]) -> list[Callable[[Any], bool] | None]:
        """Return, for each parameter whose values have integers, what tells that asyncpg would cut one."""
        own = sorted({kind.oid for kind in kinds if not _is_whole(kind) and kind.oid >= FIRST_OWN})
        fields = await find_integer_fields(self._session, own) if own else {}
        inner = {oid: found.cuts_argument for oid, found in fields.items()}
        return [has_fraction if _is_whole(kind) else inner.get(kind.oid) for kind in kinds]

    def _shape(
        self,
        wanted: PrepareRequest,
        text: NumberedText,
        kinds: list[ParameterType],
        columns: tuple[Column, ...],
        results: tuple[PgType, ...],
        exact: Sequence[Callable[[Any], bool] | None],
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
            cuts=tuple((i, cuts) for i, cuts in enumerate(exact) if cuts is not None),
            printed=find_printed_types((kind.oid for kind in results), wanted.decoding),
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
            marks = () if wanted.typed else [f"${number}::text" for number in range(1, len(shape.bound) + 1)]
            together = (
                "" if apart else postgresql.set_rows(*text.numbered.together, *_items(wanted, shape), marks=marks)
            )
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
        self, text: NumberedText, name: str, printed: Collection[int], *, guard: bool = False
    ) -> PreparedStatement:
        """The user's text, prepared in the transaction of a question."""
        sql = text.rendered.text
        with author_names(self._session, text):
            handle = await self._session.prepare_printed(sql, name, printed)
            question = objects_outside_tenant_schema.question(text.query, sql) if guard else None
            if question is not None:
                objects_outside_tenant_schema.refuse(text.query, await self._session.fetch(question))
        return handle

    @asynccontextmanager
    async def _question(
        self, *, followed: bool = False, usual: str = ""
    ) -> AsyncGenerator[_DescribingTransaction, None]:
        """A read-only transaction, in which the server parses. What asyncpg changes in the session to look at types ends with it.

        Args:
            followed: see `_DescribingTransaction`; may also be set inside.
            usual: the first message of the transaction that is likely to execute it, which then is this one.
        """
        question = _DescribingTransaction(followed)
        opening = usual or postgresql.describing(self._path, self._lock_timeout_s, self._session.local)
        await self._session.execute(self._session.following(opening), timeout=self._session.opening_s)
        try:
            yield question
        except BaseException:
            question.followed = False
            raise
        finally:
            if question.followed:
                self._session.linger(opening)
            elif not self._session.is_closed():
                await self._session.execute("ROLLBACK")


def _why_apart(wanted: PrepareRequest, text: NumberedText, form: StatementForm) -> str:
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
    items, alias = _items(wanted, shape)
    ways = [postgresql.rows, postgresql.changed_rows]
    if shape.changes:
        ways.reverse()
    return [(StatementForm.ROWS, way(shape.text, ordinal, items, alias)) for way in ways]


def _items(wanted: PrepareRequest, shape: StatementShape) -> tuple[list[str], str]:
    """The select list of a wrapper, and what stands behind its alias of the user's text."""
    wrapped = postgresql.WrappedNames.of([column.name for column in shape.columns], shape.text)
    items = [write_expression(f"q.{n}", k, wanted.decoding) for n, k in zip(wrapped.names, shape.kinds, strict=True)]
    return items, wrapped.alias


@frozen
class _Description:
    """The server's description of a text: names and oids of its columns, oids of its parameters, modifiers of the columns."""

    columns: Sequence[tuple[str, int]]
    parameters: Sequence[int]
    modifiers: Sequence[int]

    @classmethod
    def of(cls, handle: PreparedStatement, modifiers: Sequence[int]) -> _Description:
        """That of a prepared statement."""
        columns = [(attribute.name, attribute.type.oid) for attribute in handle.get_attributes()]
        return cls(columns, [kind.oid for kind in handle.get_parameters()], modifiers)


@frozen
class _DescribedText:
    """The user's text with conversions, what the server tells of it, and the wrappers that are left to try."""

    numbered: NumberedText
    shape: StatementShape
    wrappers: deque[tuple[StatementForm, str]]


def _converter(parameter: Parameter, kind: ParameterType, *, typed: bool) -> ArgumentConverter | None:
    if not typed:
        return list_of_text if parameter.kind is PlaceholderKind.LIST else kind.from_json
    if kind.base in (JSON, JSONB):
        return json_text
    return make_exact if {kind.base, kind.element} & NUMERICS else None


def _is_whole(kind: ParameterType) -> bool:
    """Whether asyncpg sends integers for a type, or in it."""
    return kind.base in INTEGERS | INTEGER_ARRAYS or kind.element in INTEGERS
