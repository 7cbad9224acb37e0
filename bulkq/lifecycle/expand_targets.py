"""Expand the named targets to those of the run: rows of `--targets-sql`, schemas of `--schemas`.

Both are asked once, when a run begins; a resume works on what was found then.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.errors import DatabaseError, UsageError
from bulkq.lifecycle import open_targets
from bulkq.model import FallbackSchemas
from bulkq.policy import safety
from bulkq.targets import load_config, resolve_targets, with_replicas
from bulkq.targets.parameter_rows_from_query import rows_of
from bulkq.text import urls
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.dialects.base import Dialect
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model import Run, Target
    from bulkq.protocols import Connection
    from bulkq.targets import Config

MOST_LANES = 256
"""Lanes that are made for targets without being asked for."""

SHOWN = 20

NONE = "none"
"""The word of `--schemas-with` that leaves out the schemas of extensions."""


async def expand_targets(
    request: Run, config: Config | None, say: Callable[[str], None], *, everywhere: bool = False
) -> Run:
    """`request` with its final targets, in their order, each once.

    Args:
        request: as the user wrote it.
        config: for the names that a query gives.
        say: told what is left out.
        everywhere: a database without a schema for each pattern, and a row of the query that names no target, are errors;
            else they are left out.

    Raises:
        UsageError: the query gives no target, no schema matches, a driver knows no schemas.
        TargetError: the database that is asked cannot be reached.
        RefusedError: a target that the query gave is protected and was not confirmed.
    """
    if request.targets.sql is not None:
        request = await _queried(request, config, say, everywhere=everywhere)
    if request.targets.schemas:
        request = await _with_schemas(request, say, everywhere=everywhere)
    lanes = request.limits.concurrency
    if lanes is not None and not request.limits.concurrency_given:
        # One for each target, so that none waits for another to end.
        lanes = max(lanes, min(len({name_of(target) for target in request.targets.selected}), MOST_LANES))
    return replace(request, limits=replace(request.limits, concurrency=lanes))


async def recall_targets(request: Run, config: Config | None) -> Run:
    """The targets of a run that came from a query, with their passwords, which are not kept with the run.

    Raises:
        TargetError: the database that was asked cannot be reached.
    """
    assert request.targets.listed_by is not None
    asked = await _targets(request.on((request.targets.listed_by,)), config or load_config())
    known = {name_of(target): target for target in asked}
    return request.on(tuple(known.get(name_of(t), t).like(t) for t in request.targets.selected))


def name_of(target: Target) -> str:
    """By what a target is known in a run: its name, or its URL without a password."""
    return target.name or urls.hide_passwords(target.url).replace(f":{MASK}@", "@")


async def _queried(request: Run, config: Config | None, say: Callable[[str], None], *, everywhere: bool) -> Run:
    config = config or load_config()
    found = await _targets(request, config, say, everywhere=everywhere)
    refused = safety.refuse_protected(found, write=request.safety.write, confirmed=request.safety.confirmed)
    if refused is None and not request.limits.target_throttles:
        refused = safety.refuse_unthrottled(found, request.safety.confirmed)
    if refused is not None:
        raise refused
    targets = replace(request.targets, selected=found, listed_by=request.targets.selected[0])
    return with_replicas(replace(request, targets=targets), config)


async def _targets(
    request: Run, config: Config, say: Callable[[str], None] = lambda _: None, *, everywhere: bool = False
) -> tuple[Target, ...]:
    """What the first column of the query names: URLs, or names of the configuration."""
    assert request.targets.sql is not None
    words: list[str] = []
    try:
        async for _, rows in rows_of(request.targets.selected[0], request)(request.targets.sql):
            if rows:
                words += ["" if value is None else str(value).strip() for value in rows[0]]
    except DatabaseError as error:
        raise UsageError(f'--targets-sql "{request.targets.sql}": {error}') from error
    empty = words.count("")
    words = [word for word in words if word]
    if empty and words:
        told = f"{empty} of {empty + len(words)} rows name no target"
        if everywhere:
            raise UsageError(f'--targets-sql "{request.targets.sql}": {told}: leave them out with WHERE')
        say(f"--targets-sql: {told} and are left out")
    if not words:
        raise UsageError(f'--targets-sql "{request.targets.sql}": returned no target')
    return resolve_targets(tuple(dict.fromkeys(words)), config)


async def _with_schemas(request: Run, say: Callable[[str], None], *, everywhere: bool) -> Run:
    """Each target once for every schema that matches. One that cannot be reached stays without: it is reported, and not worked on."""
    targets = open_targets.open_all(request, "bulkq/schemas", say)
    for target in targets:
        if not target.driver.capabilities.schemas:
            raise UsageError(
                f"{target.label}: --schemas is for PostgreSQL: leave it out, or name the databases with -t"
            )
    found: dict[str, Sequence[str]] = {}
    behind: dict[str, FallbackSchemas] = {}
    without: dict[str, Sequence[str]] = {}

    async def look(target: OpenTarget) -> None:
        connection = await open_targets.connected(target, request.limits.connect_timeout_s)
        try:
            _refuse_two_paths(target, connection)
            found[target.label] = await _matching(connection, request.targets.schemas)
            behind[target.label] = await _behind(request, target, connection)
            without[target.label] = await _unmatched(connection, request.targets.schemas)
        finally:
            await connection.close()

    await open_targets.side_by_side(targets, look, write=request.safety.write)
    selected = _once_for_each_schema(request, targets, found, behind, say, everywhere=everywhere)
    if not any(found.values()):
        raise UsageError(f"no schema matches --schemas {_shown(request)}")
    _refuse_unmatched(without, everywhere=everywhere)
    return request.on(tuple(selected))


async def _matching(connection: Connection, patterns: Sequence[str]) -> Sequence[str]:
    """The schemas that match one of `patterns`."""
    rows = await connection.administer([_listing(dialect_for(connection.server.product), patterns)])
    return [str(row[0]) for row in rows]


async def _unmatched(connection: Connection, patterns: Sequence[str]) -> Sequence[str]:
    """Those of several `patterns` that no schema matches; of a single one, the result says so."""
    several = patterns if len(patterns) > 1 else ()
    return [pattern for pattern in several if not await _matching(connection, [pattern])]


def _refuse_unmatched(without: Mapping[str, Sequence[str]], *, everywhere: bool) -> None:
    """Refuse a pattern beside others that matches no schema of any target, or with `everywhere` of one: it may be mistyped.

    Raises:
        UsageError: names the pattern.
    """
    for label, patterns in without.items():
        for pattern in patterns:
            if everywhere or all(pattern in others for others in without.values()):
                raise UsageError(f'{label}: no schema matches --schemas "{pattern}": correct it, or leave it out')


def _once_for_each_schema(
    request: Run,
    targets: Sequence[OpenTarget],
    found: Mapping[str, Sequence[str]],
    behind: Mapping[str, FallbackSchemas],
    say: Callable[[str], None],
    *,
    everywhere: bool,
) -> list[Target]:
    """List the definition of each target once for every schema in `found`; as it is if it has no entry there.

    Raises:
        UsageError: no schema of one of several targets matches, and `everywhere` is True.
    """
    selected: list[Target] = []
    for target in targets:
        schemas = found.get(target.label)
        if schemas is None:
            selected.append(target.definition)
        elif not schemas and len(targets) > 1:
            if everywhere:
                raise UsageError(
                    f"{target.label}: no schema matches --schemas {_shown(request)}: nothing would be checked there"
                )
            say(f"{target.label}: no schema matches {_shown(request)}: it is left out")
        else:
            selected += [
                replace(target.definition, schema=schema, behind=_without(behind[target.label], schema))
                for schema in schemas
            ]
    return selected


def _refuse_two_paths(target: OpenTarget, connection: Connection) -> None:
    for one in connection.server.settings:
        if one.name == "search_path":
            raise UsageError(
                f"{target.label}: search_path of {one.source} and --schemas both set where names are looked up: remove one "
                "(--schemas-with adds schemas)"
            )


async def _behind(request: Run, target: OpenTarget, connection: Connection) -> FallbackSchemas:
    """What comes behind the schemas of a database.

    Raises:
        UsageError: a schema of `--schemas-with` is not there.
    """
    shared = tuple(name for name in request.targets.schemas_with if name != NONE)
    known = dialect_for(connection.server.product)
    there = {str(row[0]) for row in await connection.administer([known.schemas])} if shared else set()
    missing = [name for name in shared if name not in there]
    if missing:
        raise UsageError(f'{target.label}: there is no schema "{missing[0]}": correct --schemas-with')
    if NONE in request.targets.schemas_with:
        return FallbackSchemas(shared)
    extensions = [str(row[0]) for row in await connection.administer([known.extension_schemas])]
    return FallbackSchemas(shared, tuple(name for name in extensions if name not in shared))


def _without(behind: FallbackSchemas, schema: str) -> FallbackSchemas:
    return FallbackSchemas(
        tuple(name for name in behind.shared if name != schema),
        tuple(name for name in behind.extensions if name != schema),
    )


def _listing(dialect: Dialect, patterns: Sequence[str]) -> str:
    return dialect.schemas_like.format(patterns=", ".join(map(dialect.literal, patterns)))


def _shown(request: Run) -> str:
    return ", ".join(f'"{pattern}"' for pattern in request.targets.schemas[:SHOWN])
