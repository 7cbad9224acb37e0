"""Find the parameters that identify the rows of a write, from the catalog, before the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.model import StatementClass
from bulkq.policy.merged_number_ranges import Ranges
from bulkq.text.message_parts import first_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.dialects.base import Dialect
    from bulkq.dialects.row_key_catalog import CatalogTable, RowKeyCatalog
    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Query
    from bulkq.protocols import Connection, ParameterSource, Statement
    from bulkq.query.key_columns_of_write import KeyColumns
    from bulkq.query.row_keys_of_parameter_sets import RowKey

CHECKED = 10_000
"""Sets that are compared at once when a retry looks for later ones of the same row."""

SHOWN = 10
"""Ranges of lost sets that a message names."""


async def order(
    opened: OpenRun, target: OpenTarget, connection: Connection, statements: Sequence[Statement | None]
) -> None:
    """Give the writes of `target` their order, as far as rows can be told apart by parameters.

    Raises:
        TargetError: the connection broke.
    """
    for part, statement in zip(target.parts, statements, strict=True):
        if statement is None or part.spec.limits.read_only:
            continue
        again = opened.resume.only is not None or bool(opened.resume.forgotten.get(part.spec.number))
        if part.spec.limits.ordered and not again:
            continue
        try:
            found = await named(connection, statement, dialect_of(target.definition.url))
        except DatabaseError as error:
            if error.connection_lost:
                raise TargetError(f"{target.label}: {error}") from error
            continue
        if found and again:
            await _refuse_overtaken(opened, part, found)
        if part.spec.limits.ordered:
            continue
        part.apart = found == () or (found is None and _ranged(opened, statement.query))
        if found:
            from bulkq.engine.same_row_write_order import Order

            part.order = Order(part.source, found, exact=opened.resume.record is None)


async def _refuse_overtaken(opened: OpenRun, part: PartState, groups: Sequence[RowKey]) -> None:
    """Refuse to apply a set of a retry, or one that the database has forgotten, after a later set has changed the same row.

    Raises:
        RefusedError: names the first of them.
    """
    resume, number = opened.resume, part.spec.number
    wanted = Ranges((resume.forgotten if resume.only is None else resume.only).get(number, ()))
    applied = None if resume.only is not None else Ranges(resume.done.get(number, ()))
    names: list[dict[object, int]] = [{} for _ in groups]
    overtaken: dict[int, int] = {}
    source = await opened.sources.whole(part.spec.number, part.spec.query)
    try:
        while (batch := await source.take(CHECKED, 0)) is not None:
            for known, group in zip(names, groups, strict=True):
                for at, key in enumerate(group.of(batch.sets)):
                    if batch.first + at in wanted:
                        known[key] = batch.number(at)
                    elif key in known and (applied is None or batch.first + at in applied):
                        overtaken.setdefault(known[key], batch.number(at))
    finally:
        await source.close()
    if overtaken:
        raise RefusedError(f"{part.spec.query.place}: {_told(overtaken, wanted, retry=resume.only is not None)}")


def _told(overtaken: Mapping[int, int], wanted: Ranges, *, retry: bool) -> str:
    """Say which sets would undo what later ones have done.

    Args:
        overtaken: by number of a set, that of a later one of the same row.
        wanted: the sets that would be applied now.
        retry: they have failed. Else the database has forgotten them.
    """
    first = min(overtaken)
    kind, what = ("failed sets", "a retry") if retry else ("sets that the database has lost", "a resume")
    numbers = first_names([f"{one} to {last}" for one, last in wanted], SHOWN)
    instead = "the file of --failures" if retry else f"the sets that it has lost ({numbers})"
    return (
        f"{len(overtaken)} {kind} name a row that a later set has changed since (set {first}: by set {overtaken[first]}), "
        f"and {what} would undo that: correct them by hand, or give {instead} to -p of a new run"
    )


async def named(connection: Connection, statement: Statement, dialect: str) -> tuple[RowKey, ...] | None:
    """What names the rows of the sets of `statement`; () if no two sets share a row, None if it is not known.

    Raises:
        DatabaseError: the catalog cannot be asked.
    """
    query = statement.query
    if query.statement is not StatementClass.WRITE:
        return None
    from bulkq.query.key_columns_of_write import find_key_columns
    from bulkq.query.row_keys_of_parameter_sets import RowKeyTypes, find_row_keys

    found = find_key_columns(query, dialect)
    if found is None or not found.values:
        return None
    known = dialect_for(dialect)
    catalog = known.catalog
    table = None if catalog is None else await _table(connection, known, catalog, found, query)
    if catalog is None or table is None:
        return None
    declared = [parameter.type for parameter in query.parameters]
    return find_row_keys(found, table, RowKeyTypes(statement.parameter_types, declared, catalog.keys))


def sentence(opened: OpenRun) -> str:
    """What the first line of a run says of the order in which sets take effect; "" if nothing depends on it."""
    parts = [
        part
        for part in opened.parts
        if not (part.spec.limits.read_only or part.refused or part.exhausted) and part.sessions.gone is None
    ]
    if parts and opened.resume.order and not opened.backfills:
        return opened.resume.order
    if opened.request.limits.ordered:
        return "sets take effect in input order, on one lane"
    open_ = [part for part in parts if not part.spec.limits.ordered]
    if len({part.spec.query.place for part in open_}) > 1:
        return "lanes apply sets and queries in no order: --ordered keeps that of the input"
    open_ = [part for part in open_ if not part.apart and part.source.total != 1]
    if not open_:
        return ""
    first = open_[0].order
    if first is None or not all(part.order for part in open_):
        return "lanes apply sets in no order: --ordered keeps that of the input"
    group = first.groups[0]
    names = group.names[0] if len(group.names) == 1 else f"({', '.join(group.names)})"
    slow = "" if group.compared else ", one batch at a time: how its type compares is not known"
    return f"sets with equal {names} take effect in input order{slow}"


def repeated(count: int, *, exact: bool) -> str:
    """How many sets name a row that an earlier set names, for people."""
    return f"{'' if exact else 'at least '}{count} sets name a row that an earlier set names"


async def repeats(connection: Connection, statement: Statement, dialect: str, source: ParameterSource) -> str:
    """How many sets of `source` name a row again; "" where there are none, or where that is not known.

    Raises:
        DatabaseError: the catalog cannot be asked.
    """
    found = await named(connection, statement, dialect)
    if not found:
        return ""
    from bulkq.engine.same_row_write_order import Order

    counted = Order(source, found)
    index = 0
    while await counted.take(CHECKED, index) is not None:
        counted.done(index)
        index += 1
    return repeated(counted.repeated, exact=counted.exact) if counted.repeated else ""


def _ranged(opened: OpenRun, query: Query) -> bool:
    """Whether the sets are the ranges that bulkq makes, which do not overlap, and the query takes them as such."""
    params = opened.request.sources.specs
    if len(params) != 1 or not params[0].startswith("range:") or opened.request.sources.constants:
        return False
    from bulkq.query.key_columns_of_write import find_key_columns

    found = find_key_columns(query, dialect_of(opened.request.url))
    names = [parameter.name for parameter in query.parameters]
    return found is not None and found.bounds is not None and [names[i] for i in found.bounds] == ["lo", "hi"]


async def _table(
    connection: Connection, dialect: Dialect, catalog: RowKeyCatalog, found: KeyColumns, query: Query
) -> CatalogTable | None:
    """The table that `found` names, where the names of `query` are looked up; None if there is none."""
    for schema in query.path if query.path and len(found.table) == 1 else (None,):
        parts = found.table if schema is None else (schema, *found.table)
        answers: list[list[tuple[object, ...]]] = []
        for text in dialect.table_queries(parts):
            answers.append(await connection.administer([text]))
            if not answers[0]:
                break
        else:
            return catalog.table(answers)
    return None
