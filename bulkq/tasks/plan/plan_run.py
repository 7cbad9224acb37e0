"""Plan a run: prepare and explain its statements, execute nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.drivers import dialect_of
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.errors import BulkqError, DatabaseError, ParameterError, RefusedError, TargetError, UsageError
from bulkq.lifecycle import prepare_same_row_write_order
from bulkq.lifecycle.check_parameter_values import check_identifiers, check_values
from bulkq.lifecycle.expand_targets import expand_targets
from bulkq.lifecycle.untyped_parameters import find_untyped
from bulkq.model import Decoding, PlaceholderKind, StatementClass
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.mask_values import hidden_names
from bulkq.policy.safety import WRITE, mode_of, refuse_lanes
from bulkq.query import inline, read_identifiers
from bulkq.sinks.open import format_of
from bulkq.sources import Request, open_source_for, texts_of
from bulkq.sources.bind_columns import check_constants
from bulkq.sources.shard_source import ShardSource
from bulkq.sources.source_request import request_of
from bulkq.targets.parameter_rows_from_query import rows_of
from bulkq.tasks.check.open_check import QUERIED
from bulkq.tasks.plan.prepare_statements import LookedTargets, PlanJob, TargetInspection, leave_out_skipped, look_and
from bulkq.tasks.server_lint import Finding, ask, finding
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from typing import BinaryIO

    from bulkq.model import Batch, Capabilities, Column, ParameterSet, Query, Run, Server, Target
    from bulkq.model.shard import Shard
    from bulkq.protocols import Connection, Driver, ParameterSource, Statement
    from bulkq.query import LintFinding
    from bulkq.targets import Config

CHECKED = 1_000
"""Parameter sets whose values the target is asked about; a run asks about as many before its first statement."""

TOP_LINES = 8
"""Of a query plan: the nodes that decide what it costs."""


@frozen
class QueryPlan:
    """What is known about one query before it runs."""

    query: Query
    parameter_types: tuple[str, ...] = ()  # as the server says, "" where it does not
    columns: tuple[Column, ...] = ()
    explained: tuple[str, ...] = ()  # the top of the generic plan, where the database has one
    apart: str | None = None  # why a batch of it is not one statement, "" if it may be; None where there is no choice
    finding: Finding | None = None  # the server refuses the statement
    first: tuple[tuple[str, object], ...] = ()  # names and values of the first set, secrets masked
    source: str = ""
    total: int | None = None
    checked: int = 0
    repeats: str = ""  # how many sets of a write name a row that an earlier set names
    problem: BulkqError | None = None  # of its parameters
    warnings: tuple[LintFinding, ...] = ()


@frozen
class OutputPlan:
    """Where rows would go."""

    path: str  # "stdout" or a file
    format: str = ""
    replaces: bool = False  # a file of that name is there
    problem: UsageError | None = None


@frozen
class Plan:
    """What is known about a run before it begins."""

    request: Run  # with its final targets, but for those that a query gives: it is not asked
    target: str  # without its password; of a run whose targets a query gives, the database that it asks
    capabilities: Capabilities
    server: Server
    queries: tuple[QueryPlan, ...]
    output: OutputPlan
    others: tuple[TargetInspection, ...] = ()  # the run's other targets, in their order
    notices: tuple[str, ...] = ()  # of targets that were left out
    asking: Finding | None = None  # the server refuses the query that gives the targets
    crowded: RefusedError | None = None  # more lanes than the server has connections


async def plan(
    request: Run, *, config: Config | None = None, stdin: BinaryIO | None = None, terminal: bool = False
) -> Plan:
    """Look at everything that `request` names: all of it on the first target that can be reached, the statements on each.

    Schemas are listed, which is a read of the catalog. A query that gives targets is the user's: it is prepared, and not asked.

    Raises:
        TargetError: no target can be reached.
        RefusedError: the only one is not the database that was expected.
        UsageError: the URL is not understood, or its driver is not installed; no schema matches.
    """
    if request.sources.constants:
        check_constants(request.queries.selected, request.sources.constants)
    notices: list[str] = []
    if request.targets.sql is None:
        request = await expand_targets(request, config, notices.append)
    every = range(len(request.targets.selected))
    job = PlanJob(request, dict.fromkeys(every, request.queries.selected) if len(every) > 1 else {})

    async def describe(looked: LookedTargets) -> Plan:
        queries = await _query_plans(request, looked, stdin, notices.append)
        totals = [query.total for query in queries]
        server = looked.connection.server
        return Plan(
            request,
            looked.label,
            looked.first.driver.capabilities,
            server,
            queries,
            output(request, terminal=terminal),
            looked.others,
            tuple(notices),
            await asking(request, looked.connection),
            None if looked.others else refuse_lanes(request.limits.concurrency, totals, server),
        )

    return await look_and(describe, job)


async def _query_plans(
    request: Run, looked: LookedTargets, stdin: BinaryIO | None, say: Callable[[str], None]
) -> tuple[QueryPlan, ...]:
    at = At(looked.target, looked.first.driver, looked.connection, described=request.targets.sql is None)
    wanted = request_of(request.sources, stdin)
    several = len(request.queries.selected) > 1
    queries, write = request.queries.selected, request.safety.write
    selected = await leave_out_skipped(looked.connection, queries, looked.label, say, write=write)
    shard = request.sources.shard
    plans = [
        await look_into(query, wanted, request, at, shard=shard, unused_constants_ok=several) for query in selected
    ]
    return tuple(plans)


async def asking(request: Run, connection: Connection) -> Finding | None:
    """What the server says against the query that gives the targets, which is prepared only."""
    if request.targets.sql is None:
        return None
    query = replace(inline(request.targets.sql, dialect_of(request.url)), name="--targets-sql", file="--targets-sql")
    return await ask(connection, query)


def output(request: Run, *, terminal: bool) -> OutputPlan:
    """Where the rows of `request` would go, without opening anything. `terminal`: whether people look at stdout."""
    path = None if request.output.path == "-" else request.output.path
    shown = path or "stdout"
    try:
        name = format_of(path, request.output.format, terminal=terminal)
    except UsageError as error:
        return OutputPlan(shown, problem=error)
    if path is None or "{" in path:
        return OutputPlan(shown, name)
    if Path(path).is_dir():
        return OutputPlan(shown, name, problem=UsageError(f'"{path}" is a folder; name a file in it'))
    if not Path(path).parent.is_dir():
        return OutputPlan(shown, name, problem=UsageError(f'there is no folder "{Path(path).parent}" for "{path}"'))
    return OutputPlan(shown, name, replaces=Path(path).is_file())


@frozen
class At:
    """Where queries are looked into."""

    target: Target
    driver: Driver
    connection: Connection
    described: bool = True  # False: it asks for the targets, and need not know the tables of the queries
    explained: bool = True
    claimed: bool = False  # the query is a write whose marker commits with it


async def look_into(
    query: Query,
    wanted: Request,
    request: Run,
    at: At,
    *,
    shard: Shard | None = None,
    unused_constants_ok: bool = False,
) -> QueryPlan:
    """What is known about `query` with the parameter sets that are `wanted`, or those of `shard` among them."""
    query = query.within(at.target)
    at = replace(at, claimed=mode_of(query, request.safety) == WRITE)
    source: ParameterSource | None = None
    queried = [spec for spec in wanted.specs if spec.startswith(QUERIED)]
    if queried:
        found = await _prepared(query, at, None, typed=True)
        return replace(found, source=f"{queried[0]}, not executed now")
    can = at.driver.capabilities
    rows = rows_of(request.sources.target or at.target, request)

    async def opening() -> ParameterSource:
        source = await open_source_for(can, wanted, query, rows=rows, unused_constants_ok=unused_constants_ok)
        return source if shard is None else ShardSource(source, shard)

    try:
        source = await opening()
        batch = await source.take(CHECKED, 0)
        total = await _total(source, batch)
        if batch is not None:
            check_identifiers(query, batch)
    except ParameterError as error:
        return replace(await _prepared(query, at, None, typed=False), problem=error)
    finally:
        if source is not None:
            await source.close()
    found = await _prepared(query, at, batch, typed=source.typed, constants=wanted.constants)
    if can.dynamic_types and at.described and found.finding is None:
        found = replace(found, warnings=tuple(await find_untyped(at.connection, query, texts_of(source))))
    if batch is None:
        return replace(found, total=0)
    if request.safety.write and source.replayable and found.finding is None and found.problem is None and at.described:
        found = replace(found, repeats=await _repeats(query, at, batch, await opening()))
    return replace(found, first=_first(query, batch), source=batch.source, total=total)


async def _repeats(query: Query, at: At, batch: Batch, source: ParameterSource) -> str:
    """How many sets of a write name a row again; "" where the catalog or the rest of the source cannot be read."""
    try:
        names = read_identifiers(query, batch.sets[0])
        statement = await at.connection.prepare(query, Decoding.PYTHON, typed=source.typed, identifiers=names)
        return await prepare_same_row_write_order.repeats(at.connection, statement, dialect_of(at.target.url), source)
    except (DatabaseError, ParameterError):  # the run says what is wrong
        return ""
    finally:
        await source.close()


async def _total(source: ParameterSource, batch: Batch | None) -> int | None:
    """How many sets there are, where the source says so or ends with the first batch."""
    if source.total is not None or batch is None:
        return source.total
    return None if await source.take(1, 1) else len(batch.sets)


async def _prepared(
    query: Query, at: At, batch: Batch | None, *, typed: bool, constants: Container[str] = ()
) -> QueryPlan:
    """What the server says of the statement, and of the values in `batch`."""
    if not at.described:
        return QueryPlan(query)
    connection = at.connection
    if batch is None and any(p.kind is PlaceholderKind.IDENTIFIER for p in query.parameters):
        return QueryPlan(query)
    names = {} if batch is None else read_identifiers(query, batch.sets[0])
    try:
        statement = await connection.prepare(query, Decoding.PYTHON, typed=typed, identifiers=names)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(f"the connection was lost while {query.place} was prepared: {error}") from error
        return QueryPlan(query, finding=finding(query, error))
    explained, apart = (
        (await explain(connection, statement), await _why_apart(at, statement)) if at.explained else ((), None)
    )
    plan = QueryPlan(query, statement.parameter_types, statement.columns, explained, apart)
    if at.claimed and isinstance(connection, BaseConnection):
        try:
            connection.must_be_claimable(statement)
        except RefusedError as error:
            return replace(plan, problem=error)
    if batch is None or typed:
        return plan
    try:
        await check_values(connection, statement, batch, constants)
    except ParameterError as error:
        return replace(plan, problem=error)
    return replace(plan, checked=len(batch.sets))


async def explain(connection: Connection, statement: Statement) -> tuple[str, ...]:
    """The top of the generic plan; empty where the driver cannot ask for one or the statement has none."""
    ask = getattr(connection, "explain", None)
    if ask is None:
        return ()
    try:
        lines: Sequence[str] = await ask(statement)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(
                f"the connection was lost while {statement.query.place} was explained: {error}"
            ) from error
        return ()
    return tuple(lines[:TOP_LINES])


async def _why_apart(at: At, statement: Statement) -> str | None:
    """Why a batch of reads would not be one statement; None where there is no choice."""
    query = statement.query
    if not (at.driver.capabilities.sets_together and query.parameters and query.statement is StatementClass.READ):
        return None
    connection = at.connection
    return await connection.why_apart(statement) if isinstance(connection, BaseConnection) else None


def _first(query: Query, batch: Batch) -> tuple[tuple[str, object], ...]:
    """The first set; as `***` what is secret, or has the name of a masked column."""
    hidden = hidden_names(query)
    return tuple((name, MASK if name.casefold() in hidden else value) for name, value in _pairs(query, batch.sets[0]))


def _pairs(query: Query, values: ParameterSet) -> list[tuple[str, object]]:
    return [(parameter.name, value) for parameter, value in zip(query.parameters, values, strict=True)]
