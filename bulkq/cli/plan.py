"""`bulkq plan COMMAND ...`: what COMMAND would do with the same arguments, printed."""

from __future__ import annotations

import asyncio
import shlex
import sys
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli import request as requests
from bulkq.cli.ledger import warn_of_password
from bulkq.cli.lint import lines as finding_lines
from bulkq.cli.messages import Messages
from bulkq.cli.options import RunOptions, run_options
from bulkq.cli.running import without_password
from bulkq.drivers.urls import safe
from bulkq.ledger.places import locate
from bulkq.markers import tables
from bulkq.policy import safety

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.errors import BulkqError
    from bulkq.model import Run, Server
    from bulkq.tasks.plan import OtherPlan, Plan, QueryPlan

FAILED = 1
LONGEST_VALUE = 60
SHOWN = 20
"""Targets that are named."""


@click.group("plan", short_help="What a command would do; nothing of yours is executed.")
def command() -> None:
    """Say what a command would do, with the same arguments; nothing of yours is executed."""


@command.command("run", short_help="What bulkq run would do.")
@run_options
@click.pass_context
def run(ctx: click.Context, /, **options: Unpack[RunOptions]) -> int:
    """Connect, prepare and explain every query, check the first parameter sets, and execute nothing.

    \b
    bulkq plan run users.sql -t postgresql://host/database -p ids.csv
    """  # noqa: D301 - Click reads a real backspace
    from bulkq.tasks.plan import plan as make

    messages = Messages(as_json=options["log_format"] == "json")
    requests.warn_of_password(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    request = requests.build(options, ctx)
    refused = requests.refusal(request, options["confirm"])
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    terminal = sys.stdout is not None and sys.stdout.isatty()
    made = asyncio.run(make(request, stdin=stdin, terminal=terminal))
    for line in [*_head(request, made), *(line for query in made.queries for line in _query(query, request))]:
        click.echo(line)
    for line in (line for other in made.others for line in _other(other)):
        click.echo(line)
    problems = [
        error
        for error in (refused, made.crowded, made.output.problem, *(query.problem for query in made.queries))
        if error is not None
    ]
    for line in dict.fromkeys(line for error in problems for line in str(error).splitlines()):
        click.echo(f"{'refused':<14}{line}")
    click.echo(f"nothing was executed. run it: {again(ctx.obj)}")
    return _code(problems, made)


def again(arguments: Sequence[str]) -> str:
    """The command line of the run, quoted for a shell, without a password."""
    return shlex.join(["bulkq", *(without_password(argument) for argument in arguments[1:])])


def _code(problems: Sequence[BulkqError], made: Plan) -> int:
    """What the run would end with: a usage error comes before a refusal, and a failure is met last."""
    codes = [error.exit_code for error in problems]
    codes += [FAILED for query in made.queries if query.finding is not None]
    codes += [FAILED for other in made.others if other.findings]
    codes += [other.error.exit_code for other in made.others if other.error is not None]
    return next((code for code in (2, 4, 3, 1) if code in codes), 0)


def _server(server: Server, driver: str = "") -> str:
    words = [f"{server.product} {server.version}", *([f"driver {driver}"] if driver else [])]
    words += [f"tls {server.tls}"] if server.tls else []
    words += ["through a pooler in transaction mode"] if server.pooled else []
    words += ["standby in recovery"] if server.in_recovery else []
    return ", ".join(words)


def _other(other: OtherPlan) -> Iterable[str]:
    """Another target: what it is, and what it says against the queries that the first one takes."""
    said = _server(other.server) if other.server is not None else str(other.error)
    yield f"{'also':<14}{other.target}: {said}"
    for one in other.findings:
        yield from finding_lines(one, f"{other.target}: ")


def _head(request: Run, made: Plan) -> list[str]:
    rows = [
        ("targets", _targets(request)),
        ("target", made.target),
        ("server", _server(made.server, made.capabilities.name)),
        ("targets", f"the rows of {request.targets_sql}, not asked now" if request.targets_sql else ""),
        ("schemas", f"those that match {', '.join(request.schemas)}, not asked now" if request.schemas else ""),
        *(("mode", f"{mode}: {safety.sentence(mode)}") for mode in _modes(request)),
        ("markers", _markers(request)),
        ("ledger", _ledger(request)),
        ("limits", _limits(request)),
    ]
    rows += [("output", _output(request, made)), ("failures", request.failures or ""), ("null", _null(request))]
    return [f"{name:<14}{value}" for name, value in rows if value]


def _targets(request: Run) -> str:
    """All of several; the first is the one that is asked."""
    if request.targets_sql is not None:
        return f'what "{request.targets_sql}" gives; the database that would be asked is looked at'
    if len(request.targets) > 1:
        names = [target.name or safe(target.url) for target in request.targets]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"{len(names)}: {', '.join(names[:SHOWN])}{more}; the first is looked at"
    return f"every schema like {', '.join(request.schemas)}" if request.schemas else ""


def _modes(request: Run) -> list[str]:
    """The modes of the queries, each once; of a run without a query there is none."""
    asked = {"write": request.write, "idempotent": request.idempotent}
    found = (safety.mode_of(query, **asked, ledger=request.ledger) for query in request.queries)
    return list(dict.fromkeys(found))


def _markers(request: Run) -> str:
    """The tables in the target that make a write exactly once, as they would be named."""
    if safety.WRITE not in _modes(request):
        return ""
    schema, _, prefix = (request.marker_table or "").rpartition(".")
    postgres = requests.dialect(request.url) == "postgres"
    made = tables(schema if schema and postgres else None, prefix or None)
    names = f"{made.runs} and {made.markers}".replace('"', "")
    where = " in the first schema of the search path" if postgres and not schema else ""
    end = "kept when it ends" if request.keep_markers else "emptied of this run when it ends"
    return f"{names}{where}, made on first use, {end}"


def _ledger(request: Run) -> str:
    if request.ledger == "none":
        return "none: the run is not recorded"
    return locate(request.ledger).shown


def _limits(request: Run) -> str:
    parts = [
        f"-j {request.concurrency}",
        f"batch {request.batch or 'auto'}",
        f"timeout {seconds(request.timeout_s)}",
        f"lock timeout {seconds(request.lock_timeout_s)}",
        f"retries {request.retries}",
        f"outage {seconds(request.outage_s)}",
        f"deadline {seconds(request.deadline_s)}",
    ]
    if request.max_failures is not None:
        most = request.max_failures
        parts.append(f"max failures {most.count if most.count is not None else f'{most.percent:g}%'}")
    parts += [f"expects {request.expect_rows} rows of each set"] if request.expect_rows is not None else []
    parts += [f"at most {request.max_affected} rows in all"] if request.max_affected is not None else []
    parts += ["unknown sets are sent again"] if request.retry_unknown else []
    return ", ".join([*parts, *(["fail fast"] if request.fail_fast else [])])


def seconds(value: float | None) -> str:
    """`30s`, `250ms`, `none`."""
    if value is None:
        return "none"
    for unit, size in (("h", 3600), ("m", 60)):
        if value >= size and value % size == 0:
            return f"{value / size:g}{unit}"
    return f"{value:g}s" if value >= 1 or value == 0 else f"{value * 1000:g}ms"


def _output(request: Run, made: Plan) -> str:
    where = made.output.path + (" (is there, will be replaced)" if made.output.replaces else "")
    form = f" as {made.output.format}" if made.output.format else ""
    include = f", with {', '.join(request.include)}" if request.include else ""
    return f"{where}{form}{include}{', in order of completion' if request.unordered else ''}"


def _null(request: Run) -> str:
    if not request.params:
        return ""
    return f'only "{request.null}" is NULL' if request.null else "an empty field is NULL"


def _query(made: QueryPlan, request: Run) -> Iterable[str]:
    query = made.query
    kind = query.mode or query.statement
    place = f"  {query.file}:{query.line}" if query.file else ""
    yield f"{'query':<14}{query.name}{place}  {query.verb} ({kind}){_own_limits(made, request)}"
    types = made.parameter_types or ("",) * len(query.parameters)
    for parameter, found in zip(query.parameters, types, strict=False):
        default = f", default {parameter.default}" if parameter.has_default else ""
        secret = ", secret" if parameter.secret else ""
        yield f"  {'parameter':<12}{parameter.name}: {found or parameter.type or 'any type'}{default}{secret}"
    if query.parameters and made.problem is None and (made.total is None or made.source or made.first):
        yield f"  {'sets':<12}{_sets(made)}"
    if made.first:
        yield f"  {'first':<12}{', '.join(f'{name}={_value(value)}' for name, value in made.first)}"
    if made.columns:
        yield f"  {'columns':<12}{', '.join(f'{column.name} {column.type}'.strip() for column in made.columns)}"
    for at, line in enumerate(made.explained):
        yield f"  {'plan' if not at else '':<12}{line}"
    if made.finding is not None:
        yield from finding_lines(made.finding)


def _own_limits(made: QueryPlan, request: Run) -> str:
    """What the file says and no option outranks."""
    query, parts = made.query, []
    if not request.timeout_given and (query.no_timeout or query.timeout_s is not None):
        parts.append(f"timeout {seconds(query.timeout_s)}")
    if not request.lock_timeout_given and query.lock_timeout_s is not None:
        parts.append(f"lock timeout {seconds(query.lock_timeout_s)}")
    if not request.retries_given and query.retries is not None:
        parts.append(f"retries {query.retries}")
    if not request.batch_given and query.batch is not None:
        parts.append(f"batch {query.batch}")
    if not query.transaction:
        parts.append("outside a transaction")
    return "".join(f", {part}" for part in parts)


def _sets(made: QueryPlan) -> str:
    total = "their number is known when they are read" if made.total is None else f"{made.total}"
    source = f" from {made.source}" if made.source else ""
    checked = f", the first {made.checked} checked" if made.checked else ""
    return f"{total}{source}{checked}"


def _value(value: object) -> str:
    text = "NULL" if value is None else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
