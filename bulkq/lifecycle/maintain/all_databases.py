"""`--all-databases`: each target once for every database of its server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.errors import UsageError
from bulkq.lifecycle import open_targets
from bulkq.lifecycle.maintain.target_objects import read_rows
from bulkq.text.message_parts import quoted
from bulkq.text.urls import with_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model import Run, Target
    from bulkq.protocols import Observer


async def on_all_databases(request: Run, observers: Sequence[Observer] = ()) -> Run:
    """`request` with a target for every database of each server, or for each server if the command works on all of it.

    A server that cannot be reached stays one target, which is reported.

    Args:
        request: of maintenance.
        observers: are given the names of databases that are left out, with the reason.

    Raises:
        UsageError: a database has no others beside it.
        TargetError: no server can be reached.
    """
    options = request.maintenance
    assert options is not None, "the request of maintenance has its options"
    targets = open_targets.open_all(request, "bulkq/databases", lambda _: None)
    found: dict[int, tuple[str, ...]] = {}

    async def look(target: OpenTarget) -> None:
        known = dialect_for(dialect_of(target.definition.url))
        if not known.databases:
            raise UsageError(f"{target.label}: has no other databases: leave out --all-databases")
        if known.maintenance is not None and options.command in known.maintenance.of_server:
            return
        connection = await open_targets.connected(target, request.limits.connect_timeout_s)
        try:
            rows = await read_rows(connection, known.databases)
        finally:
            await connection.close()
        found[target.places[0]] = tuple(str(name) for name, why in rows if not why)
        for name, why in rows:
            for observer in observers if why else ():
                observer.notice(f"{target.label}: database {quoted(str(name))} is skipped: {why}")

    try:
        await open_targets.side_by_side(targets, look)
    finally:
        for target in targets:
            await target.sessions.close()
    selected: dict[tuple[str, str], Target] = {}
    for place, named in enumerate(request.targets.selected):
        for one in [_named(named, name) for name in found.get(place, ())] or [named]:
            selected.setdefault((one.name, one.url), one)
    return request.on(tuple(selected.values()))


def _named(target: Target, database: str) -> Target:
    """The same server, another database. What was expected of the one that was named does not hold for the others."""
    name = f"{target.name}/{database}" if target.name else ""
    return replace(target, url=with_database(target.url, database), name=name, expect={})
