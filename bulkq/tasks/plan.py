"""What a run would do: statements are prepared and explained, nothing is executed. Called by `bulkq plan run`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.drivers.urls import MASK, safe
from bulkq.errors import BulkqError, DatabaseError, ParameterError, RefusedError, TargetError, UsageError
from bulkq.model import Decoding, PlaceholderKind
from bulkq.parameters import Request, open_source
from bulkq.policy.safety import refuse_lanes
from bulkq.sinks.opening import format_of
from bulkq.targets import open_target
from bulkq.tasks.lint import Finding, finding, prepare
from bulkq.tasks.preflight import check_values
from bulkq.tasks.rows import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from bulkq.model import Batch, Capabilities, Column, ParameterSet, Query, Run, Server, Target
    from bulkq.protocols import Connection, Driver, ParameterSource, Statement

CHECKED = 1_000
"""Parameter sets whose values the target is asked about; a run asks about as many before its first statement."""

AT_ONCE = 32
"""Targets that are looked at together."""

QUERIED = ("sql:", "@")
"""Parameter sources that are queries of the user's: a plan does not execute them."""

TOP_LINES = 8
"""Of a query plan: the nodes that decide what it costs."""


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """What is known about one query before it runs."""

    query: Query
    parameter_types: tuple[str, ...] = ()  # as the server says, "" where it does not
    columns: tuple[Column, ...] = ()
    explained: tuple[str, ...] = ()  # the top of the generic plan, where the database has one
    finding: Finding | None = None  # the server refuses the statement
    first: tuple[tuple[str, object], ...] = ()  # names and values of the first set, secrets masked
    source: str = ""
    total: int | None = None
    checked: int = 0
    problem: BulkqError | None = None  # of its parameters


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """Where rows would go."""

    path: str  # "stdout" or a file
    format: str = ""
    replaces: bool = False  # a file of that name is there
    problem: UsageError | None = None


@dataclass(frozen=True, slots=True)
class OtherPlan:
    """What another target of the run is, and what it says against the queries."""

    target: str
    server: Server | None = None
    findings: tuple[Finding, ...] = ()
    error: BulkqError | None = None  # why it cannot be asked


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known about a run before it begins."""

    target: str  # without its password
    capabilities: Capabilities
    server: Server
    queries: tuple[QueryPlan, ...]
    output: OutputPlan
    others: tuple[OtherPlan, ...] = ()  # the run's other targets, in their order
    crowded: RefusedError | None = None  # more lanes than the server has connections


async def plan(request: Run, *, stdin: BinaryIO | None = None, terminal: bool = False) -> Plan:
    """Look at everything that `request` names: all of it on the first target that can be reached, the statements on each.

    Raises:
        TargetError: no target can be reached.
        RefusedError: the only one is not the database that was expected.
        UsageError: the URL is not understood, or its driver is not installed.
    """
    others: list[OtherPlan] = []
    if len(request.targets) > 1:
        others = await _look_at_all(request)
        place = next((at for at, other in enumerate(others) if other.error is None), 0)
        del others[place]
        first = request.targets[place]
        request = replace(request, targets=(first, *(one for one in request.targets if one is not first)))
    driver = open_target(request.targets[0], application_name="bulkq plan", read_only=True)
    connection = await driver.connect()
    try:
        queries = [await _plan(query, request, driver, connection, stdin) for query in request.queries]
        return Plan(
            driver.target,
            driver.capabilities,
            connection.server,
            tuple(queries),
            output(request, terminal=terminal),
            tuple(others),
            None if others else refuse_lanes(request.concurrency, [q.total for q in queries], connection.server),
        )
    finally:
        await connection.close()


async def _look_at_all(request: Run) -> list[OtherPlan]:
    """Let every target prepare the statements, some at once; one that cannot be reached is told and hides no other."""
    door = asyncio.Semaphore(AT_ONCE)

    async def look(target: Target) -> OtherPlan:
        async with door:
            try:
                prepared = await prepare(request.queries, target)
            except (TargetError, RefusedError) as error:
                return OtherPlan(target.name or safe(target.url), error=error)
            return OtherPlan(prepared.target, prepared.server, prepared.findings)

    looks = [asyncio.create_task(look(target)) for target in request.targets]
    try:
        return [await one for one in looks]
    finally:
        for one in looks:
            one.cancel()
        await asyncio.gather(*looks, return_exceptions=True)


def output(request: Run, *, terminal: bool) -> OutputPlan:
    """Where the rows of `request` would go, without opening anything. `terminal`: whether people look at stdout."""
    path = None if request.output == "-" else request.output
    shown = path or "stdout"
    try:
        name = format_of(path, request.format, terminal=terminal)
    except UsageError as error:
        return OutputPlan(shown, problem=error)
    if path is None or "{" in path:
        return OutputPlan(shown, name)
    if Path(path).is_dir():
        return OutputPlan(shown, name, problem=UsageError(f'"{path}" is a folder; name a file in it'))
    if not Path(path).parent.is_dir():
        return OutputPlan(shown, name, problem=UsageError(f'there is no folder "{Path(path).parent}" for "{path}"'))
    return OutputPlan(shown, name, replaces=Path(path).is_file())


async def _plan(
    query: Query, request: Run, driver: Driver, connection: Connection, stdin: BinaryIO | None
) -> QueryPlan:
    source: ParameterSource | None = None
    queried = [spec for spec in request.params if spec.startswith(QUERIED)]
    if queried:
        return replace(await _prepared(query, connection, None, typed=True), source=f"{queried[0]}, not executed now")
    try:
        source = await _open(query, request, driver, stdin)
        batch = await source.take(CHECKED, 0)
        total = await _total(source, batch)
    except ParameterError as error:
        found = await _prepared(query, connection, None, typed=False)
        return replace(found, problem=error)
    finally:
        if source is not None:
            await source.close()
    found = await _prepared(query, connection, batch, typed=source.typed)
    if batch is None:
        return replace(found, total=0)
    return replace(found, first=_first(query, batch), source=batch.source, total=total)


async def _total(source: ParameterSource, batch: Batch | None) -> int | None:
    """How many sets there are, where the source says so or ends with the first batch."""
    if source.total is not None or batch is None:
        return source.total
    return None if await source.take(1, 1) else len(batch.sets)


async def _open(query: Query, request: Run, driver: Driver, stdin: BinaryIO | None) -> ParameterSource:
    wanted = Request(
        specs=request.params,
        constants=request.constants,
        format=request.params_format,
        null=request.null,
        ignore_extra_columns=request.ignore_extra_columns,
        grid=request.grid,
        stdin=stdin,
    )
    rows = rows_of(request.params_target or request.targets[0])
    return await open_source(wanted, query, text=driver.capabilities.text_parameters, rows=rows)


async def _prepared(query: Query, connection: Connection, batch: Batch | None, *, typed: bool) -> QueryPlan:
    """What the server says of the statement, and of the values in `batch`."""
    names = [p.name for p in query.parameters if p.kind is PlaceholderKind.IDENTIFIER]
    if names and batch is None:
        return QueryPlan(query)
    values = dict(_pairs(query, batch.sets[0])) if batch else {}
    identifiers = {name: str(values[name]) for name in names}
    try:
        statement = await connection.prepare(query, Decoding.PYTHON, typed=typed, identifiers=identifiers)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(f"the connection was lost while {query.place} was prepared: {error}") from error
        return QueryPlan(query, finding=finding(query, error))
    explained = await explain(connection, statement)
    plan = QueryPlan(query, statement.parameter_types, statement.columns, explained)
    if batch is None or typed:
        return plan
    try:
        await check_values(connection, statement, batch)
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


def _first(query: Query, batch: Batch) -> tuple[tuple[str, object], ...]:
    secrets = {parameter.name for parameter in query.parameters if parameter.secret}
    return tuple((name, MASK if name in secrets else value) for name, value in _pairs(query, batch.sets[0]))


def _pairs(query: Query, values: ParameterSet) -> list[tuple[str, object]]:
    return [(parameter.name, value) for parameter, value in zip(query.parameters, values, strict=True)]
