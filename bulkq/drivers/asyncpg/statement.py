"""One query as one session has prepared it: sets into arguments, records into a `Reply`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from asyncpg import InternalClientError, Range

from bulkq.drivers.asyncpg.result_value_forms import convert_columns, transpose
from bulkq.drivers.lock_order import sorted_rows
from bulkq.errors import DatabaseError
from bulkq.model import Column, Phase, Reply
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.joined_sets import JoinedSets
from bulkq.text.array_literals import literal_of

if TYPE_CHECKING:
    from asyncpg.prepared_stmt import PreparedStatement

    from bulkq.dialects.postgresql_text_cast import Conversion
    from bulkq.drivers.asyncpg.pg_types import PgType
    from bulkq.drivers.asyncpg.result_value_forms import Converter
    from bulkq.model import ParameterSet, Query

Arguments = Sequence[object]
ArgumentConverter = Callable[[object], object]
StatementTypes = tuple[tuple[int, ...], tuple[int, ...]]
"""Oids of results, oids of parameters."""

ROWCOUNT = (Column("rowcount", "bigint"),)


class StatementForm(StrEnum):
    """What the server accepted."""

    ROWS = "rows"  # wrapped: every row begins with the ordinal of its set
    COUNT = "count"  # wrapped: one row per set, its ordinal and how many rows it changed
    BARE = "bare"  # the user's text, a read that has no parameter and so one set
    PLAIN = "plain"  # the user's text, one execution per set


WRAPPED = frozenset({StatementForm.ROWS, StatementForm.COUNT})
STREAMED = frozenset({StatementForm.ROWS, StatementForm.BARE})
"""Forms whose rows a cursor can fetch in pieces."""

WHOLE = frozenset({int, bool, type(None)})
"""Types whose values have no fraction."""


@frozen
class StatementShape:
    """What is known about a statement after it was described."""

    text: str  # the user's text with `$n`, unwrapped, for COPY
    form: StatementForm
    columns: tuple[Column, ...]
    kinds: tuple[PgType, ...]  # of the user's result columns
    bound: tuple[int, ...]  # index into a set of $1, $2, ...
    parameters: tuple[int, ...]  # oids of the types of $1, $2, ... that Python's values are sent for
    casts: tuple[Conversion, ...]  # of text for $1, $2, ...
    types: tuple[str, ...]  # of every parameter of the query, for people
    convert: tuple[ArgumentConverter | None, ...]  # of $1, $2, ...
    cuts: tuple[
        tuple[int, Callable[[Any], bool]], ...
    ]  # indexes in `bound` of Python's values with integers; whether one is cut
    printed: frozenset[int]  # oids of the types whose values the server prints
    decode: tuple[Converter | None, ...]  # of the user's result columns; () if they are wanted as printed
    iso: bool  # dates are wanted as in ISO 8601, whatever the session's style
    changes: bool  # RETURNING: every row is a changed one
    together: str = ""  # the statement for all sets of a batch; "" where there is none
    apart: str = ""  # why there is none


@frozen
class Recipe:
    """What describing a query has found out; every session of the same server can prepare from it.

    Attributes:
        shape: of the statement.
        sql: its text.
        single: it is executed outside of a transaction.
        types: the oids of its results and of its parameters. If another session finds others, the schema has changed. None: the
            statement is described by each session.
    """

    shape: StatementShape
    sql: str
    single: bool
    types: StatementTypes | None


def types_of(handle: PreparedStatement) -> StatementTypes | None:
    """Return the oids of the results of a prepared statement, and those of its parameters.

    None: there is a type that asyncpg had to look up, or that the server prints, so that asyncpg has no codec for it any more.
    """
    try:
        results = tuple(attribute.type.oid for attribute in handle.get_attributes())
        return results, tuple(kind.oid for kind in handle.get_parameters())
    except InternalClientError:
        return None


class AsyncpgStatement:
    """A prepared query. Belongs to the session that made it."""

    __slots__ = (
        "_convert",
        "_whole",
        "apart",
        "columns",
        "handle",
        "parameter_types",
        "query",
        "returns_rows",
        "shape",
        "single",
        "together",
        "typed",
    )

    def __init__(
        self, query: Query, shape: StatementShape, handle: PreparedStatement, *, typed: bool, single: bool
    ) -> None:
        self.query = query
        self.shape = shape
        self.handle = handle
        self.typed = typed
        self.single = single
        self.together: PreparedStatement | None = None
        """The statement for all sets of a batch, if the server has taken it."""

        self.apart: str | None = shape.apart or None
        """Why there is none; "" if there is one, None if the server was not asked."""

        self.columns = shape.columns
        self.returns_rows: bool | None = bool(shape.kinds)
        self.parameter_types = shape.types
        self._whole = shape.bound == tuple(range(len(query.parameters)))
        self._convert = any(shape.convert)

    def recipe(self) -> Recipe:
        """For the other sessions of the driver."""
        return Recipe(self.shape, self.handle.get_query(), self.single, types_of(self.handle))

    @property
    def ordinal(self) -> int | None:
        """The number of the parameter that carries the set's ordinal."""
        return len(self.shape.bound) + 1 if self.shape.form in WRAPPED else None

    @property
    def secret(self) -> bool:
        """Whether a parameter may show up nowhere."""
        return any(parameter.secret for parameter in self.query.parameters)

    def bind(self, sets: Sequence[ParameterSet]) -> list[Arguments]:
        """The arguments of `$1, $2, ...` per set, without ordinals.

        Raises:
            DatabaseError: a value of a list is not a JSON array, or a value for an integer has a fraction.
        """
        for number, cuts in self.shape.cuts:
            self._refuse_fractions(sets, number, cuts)
        if self._whole and not self._convert:
            return list(sets)
        bound = self.shape.bound
        if not self._convert:
            return [[values[i] for i in bound] for values in sets]
        return [self._converted(values, position) for position, values in enumerate(sets)]

    def numbered(self, sets: Sequence[ParameterSet], *, ordered: bool) -> list[Arguments]:
        """The same with the ordinal at the end; sorted like every other lane sorts, unless `ordered`.

        Transactions that lock rows in one order do not deadlock.
        """
        numbered: list[Arguments] = [(*values, i) for i, values in enumerate(self.bind(sets))]
        if ordered or len(numbered) < 2:
            return numbered
        places = {index: place for place, index in enumerate(self.shape.bound)}
        order = [places[index] for index in self.query.sorting if index in places]
        return sorted_rows(numbered, order) if order else numbered

    def transposed(self, sets: Sequence[ParameterSet]) -> Arguments:
        """The arguments of the statement for all `sets`: an array for each parameter. Texts are given as a literal of their array.

        asyncpg looks for arrays in each element of a list, which takes as long as everything else that it does for a set.
        """
        if isinstance(sets, JoinedSets) and self._whole and not (self._convert or self.typed):
            return sets.literals
        columns = zip(*self.bind(sets), strict=True)
        return [list(values) for values in columns] if self.typed else [literal_of(values) for values in columns]

    def reply(self, records: list[Sequence[object]], *, ordered: bool) -> Reply:
        """What wrapped executions brought back, in the order of the sets."""
        if not ordered:
            records.sort(key=itemgetter(0))
        positions, *values = transpose(records, 1 + len(self.columns))
        places: Sequence[int] = positions  # type: ignore[assignment] # the wrapper's int8
        changed = 0
        if self.shape.form is StatementForm.COUNT:
            changed = sum(values[0])  # type: ignore[arg-type] # the wrapper's count(*)
        elif self.shape.changes:
            changed = len(records)
        return Reply(self.columns, convert_columns(values, self.shape.decode), places, changed)

    def rows_reply(self, records: list[Sequence[object]]) -> Reply:
        """A piece of the rows of one set."""
        if self.shape.form is StatementForm.BARE:
            return self.plain_reply([(records, "")])
        return self.reply(records, ordered=True)

    def plain_reply(self, answers: Sequence[tuple[list[Sequence[object]], str]]) -> Reply:
        """What unwrapped executions brought back: per set its records and its command tag."""
        changed = sum(parse_affected(status) for _, status in answers)
        if not self.shape.kinds:
            counts = [parse_affected(status) for _, status in answers]
            return Reply(self.columns, [counts], range(len(answers)), changed)
        positions = [i for i, (records, _) in enumerate(answers) for _ in records]
        values = transpose((r for records, _ in answers for r in records), len(self.columns))
        return Reply(self.columns, convert_columns(values, self.shape.decode), positions, changed)

    def _refuse_fractions(self, sets: Sequence[ParameterSet], number: int, cuts: Callable[[Any], bool]) -> None:
        """Refuse 2.9 for the integer `$number` + 1: asyncpg sends 2."""
        index = self.shape.bound[number]
        if {*map(type, map(itemgetter(index), sets))} <= WHOLE:
            return
        for position, values in enumerate(sets):
            if cuts(values[index]):
                name = self.query.parameters[index].name
                message = f"the value of :{name} cannot be sent as {self.parameter_types[index]}: it has a fraction"
                raise DatabaseError(message, sqlstate=None, phase=Phase.ENCODING, position=position)

    def _converted(self, values: ParameterSet, position: int) -> Arguments:
        pairs = zip(self.shape.bound, self.shape.convert, strict=True)
        try:
            return [values[i] if f is None or values[i] is None else f(values[i]) for i, f in pairs]
        except (ValueError, TypeError, RecursionError) as error:
            raise DatabaseError(str(error), sqlstate=None, phase=Phase.ENCODING, position=position) from None


def parse_affected(status: str) -> int:
    """Rows changed, from a command tag: 3 of `UPDATE 3`, 0 of `SELECT 3`."""
    verb, _, rest = status.partition(" ")
    return int(rest.rpartition(" ")[2]) if verb in {"INSERT", "UPDATE", "DELETE", "MERGE"} else 0


def json_text(value: object) -> object:
    """A Python object for a json parameter; text is JSON already."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def make_exact(value: object) -> object:
    """A float for a numeric parameter, or each in an array or a range, as people read it: 1.1, not its 55 binary digits."""
    if isinstance(value, float):
        return Decimal(float.__repr__(value))  # of NumPy's, repr is a call
    if isinstance(value, Range):
        bounds = map(make_exact, (value.lower, value.upper))
        return Range(*bounds, lower_inc=value.lower_inc, upper_inc=value.upper_inc, empty=value.isempty)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping):
        return [make_exact(item) for item in value]
    return value


def has_fraction(value: Any) -> bool:
    """Whether a Python value, or one in it, is a number that is not whole. False for what asyncpg refuses by itself."""
    if isinstance(value, Range):
        return has_fraction((value.lower, value.upper))
    if isinstance(value, Iterable):
        return not isinstance(value, str | bytes) and any(map(has_fraction, value))
    try:
        return bool(int(value) != value)
    except (TypeError, ValueError, ArithmeticError):
        return False
