"""Describe the table of a backfill: its key, its columns, and what a user should know about it before."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import field, replace
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.dialects.backfill_catalog import TableIdentity, read_acting
from bulkq.errors import DatabaseError, RefusedError, TargetError, UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.key_range import TableFacts
from bulkq.policy.key_choice import choose_key, key_of
from bulkq.query.identifier_placeholders import name_parts
from bulkq.text.characters import escape_unprintable
from bulkq.text.message_parts import quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.dialects.backfill_catalog import BackfillCatalog, Suspicion, TableDescription
    from bulkq.dialects.base import Dialect
    from bulkq.model.key_range import KeyColumn, TableKey
    from bulkq.protocols import Connection

    Rows = list[tuple[object, ...]]


async def describe(
    connection: Connection, dialect: str, over: str, key: Sequence[str] = (), *, path: Sequence[str] = ()
) -> TableFacts:
    """Describe the table `over` and choose its key.

    Args:
        connection: idle.
        dialect: of the connection.
        over: the name, as a user writes it in SQL: `users`, `public.users`, `"Odd.Name"`.
        key: columns of the unique index to take; (): the primary key, else the narrowest one.
        path: the schemas in which a name without a schema is looked up; () leaves it to the session.

    Raises:
        UsageError: no table has that name, it is a view, or it has no such column.
        RefusedError: it has no key, or its rows cannot be changed safely in ranges.
        TargetError: the connection broke.
        DatabaseError: the catalog cannot be read.
    """
    asking = _TableQuestions(connection, dialect_for(dialect), over, path)
    table = await asking.table()
    if table.wrong:
        raise UsageError(f"{table.name} is {table.wrong}")
    if table.refusal:
        raise RefusedError(f"{table.name}: {table.refusal}")
    chosen = choose_key(table, key)
    found, cut = await asking.acting(), key_of(table, chosen)
    return TableFacts(
        key=cut,
        columns=table.columns,
        rows=table.rows if table.rows is not None else await asking.rows(),
        size=table.size,
        notices=(*chosen.notices, *table.notices, *await asking.servers()),
        identity=found.table,
        acting=found.acting,
        order=", ".join(_order(column, found.orders) for column in cut.columns),
        traces=await asking.traces(),
        generated=table.generated,
    )


def _order(column: KeyColumn, orders: Mapping[str, str]) -> str:
    """What orders the values of a column of the key."""
    return " ".join(filter(None, (column.name, orders.get(column.name) or column.type, column.collation)))


def lasting_identity(facts: TableFacts, dialect: str) -> str:
    """What must be the same when a run goes on: the table, where ALTER TABLE leaves its identity as it is, and the order of its key."""
    catalog = dialect_for(dialect).tables
    table = facts.identity if catalog is not None and catalog.lasting else ""
    return "; ".join(filter(None, (table, facts.order)))


def kept_traces(facts: TableFacts, dialect: str) -> Mapping[str, str]:
    """The traces of a table that the process which goes on with a run compares."""
    catalog = dialect_for(dialect).tables
    return catalog.kept(dict(facts.traces)) if catalog is not None else {}


def same_identity(began: str, now: str, dialect: str) -> bool:
    """Whether two results of `lasting_identity` mean the same table with the same order of its key."""
    catalog = dialect_for(dialect).tables
    return began == now or (catalog is not None and catalog.one_order(began) == catalog.one_order(now))


@frozen
class TableChanges:
    """What happened to a table since it was described.

    Attributes:
        replaced: its name is that of another table, or of none. False where ALTER TABLE gives a table another identity.
        refusal: why its rows cannot be changed safely any more, or were not; "" if they can.
        triggers: triggers and rules that came, or whose definition changed, for people.
        events: that may have done harm to the ranges; those of the kinds `came` and `left` are judged when all ranges are done.
        traces: what is to be compared with the next time.
    """

    replaced: bool = False
    refusal: str = ""
    triggers: tuple[str, ...] = ()
    events: tuple[Suspicion, ...] = ()
    traces: Mapping[str, str] = field(default_factory=dict)

    def told(self, table: str) -> str:
        """Why the ranges of `table` are not those of its rows; "" if they are."""
        if self.replaced:
            return f"{table} was replaced by another table, or dropped, while the run worked: start a new run"
        if self.refusal:
            return f"{table} has changed while the run worked, and ranges may have left rows out: {self.refusal}"
        return next((f"{table}: {event.told}" for event in self.events if event.kind in {"replaced", "rewritten"}), "")


async def changes_since(connection: Connection, dialect: str, over: str, facts: TableFacts) -> TableChanges:
    """Compare the table `over` with `facts`, which are about what it was.

    Raises:
        TargetError: the connection broke.
        DatabaseError: the catalog cannot be read.
        UsageError: there is no such table any more.
    """
    known = dialect_for(dialect)
    if known.tables is None:
        return TableChanges()
    asking = _TableQuestions(connection, known, over, ())
    now = await asking.acting()
    if known.tables.lasting and facts.identity and now.table != facts.identity:
        return TableChanges(replaced=True)
    since = replace(facts, acting=tuple(one for one in now.acting if one not in facts.acting))
    table = await asking.table(known.tables.looks)
    traces = await asking.traces()
    return TableChanges(
        refusal=table.refusal or _other_order(table, now, facts, known.tables),
        triggers=since.triggers,
        events=await harmful_events(connection, dialect, facts.key, facts.traces, traces),
        traces=traces,
    )


async def harmful_events(
    connection: Connection, dialect: str, key: TableKey, then: Mapping[str, str], now: Mapping[str, str]
) -> tuple[Suspicion, ...]:
    """What happened to a table between two moments, after which ranges may not be those of its rows.

    Args:
        connection: idle.
        dialect: of the connection.
        key: of the table.
        then: its traces at the first moment; those that are missing are not compared.
        now: its traces at the second.

    Raises:
        TargetError: the connection broke.
        DatabaseError: the database does not say whether an event has done harm.
    """
    catalog = dialect_for(dialect).tables
    found: list[Suspicion] = []
    for event in catalog.suspicions(then, now, key) if catalog is not None else ():
        if not event.question:
            found.append(event)
            continue
        rows = await _ask(connection, [event.question])
        conditions = [str(row[0]) for row in rows if event.kind == "came"]
        told = f"{rows[0][0]} {event.told}" if rows and event.kind == "left" else event.told
        found += [replace(event, told=told, condition=" OR ".join(conditions))] if rows else []
    return tuple(found)


def _other_order(table: TableDescription, now: TableIdentity, facts: TableFacts, catalog: BackfillCatalog) -> str:
    """Say that the values of the key have another order than in `facts`; "" if they do not, or if its index is gone.

    Several indexes may have its columns, each with another collation: one of them has to be as it was.
    """
    names = tuple(column.name for column in facts.key.columns)
    columns = [one.columns[: len(names)] for one in table.candidates if one.names[: len(names)] == names]
    orders = [", ".join(_order(column, now.orders) for column in found) for found in columns]
    began = f"{catalog.one_order(facts.order)}, "
    if not orders or not facts.order or any(began.startswith(f"{catalog.one_order(one)}, ") for one in orders):
        return ""
    return f"its key was ordered by ({facts.order}), and is ordered by ({orders[0]}) now: start a new run"


async def table_names(connection: Connection, dialect: str) -> list[str]:
    """Return the names of the tables that `describe` finds without a schema, and of PostgreSQL and DuckDB those with one.

    Raises:
        DatabaseError: the catalog cannot be read.
    """
    known = dialect_for(dialect)
    if known.tables is None:
        return []
    rows = await connection.administer([known.tables.names.format(**known.name_values(("",)))])
    return [str(row[0]) for row in rows]


class _TableQuestions:
    """The questions about one table."""

    def __init__(self, connection: Connection, dialect: Dialect, over: str, path: Sequence[str]) -> None:
        if dialect.tables is None:
            raise RefusedError(f"tables of {dialect.name} cannot be changed in ranges of their key")
        self._connection = connection
        self._dialect = dialect
        self._catalog: BackfillCatalog = dialect.tables
        self._over = over
        parts = _parts(over, dialect)
        self._table = parts[-1]
        quoted_name = ".".join(map(dialect.identifier, parts))
        self._values = {"over": dialect.literal(over), "quoted": quoted_name, **dialect.name_values(parts)}
        schemas = dialect.literal(", ".join(map(dialect.identifier, path)))
        self._first = [self._catalog.path.format(path=schemas)] if path and self._catalog.path else []

    async def table(self, queries: Sequence[str] = ()) -> TableDescription:
        """The table, or what else has its name.

        Args:
            queries: of the catalog; `()`: all that describe a table.

        Raises:
            UsageError: nothing has its name.
        """
        answers: list[Rows] = []
        for query in queries or self._catalog.queries:
            answers.append(await self._ask(query.format(**self._values)))
            if not answers[0]:
                raise await self._missing()
        return self._catalog.read(answers)

    async def rows(self) -> int | None:
        """About how many rows it has; None if that is not known."""
        if not self._catalog.rows:
            return None
        try:
            return self._catalog.read_rows(await self._ask(self._catalog.rows.format(**self._values)))
        except DatabaseError:
            return None

    async def servers(self) -> tuple[str, ...]:
        """Notices about replicas; one with the reason if they cannot be read."""
        if not self._catalog.servers:
            return ()
        try:
            return self._catalog.read_servers(await self._ask(self._catalog.servers))
        except DatabaseError as error:
            return (f"replicas and replication slots cannot be read: {error}",)

    async def acting(self) -> TableIdentity:
        """What tells the table from another, and what acts when its rows change."""
        if not self._catalog.acting:
            return TableIdentity()
        return read_acting(await self._ask(self._catalog.acting.format(**self._values)))

    async def traces(self) -> dict[str, str]:
        """What differs after rows have left the table, come back or got other keys."""
        rows: Rows = []
        for query in self._catalog.traces:
            rows += await self._ask(query.format(**self._values))
        for query in self._catalog.guarded_traces:
            with suppress(DatabaseError):
                rows += await self._ask(query.format(**self._values))
        return self._catalog.read_traces(rows)

    async def _missing(self) -> UsageError:
        known = [str(row[0]) for row in await self._ask(self._catalog.names.format(**self._values))]
        near = suggestion(self._over, known) or suggestion(self._table, known)
        once = near.replace('(did you mean ""', '(did you mean "').replace('""?)', '"?)')  # a name that has its own
        return UsageError(f"there is no table {_shown(self._over)}{once}: correct the name")

    async def _ask(self, text: str) -> Rows:
        try:
            return await _ask(self._connection, [*self._first, text])
        except DatabaseError as error:
            if error.sqlstate in self._dialect.misnamed:
                raise UsageError(f"{_shown(self._over)} does not name a table: {error}") from error
            raise


async def _ask(connection: Connection, statements: Sequence[str]) -> Rows:
    try:
        return await connection.administer(statements)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(str(error)) from error
        raise


def _parts(over: str, dialect: Dialect) -> tuple[str, ...]:
    """The parts of a name; a server with a search path checks the name of the database itself.

    Raises:
        UsageError: it is not a name.
    """
    parts = name_parts(over, f'{dialect.quote}"') or tuple(part.strip() for part in over.split("."))
    if not all(parts) or len(parts) > (3 if dialect.search_path else 2):
        raise UsageError(f"{_shown(over)} is not the name of a table: write TABLE or SCHEMA.TABLE")
    return parts


def _shown(over: str) -> str:
    """A name in quotes, if it has none."""
    return escape_unprintable(over) if '"' in over or "`" in over else quoted(over)
