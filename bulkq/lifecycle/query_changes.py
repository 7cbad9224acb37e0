"""What has changed in query files since a run began."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.drivers import dialect_of
from bulkq.errors import BulkqError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulkq.model import Parameter, Query, Run

KEYS = {
    "mode": ("mode",),
    "timeout": ("timeout_s", "no_timeout"),
    "lock_timeout": ("lock_timeout_s",),
    "retries": ("retries",),
    "idempotent": ("idempotent",),
    "transaction": ("transaction",),
    "batch": ("batch",),
}
"""Every `@key` that changes how a query runs, and the fields of `Query` that it sets."""


def changed_queries(request: Run) -> list[str]:
    """A line for each difference. The files are read again: what was recorded would run, but it is not what the user sees any more."""
    lines: list[str] = []
    for query in request.queries.selected:
        if query.file is None:
            continue
        try:
            text = Path(query.file).read_text(encoding="utf-8")
            found = {one.name: one for one in queries.load(text, query.file, dialect_of(request.url))}
        except (OSError, UnicodeDecodeError, BulkqError):
            lines.append(f"{query.file} can no longer be read, or has no query: restore the file of the run")
            continue
        if query.name not in found:
            lines.append(f"{query.file} has no query {query.name} any more: restore it, or start a new run")
            continue
        what = ", ".join(_differences(query, found[query.name], _outranked(request)))
        if what:
            lines.append(f"{query.place}: {what} changed since the run began: restore it, or start a new run")
    return lines


def _outranked(request: Run) -> set[str]:
    """The keys that an option of the run stands in for."""
    given = {
        "timeout": request.limits.timeout_given,
        "lock_timeout": request.limits.lock_timeout_given,
        "retries": request.limits.retries_given,
        "batch": request.limits.batch is not None,
    }
    return {key for key, is_given in given.items() if is_given}


def _differences(then: Query, now: Query, outranked: set[str]) -> Iterator[str]:
    """What runs differently, as the file calls it."""
    if then.sql != now.sql:
        yield "the SQL"
    there = {parameter.name: parameter for parameter in now.parameters}
    for parameter in then.parameters:
        other = there.get(parameter.name)
        if other is not None and _declared(parameter) != _declared(other):
            yield f":{parameter.name} ({_declared(parameter)}, now {_declared(other)})"
    for key, fields in KEYS.items():
        if key not in outranked and any(getattr(then, name) != getattr(now, name) for name in fields):
            yield f"@{key} ({_value(then, key)}, now {_value(now, key)})"


def _declared(parameter: Parameter) -> str:
    default = f" = {parameter.default}" if parameter.has_default else ""
    return f"{parameter.type or 'no type'}{default}"


def _value(query: Query, key: str) -> str:
    return " ".join(query.metadata.get(key, ())) or "not given"
