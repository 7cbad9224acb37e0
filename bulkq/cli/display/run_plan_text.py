"""The plan of a run as lines: its mode, limits and output, then each query, then the other targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.cli.display import shared_plan_lines as text
from bulkq.cli.display.server_finding_text import finding_lines
from bulkq.policy import safety
from bulkq.text.durations import exact_duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model import Query, Run
    from bulkq.tasks.plan.plan_run import Plan, QueryPlan


def plan_lines(made: Plan) -> Iterable[str]:
    """Yield the lines of a plan: what holds for the run, then each query, then what differs on other targets."""
    request = made.request
    yield from _head(request, made)
    for query in made.queries:
        yield from _query(query, request)
    yield from text.other_lines(made.others)


def _head(request: Run, made: Plan) -> list[str]:
    asks = request.targets.sql is not None
    rows = [
        *text.targets_text(request, made.notices),
        ("asks" if asks else "target", made.target),
        ("server", text.server_text(made.server, made.capabilities.name)),
        *(("mode", f"{mode}: {safety.sentence(mode)}") for mode in _modes(request)),
        ("markers", text.markers_text(request) if safety.WRITE in _modes(request) else ""),
        ("ledger", text.ledger_text(request.safety.ledger, "the run is not recorded")),
        ("shard", _shard(request)),
        ("group", request.queries.group or ""),
        ("limits", _limits(request)),
        ("output", _output(request, made)),
        ("failures", request.output.failures or ""),
        ("null", _null(request)),
    ]
    refused = finding_lines(made.asking) if made.asking is not None else []
    return [*(text.row(name, value) for name, value in rows if value), *refused]


def _shard(request: Run) -> str:
    shard = request.sources.shard
    return (
        "" if shard is None else f"{shard}: the sets {', '.join(str(shard.number(place)) for place in (1, 2, 3))}, ..."
    )


def _modes(request: Run) -> list[str]:
    """Return the modes of the queries, each once."""
    return list(dict.fromkeys(safety.mode_of(query, request.safety) for query in request.queries.selected))


def _limits(request: Run) -> str:
    parts = [
        f"-j {request.limits.concurrency or 'auto'}",
        f"batch {request.limits.batch or 'auto'}",
        f"timeout {exact_duration(request.limits.timeout_s)}",
        f"lock timeout {exact_duration(request.limits.lock_timeout_s)}",
        f"retries {request.limits.retries}",
        f"outage {exact_duration(request.limits.outage_s)}",
        f"deadline {exact_duration(request.limits.deadline_s)}",
    ]
    parts += (
        [f"expects {request.safety.expect_rows} rows of each set"] if request.safety.expect_rows is not None else []
    )
    parts += [f"at most {request.safety.max_affected} rows in all"] if request.safety.max_affected is not None else []
    parts += [f"batch form {request.limits.batch_form}"] if request.limits.batch_form != "auto" else []
    parts += ["unknown sets are sent again"] if request.safety.retry_unknown else []
    return ", ".join([*parts, *text.limits_of_stopping(request)])


def _output(request: Run, made: Plan) -> str:
    where = made.output.path + (" (exists, will be replaced)" if made.output.replaces else "")
    form = f" as {made.output.format}" if made.output.format else ""
    include = f", with {', '.join(request.output.include)}" if request.output.include else ""
    return f"{where}{form}{include}{', in order of completion' if request.output.unordered else ''}"


def _null(request: Run) -> str:
    if not request.sources.specs:
        return ""
    return f'only "{request.sources.null}" is NULL' if request.sources.null else "an empty field is NULL"


def _query(made: QueryPlan, request: Run) -> Iterable[str]:
    query = made.query
    kind = query.mode or query.statement
    place = f"  {query.file}:{query.line}" if query.file else ""
    yield text.row("query", f"{query.name}{place}  {query.verb} ({kind}){_own_limits(query, request)}")
    yield from text.parameter_lines(made)
    yield from text.columns_lines(made)
    for at, line in enumerate(made.explained):
        yield text.detail("plan" if not at else "", line)
    if made.apart is not None:
        yield text.detail("batches", _form(made.apart, request))
    if request.targets.sql is not None:
        yield text.detail("prepared", "when its targets are known")
    if made.finding is not None:
        yield from finding_lines(made.finding)


def _form(apart: str, request: Run) -> str:
    """Return how the sets of a batch would be executed, and why."""
    wanted = request.limits.batch_form
    if apart:
        return f"one execution for each set: {apart}"
    if wanted == "pipeline":
        return "one execution for each set, as requested"
    return "one statement for all sets" + (" where that is faster" if wanted == "auto" else ", as requested")


def _own_limits(query: Query, request: Run) -> str:
    parts = text.own_limits(query, request)
    if not request.limits.batch_given and query.batch is not None:
        parts.append(f"batch {query.batch}")
    if not query.transaction:
        parts.append("outside a transaction")
    return "".join(f", {part}" for part in parts)
