"""Prepare a backfill whose logic is a Python function: its statements, and before it begins a trial on the first rows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq.dialects import sqlstates
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.engine.range_transform import RangeTransform
from bulkq.errors import DatabaseError, RefusedError, TargetError, UsageError
from bulkq.lifecycle import open_targets
from bulkq.lifecycle.backfill.transform_queries import TransformQueries
from bulkq.model import Batch, Decoding
from bulkq.model.key_range import KeyRange
from bulkq.query.identifier_placeholders import name_parts
from bulkq.query.range_placeholder import find_range
from bulkq.query.transform_statements import SELECT, add_row_lock
from bulkq.text.message_parts import listed
from bulkq.transforms import RowFunction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.dialects import Dialect
    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Query
    from bulkq.model.key_range import TableKey
    from bulkq.model.run import BackfillOptions
    from bulkq.protocols import Connection

TRIAL = (10, 100, 1000)
"""Rows at the beginning of the table among which rows for a trial are looked for."""

HOPELESS = 100
"""A function that fails for all of so many rows is wrong, and not its rows."""


async def prepare_transform(
    opened: OpenRun, part: PartState, connection: Connection, made: TableBackfill, whole: KeyRange, dialect: Dialect
) -> None:
    """Set `part.transform`. Nothing is executed.

    Args:
        opened: the run, with the processes of the function.
        part: whose query takes what the function gives.
        connection: idle.
        made: the backfill of the table.
        whole: the key space.
        dialect: of the database.

    Raises:
        UsageError: `--select` does not give the key, or gives two columns of one name.
        RefusedError: the database refuses a statement.
    """
    options, processes = opened.request.backfill, opened.processes
    assert options is not None, "the request of a backfill has its options"
    assert options.map is not None, "it has a function"
    assert processes is not None, "the function was imported"
    spec = part.spec
    part.spec = replace(spec, typed=True)
    select, _ = made.batches.statement(whole)
    timeout_s = spec.limits.timeout_s if options.map_timeout_s is None else options.map_timeout_s
    names = [parameter.name for parameter in spec.query.parameters]
    function = RowFunction(options.map, processes, timeout_s, names)
    try:
        applied = await connection.prepare(spec.query, spec.decoding, typed=True, identifiers={})
        if isinstance(connection, BaseConnection):
            connection.must_be_claimable(applied)
        found = await connection.prepare(select, Decoding.PYTHON, typed=False, identifiers={})
        if found.columns:
            _check_columns([column.name for column in found.columns], made.facts.key)
        queries = await _queries(connection, options, dialect, made, select)
    except DatabaseError as error:
        if error.connection_lost:
            raise
        raise RefusedError(f"{part.spec.query.place}: {error}") from error
    part.transform = RangeTransform(function, queries)
    function.trusted = opened.resume.record is not None


async def try_functions(opened: OpenRun) -> None:
    """Call the function of a new backfill for the first rows of each target. Nothing is applied.

    Raises:
        UsageError: `--select` changes data.
        RefusedError: the database refuses it, or the function gives nothing that the query takes.
        TargetError: a target cannot be reached any more.
    """
    for target in opened.targets if opened.processes is not None and opened.resume.record is None else ():
        for part in target.parts if target.lost is None else ():
            made = opened.backfills[part.spec.number]
            if part.transform is None or made.end is None:
                continue
            work = partial(_try_at, part, part.transform, made, KeyRange(made.start, made.end))
            await open_targets.visit_again(target, work, patient=not opened.several)


async def _try_at(
    part: PartState,
    transform: RangeTransform,
    made: TableBackfill,
    whole: KeyRange,
    target: OpenTarget,
    connection: Connection,
) -> None:
    try:
        await _try(part, transform, connection, made, whole)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(f"{target.label}: the connection was lost: {error}") from error
        if error.sqlstate == sqlstates.READ_ONLY:
            raise UsageError(f"{SELECT} changes data, which --apply is for: {error}") from error
        raise RefusedError(f"{SELECT}: {error}") from error


async def _queries(
    connection: Connection, options: BackfillOptions, dialect: Dialect, made: TableBackfill, select: Query
) -> TransformQueries:
    """The statements of the table. Rows are locked by `--select` itself, or by a statement of their own if it takes no clause.

    Raises:
        DatabaseError: the connection is lost.
    """
    key = made.facts.key
    clause = _clause(made, dialect) if options.lock else ""
    if not clause:
        return TransformQueries(key, dialect, clause="", apart=False)
    try:
        await connection.prepare(add_row_lock(select, clause), Decoding.PYTHON, typed=False, identifiers={})
    except DatabaseError as error:
        if error.connection_lost:
            raise
        return TransformQueries(key, dialect, clause="", apart=True)
    return TransformQueries(key, dialect, clause=clause, apart=False)


def _clause(made: TableBackfill, dialect: Dialect) -> str:
    """What locks the rows of the table in `--select`: it has the alias of `:range(u)` there, or its own name."""
    table = made.facts.key.table
    own = dialect.identifier((name_parts(table, dialect.quote) or (table,))[-1])
    alias = next((place.alias for place in find_range(made.statement, dialect.name) if place.alias), own)
    return dialect.row_lock.format(table=alias)


def _check_columns(names: Sequence[str], key: TableKey) -> None:
    """Raise UsageError if the rows of `--select` do not say which rows of the table they are, or have two columns of one name."""
    missing = [column.name for column in key.columns if column.name not in names]
    if missing:
        raise UsageError(f"{SELECT} does not give {listed(missing)} of the key of {key.table}: add it to the columns")
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise UsageError(f"{SELECT} gives two columns {listed(twice[:1])}: name one of them with AS")


async def _try(
    part: PartState, transform: RangeTransform, connection: Connection, made: TableBackfill, whole: KeyRange
) -> None:
    """Call the function for the first rows that `--select` gives, without applying anything.

    Raises:
        RefusedError: it fails for all of them, and they are many.
    """
    after, failed = whole.after, 0
    for rows in TRIAL:
        found = await made.cutter.next_range(after, whole.upto, rows)
        if found is None:
            return
        query, values = made.batches.statement(found)
        names, computed = await transform.rehearse(connection, part.spec, Batch(0, 1, (values,), statement=query))
        if names:
            _check_columns(names, made.facts.key)
        if any(one.sets is not None for one in computed):
            return
        failed += sum(len(one.rows) for one in computed)
        if failed >= HOPELESS:
            raise RefusedError(f"{computed[-1].wrong}: so for each of the first {failed} rows: correct the function")
        after = found.upto
