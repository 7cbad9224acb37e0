"""A plan of a backfill as a file: what was planned, and what differs when it is carried out."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from bulkq.dialects import dialect_for
from bulkq.dialects.row_key_catalog import plain
from bulkq.drivers import dialect_of
from bulkq.errors import RefusedError, UsageError
from bulkq.lifecycle import database_identity
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.mask_values import hidden_names
from bulkq.text.mask import MASK
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.dialects.base import Dialect
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Run
    from bulkq.model.key_range import TableFacts
    from bulkq.protocols import Connection

FORM = 4
"""Of the file."""

AGAIN = "plan again, or restore what was planned"
ADVICE = "make a plan with bulkq plan backfill ... -o FILE"

GIVEN = "_given"
"""Fields with this end say where a value comes from, and are no settings."""


@frozen(kw_only=True)
class PlannedTable:
    """A table of a plan.

    Attributes:
        target: without a password.
        identity: which database it is.
        server: product and major version.
        table: its name.
        key: names and types of its columns.
        index: of the key.
        statement: with the place of its range; behind it, the one that takes what a function makes of its rows.
        made: what tells the table from another of its name; "" if that is not known.
        acting: triggers, rules and foreign keys that act when its rows change, with digests.
        session: settings of the session that decide what the statement means, each with its value.
        columns: that the statement may name, with their types: a value may be rounded, padded or cut for another type.
    """

    target: str
    identity: str
    server: str
    table: str
    key: tuple[str, ...]
    index: str
    statement: str
    made: str = ""
    acting: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@frozen(kw_only=True)
class PlannedBackfill:
    """A plan.

    Attributes:
        options: as they were given, by the names of parameters: texts, lists of texts, or true for a flag.
        secret: names of the parameters of the statement whose values are left out.
        settings: what the options, the environment and the configuration gave.
        tables: by target.
        place: the file that it was read from; "" of one that is made.
    """

    options: Mapping[str, Any]
    secret: tuple[str, ...]
    settings: Mapping[str, Any]
    tables: tuple[PlannedTable, ...]
    place: str = ""


def settings_of(run: Run) -> dict[str, Any]:
    """The settings of a request that decide what is changed, how fast, and when it waits or stops; as JSON gives them back."""
    assert run.backfill is not None, "the request of a backfill has its options"
    hidden = frozenset[str]().union(*map(hidden_names, run.queries.selected))
    constants = {name: MASK if name.casefold() in hidden else value for name, value in run.sources.constants.items()}
    safety = run.safety
    found = {
        **{name: value for name, value in asdict(run.limits).items() if not name.endswith(GIVEN)},
        **asdict(run.backfill),
        "param": constants,
        "allow": sorted(safety.allow),
        "marker_table": safety.marker_table,
        "keep_markers": safety.keep_markers,
        "max_affected": safety.max_affected,
        "canaries": run.targets.canaries,
    }
    made: dict[str, Any] = json.loads(json.dumps(found))
    return made


async def planned_tables(opened: OpenRun) -> tuple[PlannedTable, ...]:
    """The tables of an open backfill, one for each target.

    Raises:
        TargetError: a target cannot be reached.
    """
    return tuple([await _table(opened, target) for target in opened.targets if target.lost is None])


async def _table(opened: OpenRun, target: OpenTarget) -> PlannedTable:
    (part,) = target.parts
    made = opened.backfills[part.spec.number]
    facts, texts = made.facts, dict.fromkeys((made.statement.sql, part.spec.query.sql))
    server = target.server
    assert server is not None, "it was looked at"
    dialect = dialect_for(dialect_of(target.definition.url))
    statement = "; ".join(texts)
    session, types = await _answers(target, dialect, facts)
    return PlannedTable(
        target=target.label,
        identity=target.identity or await _identity(target),
        server=f"{server.product} {'.'.join(server.version.split('.')[: dialect.major_parts])}",
        table=facts.key.table,
        key=tuple(f"{column.name} {column.type}" for column in facts.key.columns),
        index=facts.key.index,
        statement=statement,
        made=facts.identity,
        acting=facts.acting,
        session=tuple(f"{name}={value}" for name, value in session),
        columns=tuple(f"{name} {kind}" for name, kind in types if name.casefold() in statement.casefold()),
    )


async def _answers(
    target: OpenTarget, dialect: Dialect, facts: TableFacts
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The settings of a session of the target that decide what a statement means, and the types of the table's columns."""
    catalog = dialect.tables
    questions = (catalog.session, catalog.types) if catalog is not None else ("", "")
    settings, types = (one.format(over=dialect.literal(facts.key.table)) for one in questions)
    if not settings and not types:
        return [], list(facts.columns.items())
    connection = await target.driver.connect()
    try:
        session = await _pairs(connection, settings)
        return session, await _pairs(connection, types) if types else list(facts.columns.items())
    finally:
        await connection.close()


async def _pairs(connection: Connection, query: str) -> list[tuple[str, str]]:
    rows = await connection.administer([query]) if query else []
    return [(plain(name), plain(value)) for name, value in rows]


async def _identity(target: OpenTarget) -> str:
    connection = await target.driver.connect()
    try:
        return await database_identity.identity(connection, target.definition.url)
    finally:
        await connection.close()


def to_json(plan: PlannedBackfill, version: str) -> str:
    """The text of a plan, with the `version` of bulkq. The same plan has the same text."""
    found = {"bulkq_plan": FORM, "bulkq": version, **asdict(plan)}
    del found["place"]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str, place: str) -> PlannedBackfill:
    """The plan in the file `place`.

    Raises:
        UsageError: it is not a plan.
        RefusedError: it has a form of another version of bulkq.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{place} is not JSON: {error}: {ADVICE}") from error
    if not isinstance(found, dict) or "bulkq_plan" not in found:
        raise UsageError(f"{place} is not a plan of bulkq: {ADVICE}")
    form = found["bulkq_plan"]
    if form != FORM:
        by = f" by bulkq {found['bulkq']}" if isinstance(found.get("bulkq"), str) else ""
        raise RefusedError(f"{place} was made{by} in form {form}, and this bulkq carries out form {FORM}: plan again")
    try:
        tables = tuple(_read_table(one) for one in found["tables"])
        options, settings = _read_options(found["options"]), dict(found["settings"])
        secret = tuple(map(str, found["secret"]))
        return PlannedBackfill(options=options, secret=secret, settings=settings, tables=tables, place=place)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{place} is not a whole plan of bulkq: {ADVICE}") from error


def _read_table(found: Mapping[str, Any]) -> PlannedTable:
    values = {one.name: found[one.name] for one in fields(PlannedTable)}
    return PlannedTable(**{**values, **{name: tuple(values[name]) for name in ("key", "acting", "session", "columns")}})


def _read_options(found: Mapping[str, Any]) -> dict[str, Any]:
    if not all(map(_is_option, found.values())):
        raise TypeError
    return dict(found)


def _is_option(value: object) -> bool:
    return (
        value is True
        or isinstance(value, str)
        or (isinstance(value, list) and all(isinstance(one, str) for one in value))
    )


async def refuse_differences(opened: OpenRun, plan: PlannedBackfill) -> None:
    """Refuse to carry out a plan whose statement, key, target, server or settings are not those that are found now.

    Raises:
        RefusedError: a line for each difference.
    """
    now = await planned_tables(opened)
    lines = list(_settings_differ(plan.settings, settings_of(opened.request)))
    if len(now) != len(opened.targets) or len(now) != len(plan.tables):
        lines.append(f"targets: {len(plan.tables)} in the plan, {len(now)} can be reached now")
    else:
        lines += [line for then, found in zip(plan.tables, now, strict=True) for line in _tables_differ(then, found)]
    if lines:
        raise RefusedError("\n".join(f"{plan.place}: {line}: {AGAIN}" for line in lines))


def refuse_other_databases(opened: OpenRun, plan: PlannedBackfill) -> None:
    """Refuse databases that are not those of the plan, as far as both are known.

    Raises:
        RefusedError: a line for each.
    """
    lines = [
        f"{plan.place}: {target.label}: database: {_shown(then.identity)} in the plan, {_shown(target.identity)} now: {AGAIN}"
        for then, target in zip(plan.tables, opened.targets, strict=False)
        if target.identity and target.identity != then.identity
    ]
    if lines:
        raise RefusedError("\n".join(lines))


def _settings_differ(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """A line for each setting that differs. A setting that only one of two versions of bulkq has must have no effect."""
    for name in sorted(then.keys() | now.keys()):
        before, found = then.get(name), now.get(name)
        if before != found:
            yield f"{name}: {_shown(before)} in the plan, {_shown(found)} now"


def _tables_differ(then: PlannedTable, now: PlannedTable) -> Iterator[str]:
    for name, words in (
        ("identity", "database"),
        ("server", "server"),
        ("table", "table"),
        ("key", "key"),
        ("index", "index"),
        ("statement", "statement"),
        ("made", "table with this name"),
        ("acting", "triggers, rules and foreign keys"),
        ("session", "settings of the session"),
        ("columns", "types of columns"),
    ):
        before, found = getattr(then, name), getattr(now, name)
        if before != found:
            yield f"{now.target}: {words}: {_shown(before)} in the plan, {_shown(found)} now"


def _shown(value: object) -> str:
    """A value in one line."""
    if value in (None, [], (), {}):
        return "none"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(str, value))})"
    return quoted(" ".join(value.split())) if isinstance(value, str) else str(value)
