"""The objects of one target: asked of its catalog, chosen, and put in order."""

from __future__ import annotations

from dataclasses import field, replace
from math import inf
from typing import TYPE_CHECKING

from bulkq.dialects.maintenance_catalog import ServerFacts, SizeForm
from bulkq.dialects.sqlstates import LOCK_NOT_AVAILABLE
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.errors import DatabaseError, RefusedError, TargetError, UsageError
from bulkq.model.frozen_dataclass import mutable
from bulkq.model.maintenance import MaintenanceOptions
from bulkq.policy.object_name_patterns import matches_name, matches_schema
from bulkq.policy.object_order import column_of, in_order
from bulkq.policy.object_selection import COLUMNS, PERCENT, columns_of, parse_selection, selects
from bulkq.text.message_parts import quoted, suggestion_or_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects.base import Dialect
    from bulkq.dialects.maintenance_catalog import Leftover, MaintenanceCatalog
    from bulkq.dialects.row_key_catalog import Rows
    from bulkq.lifecycle.maintain.started_record import StartedRecord
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model.maintenance import MaintainedObject, ObjectFacts, ObjectResult
    from bulkq.protocols import Connection


QUICK_BYTES = 4_000_000
"""An object up to this size is done in a few milliseconds, unless it waits for a lock."""

_SETTINGS = {
    "full": "--full",
    "analyze": "--analyze",
    "skip_locked": "--skip-locked",
    "parallel": "--parallel",
    "buffer_usage_limit": "--buffer-usage-limit",
    "concurrently": "--no-concurrently",
}
"""Options that not every database has, by field of `MaintenanceOptions`."""

CATALOG_S = 60.0
"""Timeout of a query for the catalog."""


@mutable(kw_only=True)
class TargetObjects:
    """The maintenance of one target.

    Attributes:
        catalog: of its database.
        server: its version and role.
        listed: the facts of all objects that the command could be executed for, by kind and name.
        objects: those of the run, in their order.
        former: the names in the record of objects that were renamed since, by the names that they have now.
        taken: numbers of objects that were dropped since the run was recorded, and whose names other objects of the run have now.
        before: leftovers of earlier rebuilds, which are not ours.
        invalid: names of indexes that are left out because they are invalid, and no leftovers.
        left: what our rebuilds have left behind and could not be removed.
        moved: names of objects that are done, and whose proof was seen to have changed with their size; then the work is on disk.
        doubtful: objects that the server reported as done, and whose counters were reset before the work was known to be on disk.
        unmoved: objects that the server reported as done, and whose catalog shows nothing.
        results: what came of each object in this process.
        record: knows which of them were begun; None before the run is recorded.
        anew: they were listed by this process, and are not recorded yet.
        rough: the sizes of the list are too old or too rough to show. Each is asked for about when its object is done, with the proof.
        unmeasured: the objects whose size after is still to be asked for, by position in `results`.
    """

    catalog: MaintenanceCatalog
    server: ServerFacts
    listed: dict[tuple[str, str], ObjectFacts] = field(default_factory=dict)
    objects: tuple[MaintainedObject, ...] = ()
    former: dict[str, str] = field(default_factory=dict)
    taken: frozenset[int] = frozenset()
    before: tuple[Leftover, ...] = ()
    invalid: tuple[str, ...] = ()
    left: dict[str, Leftover] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    unmoved: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    results: list[ObjectResult] = field(default_factory=list)
    anew: bool = False
    rough: bool = False
    record: StartedRecord | None = None
    unmeasured: dict[int, MaintainedObject] = field(default_factory=dict)

    def facts(self, wanted: MaintainedObject) -> ObjectFacts | None:
        """What the catalog says of an object; None if it is gone."""
        return self.listed.get((wanted.schema, wanted.name))

    def as_listed(self, wanted: MaintainedObject) -> MaintainedObject:
        """The object as the catalog has it now: the proof of one that an earlier process has recorded may be another."""
        facts = self.facts(wanted)
        return wanted if facts is None else facts.object

    def is_quick(self, wanted: MaintainedObject) -> bool:
        """Whether a small object can be done in one command with others: nothing is in its way, and the catalog proves it."""
        facts = self.facts(wanted)
        if facts is None or facts.missing or facts.locked or facts.proof is None:
            return False
        return (facts.values.get("size") or inf) <= QUICK_BYTES

    @property
    def chosen(self) -> list[ObjectFacts]:
        """The facts of the objects of the run that are there."""
        return [facts for one in self.objects if (facts := self.facts(one)) is not None]


def catalog_of(dialect: Dialect, options: MaintenanceOptions, target: OpenTarget, product: str) -> MaintenanceCatalog:
    """How the database does the command.

    Raises:
        UsageError: it does not have it, or its library does not give what is needed.
    """
    catalog = dialect.maintenance
    if catalog is None:
        raise UsageError(f"{target.label}: bulkq knows no maintenance for {product}: leave this target out")
    if options.command not in catalog.commands:
        names = ", ".join(catalog.commands)
        raise UsageError(f"{target.label}: {product} has no {options.command}: use one of {names}")
    _refuse_settings(catalog, options, target, product)
    if catalog.needs_notices and not target.driver.capabilities.notices:
        raise UsageError(
            f"{target.label}: {target.driver.capabilities.name} does not give the warnings of the server, which say what was not done: "
            "use postgresql://HOST/NAME"
        )
    return catalog


def _refuse_settings(
    catalog: MaintenanceCatalog, options: MaintenanceOptions, target: OpenTarget, product: str
) -> None:
    """Refuse an option that would change nothing on the database: what it asks for would seem to be done.

    Raises:
        UsageError: names the option.
    """
    default = MaintenanceOptions(command=options.command)
    for name, typed in _SETTINGS.items():
        if name not in catalog.settings and getattr(options, name) != getattr(default, name):
            raise UsageError(f"{target.label}: {options.command} of {product} has no {typed}: leave it out")


def _refuse_unknown_columns(found: Sequence[ObjectFacts], options: MaintenanceOptions, target: OpenTarget) -> None:
    """Refuse a column of `--select` that the database gives for no object: the comparison would never be true.

    Raises:
        UsageError: names the columns that it gives.
    """
    if not found or not options.select:
        return
    texts = {name for name, forms in COLUMNS.items() if not forms}
    known = texts | {column.removesuffix(PERCENT) for facts in found for column in facts.values}
    for column in sorted(columns_of(parse_selection(options.select)) - known):
        names = ", ".join(name for name in COLUMNS if name in known)
        raise UsageError(
            f"{target.label}: --select: {column} is not known of the objects of {options.command}: use {names}"
        )


def able(connection: Connection) -> BaseConnection:
    """The connection, which executes commands.

    Raises:
        UsageError: its driver does not.
    """
    if not isinstance(connection, BaseConnection):
        raise UsageError("the driver of this target executes no maintenance: leave the target out")
    return connection


async def look_at(
    connection: Connection, target: OpenTarget, dialect: Dialect, options: MaintenanceOptions, *, exact: bool
) -> TargetObjects:
    """Ask about the server and all objects of the command. Their sizes may be estimates if they need not be `exact`.

    Raises:
        UsageError: the database does not have the command, or the server does not fit the options.
        RefusedError: the server is a standby, or behind a pooler.
    """
    known = able(connection).server
    catalog = catalog_of(dialect, options, target, known.product)
    if known.pooled:
        raise RefusedError(
            f"{target.label}: a pooler is in between, where commands have no time limit: connect to the server itself"
        )
    server = server_facts(connection)
    if catalog.limits:
        why = catalog.refuse(options, await read_rows(connection, catalog.limits), server)
        if why:
            raise RefusedError(f"{target.label}: {why}")
    rough = not exact and catalog.late(options)
    sizes = SizeForm.ROUGH if rough and "size" not in _columns(options) else SizeForm.EXACT
    found = await list_objects(connection, catalog, options, server, sizes)
    _refuse_unknown_columns(found, options, target)
    listed = {(f.object.schema, f.object.name): f for f in found}
    made = TargetObjects(catalog=catalog, server=server, listed=listed, rough=rough)
    if catalog.leftovers and options.command == "reindex":
        rows = await read_rows(connection, catalog.leftovers.format(table="NULL::text"))
        made.before = catalog.read_leftovers(rows, server)
        made.invalid = tuple(one.object.shown for one in catalog.read_invalid(rows) if _named(one, options))
    return made


def server_facts(connection: Connection) -> ServerFacts:
    """What decides about the texts of statements."""
    known = connection.server
    return ServerFacts(version=known.version_number, product=known.product, role=known.user)


async def read_rows(connection: Connection, sql: str) -> Rows:
    """The rows of a query for the catalog, in a transaction that only reads and is over at once."""
    return await able(connection).catalog_rows(sql, timeout_s=CATALOG_S)


async def list_objects(
    connection: Connection,
    catalog: MaintenanceCatalog,
    options: MaintenanceOptions,
    server: ServerFacts,
    sizes: SizeForm = SizeForm.EXACT,
) -> Sequence[ObjectFacts]:
    """The facts of all objects of a command. If a size would have to wait for a lock, sizes are estimates.

    Raises:
        TargetError: the catalog does not answer.
    """
    for form in (sizes, SizeForm.ESTIMATED):
        query = catalog.objects(options, server, bloat="bloat" in _columns(options), sizes=form)
        try:
            return catalog.read(options, server, await read_rows(connection, query))
        except DatabaseError as error:
            if error.sqlstate != LOCK_NOT_AVAILABLE or form is SizeForm.ESTIMATED:
                raise TargetError(f"the objects cannot be listed: {error}") from error
    raise AssertionError  # the loop returns or raises


def _columns(options: MaintenanceOptions) -> frozenset[str]:
    """The columns that decide which objects are selected, and in which order."""
    selecting = columns_of(parse_selection(options.select)) if options.select else frozenset[str]()
    return selecting | {column_of(options.order, options.command)}


def choose(found: Sequence[ObjectFacts], options: MaintenanceOptions) -> tuple[MaintainedObject, ...]:
    """The objects of a run, in their order: those that the options name and select."""
    named = [one for one in found if _named(one, options)]
    if options.select:
        condition = parse_selection(options.select)
        named = [one for one in named if selects(condition, one)]
    ordered = in_order(named, options.order, options.command)
    return tuple(one.object if one.object.proof else replace(one.object, proof=one.proof or "") for one in ordered)


def _named(facts: ObjectFacts, options: MaintenanceOptions) -> bool:
    if options.tables and not any(matches_name(pattern, facts) for pattern in options.tables):
        return False
    if options.schemas and not any(matches_schema(pattern, facts.object.schema) for pattern in options.schemas):
        return False
    return not any(_excludes(pattern, facts) for pattern in options.exclude)


def _excludes(pattern: str, facts: ObjectFacts) -> bool:
    return matches_name(pattern, facts) or matches_schema(pattern, facts.object.schema)


def unknown_exclusions(everywhere: Sequence[TargetObjects], options: MaintenanceOptions) -> list[str]:
    """The names of `--exclude` that mean no object of the command on any target."""
    listed = [facts for made in everywhere for facts in made.listed.values()]
    return [pattern for pattern in options.exclude if not any(_excludes(pattern, facts) for facts in listed)]


def refuse_unknown_names(everywhere: Sequence[TargetObjects], options: MaintenanceOptions) -> None:
    """Refuse a name of `--table` or `--schema` that means no object on any target.

    Raises:
        UsageError: names the nearest objects.
    """
    listed = [facts for made in everywhere for facts in made.listed.values()]
    tables = {name for facts in listed for name in (facts.object.table, *facts.parents)}
    names = sorted({name for table in tables for name in (table.rpartition(".")[2], table) if name})
    for pattern in options.tables:
        if not any(matches_name(pattern, facts) for facts in listed):
            shown = (
                suggestion_or_names(pattern, names)
                if 0 < len(names) <= 20
                else suggestion_or_names(pattern, names[:20])
            )
            raise UsageError(f"--table {quoted(pattern)}: no object of {options.command} has this name{shown}")
    schemas = sorted({facts.object.schema for facts in listed})
    for pattern in options.schemas:
        if not any(matches_schema(pattern, one) for one in schemas):
            raise UsageError(
                f"--schema {quoted(pattern)}: no object of {options.command} is in it{suggestion_or_names(pattern, schemas)}"
            )
