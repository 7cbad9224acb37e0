"""The lines that the plans of all commands have in common."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from bulkq.cli.display.server_finding_text import finding_lines
from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.ledger.location import locate
from bulkq.markers import tables
from bulkq.policy.gentle_pace import AUTO, chooses_pace
from bulkq.policy.mask_values import hidden_names
from bulkq.text.durations import exact_duration
from bulkq.text.mask import MASK
from bulkq.text.urls import hide_passwords, leave_out_password

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulkq.model import FallbackSchemas, Query, Run, Server
    from bulkq.tasks.plan.plan_run import QueryPlan
    from bulkq.tasks.plan.prepare_statements import TargetInspection

LONGEST_VALUE = 60
SHOWN = 20
"""Maximum number of targets to name."""


def row(name: str, value: str) -> str:
    """Return a line about the run."""
    return f"{name:<14}{value}"


def detail(name: str, value: str) -> str:
    """Return a line about one query."""
    return f"  {name:<12}{value}"


def ending(arguments: Sequence[str], queries: Iterable[Query]) -> str:
    """Return the last line, with the command line that executes the plan: quoted for a shell, passwords and secrets hidden."""
    hidden = frozenset[str]().union(*map(hidden_names, queries))
    shown = (_without_value(leave_out_password(argument), hidden) for argument in arguments[1:])
    command = shlex.join(["bulkq", *shown])
    return f"no query was executed. To run it: {command}"


def _without_value(argument: str, hidden: frozenset[str]) -> str:
    """Return `argument`, with `***` as the value of a `--param` whose name is in `hidden`."""
    pair = argument.removeprefix("--param=")
    name, separator, _ = pair.partition("=")
    hides = bool(separator) and name.casefold() in hidden
    return f"{argument.removesuffix(pair)}{name}={MASK}" if hides else argument


def refusals(errors: Iterable[Exception]) -> list[str]:
    """Return the reasons why the command would be refused, each once."""
    return [
        row("refused", line) for line in dict.fromkeys(line for error in errors for line in str(error).splitlines())
    ]


def server_text(server: Server, driver: str = "") -> str:
    """Return product, version, driver, and special properties of the connection."""
    words = [f"{server.product} {server.version}", *([f"driver {driver}"] if driver else [])]
    words += [f"tls {server.tls}"] if server.tls else []
    words += ["through a pooler in transaction mode"] if server.pooled else []
    words += ["standby in recovery"] if server.in_recovery else []
    words += [settings_text(server)] if server.settings else []
    return ", ".join(words)


def settings_text(server: Server) -> str:
    """Return the settings of the sessions and their source: `search_path=app (PGOPTIONS)`."""
    return ", ".join(f"{hide_passwords(f'{one.name}={one.value}')} ({one.source})" for one in server.settings)


def warning_lines(queries: Iterable[QueryPlan]) -> Iterable[str]:
    """What the run would warn of, each once."""
    found = (f"{one.file}:{one.line}: {one.message}" for query in queries for one in query.warnings)
    return dict.fromkeys(found)


def other_lines(others: Sequence[TargetInspection]) -> Iterable[str]:
    """Yield the other targets, with their findings on the queries."""
    clean = [other for other in others if other.error is None and not other.findings]
    hidden = {id(other) for other in clean[SHOWN:]}
    for other in others:
        if id(other) in hidden:
            continue
        yield row("also", f"{other.target}: {server_text(other.server) if other.server else other.error}")
        for one in other.findings:
            yield from finding_lines(one, f"{other.target}: ")
    if hidden:
        yield row("also", f"{len(hidden)} more, without findings")


def targets_text(request: Run, notices: Sequence[str]) -> list[tuple[str, str]]:
    """Return the rows about several targets, and how they were found."""
    if request.targets.sql is not None:
        asked = f"unknown: --targets-sql {shown_sql(request.targets.sql)} is not executed; it would run on"
        rows = [
            (
                "targets",
                f"{asked} {request.targets.selected[0].name or hide_passwords(request.targets.selected[0].url)}",
            )
        ]
        if request.targets.schemas:
            rows.append(("schemas", f"of those targets, like {', '.join(request.targets.schemas)}: not listed"))
        return rows
    rows = [("left out", notice) for notice in notices]
    if request.targets.schemas:
        schemas = list(dict.fromkeys(target.schema for target in request.targets.selected if target.schema))
        rows.append(("schemas", f"{_some(schemas)} (like {', '.join(request.targets.schemas)})"))
        rows += [
            ("search path", words)
            for words in dict.fromkeys(_path(target.behind) for target in request.targets.selected)
        ]
    names = list(dict.fromkeys(target.name or hide_passwords(target.url) for target in request.targets.selected))
    if len(names) > 1:
        rows.insert(0, ("targets", f"{_some(names)}; the plan examines the first that can be reached"))
    return rows


def _path(behind: FallbackSchemas) -> str:
    """Return the search path of a schema."""
    words = ["the schema", *(f'"{name}" (--schemas-with)' for name in behind.shared)]
    return ", ".join([*words, *(f'"{name}" (for its extensions only)' for name in behind.extensions)])


def shown_sql(sql: str) -> str:
    """Return the query on one line, in quotes."""
    return f'"{" ".join(sql.split())}"'


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)}: {', '.join(names[:SHOWN])}{more}"


def ledger_text(ledger: str, nothing: str) -> str:
    """Return the ledger of the run; `nothing` says what `none` means."""
    return f"none: {nothing}" if ledger == "none" else locate(ledger).shown


def markers_text(request: Run, *, ranges: bool = False) -> str:
    """Return the names of the marker tables, with the table of ranges for a backfill, and what becomes of them."""
    schema, _, prefix = (request.safety.marker_table or "").rpartition(".")
    known = dialect_for(dialect_of(request.url))
    made = tables(schema if schema and known.search_path else None, prefix or None)
    names = [made.runs, *([made.ranges] if ranges else []), made.markers]
    shown = f"{', '.join(names[:-1])} and {names[-1]}".replace('"', "")
    where = " in the first schema of the search path" if known.search_path and not schema else ""
    end = "kept when the run ends" if request.safety.keep_markers else "emptied of this run when it ends"
    return f"{shown}{where}, created on first use, {end}"


def limits_of_stopping(request: Run) -> list[str]:
    """`max failures 3`, `fail fast`, `throttle file:/run/hold`, `max rate 500/s`."""
    parts = []
    if request.limits.max_failures is not None:
        most = request.limits.max_failures
        parts.append(f"max failures {most.count if most.count is not None else f'{most.percent:g}%'}")
    parts += ["fail fast"] if request.limits.fail_fast else []
    return [*parts, *(f"throttle {expression}" for expression in request.throttles), *_pace(request)]


def _pace(request: Run) -> Iterator[str]:
    """Yield what else holds or ends the run."""
    limits = request.limits
    yield from (f"critical {expression} ({limits.on_critical}s)" for expression in limits.critical)
    yield from (f"window {text}" for text in limits.window)
    if limits.max_rate is not None:
        yield f"max rate {limits.max_rate}"
    if chooses_pace(limits, request.throttles, backfill=request.backfill is not None):
        given = (
            ""
            if limits.nice
            else ", because a throttle of commit or lag is given, and none of --nice, --max-rate and -j"
        )
        yield f"nice {AUTO}{given}"
    elif limits.nice:
        yield f"nice {limits.nice:g}"
    if limits.throttle_timeout_s is not None:
        yield f"throttle timeout {exact_duration(limits.throttle_timeout_s)}"


def own_limits(query: Query, request: Run) -> list[str]:
    """Return the limits of the query file that no option outranks."""
    parts = []
    if not request.limits.timeout_given and (query.no_timeout or query.timeout_s is not None):
        parts.append(f"timeout {exact_duration(query.timeout_s)}")
    if not request.limits.lock_timeout_given and query.lock_timeout_s is not None:
        parts.append(f"lock timeout {exact_duration(query.lock_timeout_s)}")
    if not request.limits.retries_given and query.retries is not None:
        parts.append(f"retries {query.retries}")
    return parts


def parameter_lines(made: QueryPlan) -> Iterable[str]:
    """Yield the parameters, the number of sets, and the first set."""
    query = made.query
    types = made.parameter_types or ("",) * len(query.parameters)
    for parameter, found in zip(query.parameters, types, strict=False):
        default = f", default {parameter.default}" if parameter.has_default else ""
        secret = ", secret" if parameter.secret else ""
        yield detail("parameter", f"{parameter.name}: {found or parameter.type or 'any type'}{default}{secret}")
    if query.parameters and made.problem is None and (made.total is None or made.source or made.first):
        yield detail("sets", _sets(made))
    if made.repeats:
        yield detail("repeats", made.repeats)
    if made.first:
        yield detail("first", ", ".join(f"{name}={_value(value)}" for name, value in made.first))


def columns_lines(made: QueryPlan) -> list[str]:
    """Return the result columns, if the database knows them."""
    names = ", ".join(f"{column.name} {column.type}".strip() for column in made.columns)
    return [detail("columns", names)] if names else []


def _sets(made: QueryPlan) -> str:
    total = "their number is not known before they are read" if made.total is None else f"{made.total}"
    source = f" from {made.source}" if made.source else ""
    checked = f", the first {made.checked} checked" if made.checked else ""
    return f"{total}{source}{checked}"


def _value(value: object) -> str:
    text = "NULL" if value is None else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
