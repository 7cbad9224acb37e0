"""Record a backfill: the table of ranges in the target, and the end of the key space."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, RefusedError, StoppedError
from bulkq.lifecycle import target_markers
from bulkq.lifecycle.backfill.capture import prepare_capture
from bulkq.lifecycle.backfill.describe_table import kept_traces, lasting_identity
from bulkq.lifecycle.backfill.prepare_transform import try_functions
from bulkq.lifecycle.record import begin
from bulkq.model import Outcome
from bulkq.model.key_range import KeyRange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure, MarkerTables

END = 0
"""The number of the row that has the end of the key space."""


async def begin_backfill(opened: OpenRun) -> RecordedRun:
    """Record the run, and in every target where its ranges are and where its key space ends.

    Raises:
        LedgerError: the run cannot be recorded.
        RefusedError: a target takes no row of bulkq, or cannot keep what rows were, or the function of the backfill is wrong.
    """
    await try_functions(opened)
    await prepare_capture(opened)
    recorded = await begin(_with_tables(opened))
    if recorded.record is not None:
        for target in opened.targets:
            if target.tables is not None and target.lost is None:
                for part in target.parts:
                    await _begin_part(opened, target, part, target.tables)
    return recorded


def _with_tables(opened: OpenRun) -> OpenRun:
    """The run with the tables that its name stands for now, so that a resume does not go on in others."""
    options = opened.request.backfill
    if options is None or options.tables:
        return opened
    parts = [(target, part) for target in opened.targets for part in target.parts]
    made = [opened.backfills.get(part.spec.number) for _, part in parts]
    names = tuple(one.facts.key.told if one is not None else "" for one in made)
    identities = tuple(
        lasting_identity(one.facts, dialect_of(target.definition.url)) if one is not None else ""
        for one, (target, _) in zip(made, parts, strict=True)
    )
    acting = tuple(json.dumps(one.facts.acting if one is not None else ()) for one in made)
    traces = tuple(
        json.dumps(kept_traces(one.facts, dialect_of(target.definition.url)) if one is not None else {})
        for one, (target, _) in zip(made, parts, strict=True)
    )
    known = replace(options, tables=names, identities=identities, acting=acting, traces=traces)
    return replace(opened, request=replace(opened.request, backfill=known))


async def _begin_part(opened: OpenRun, target: OpenTarget, part: PartState, tables: MarkerTables) -> None:
    made = opened.backfills.get(part.spec.number)
    if made is None or made.end is None:
        return
    number, dialect = part.spec.number, dialect_of(target.definition.url)
    statements: list[str] = []
    if opened.resume.whole_again:
        statements.append(markers.remove_ranges(tables, opened.run, number, (markers.RANGE_DONE,)))
    if made.recorded.lost:
        statements.append(markers.remove_ranges(tables, opened.run, number, numbers=made.recorded.lost))
    if made.recorded.end is None:
        row = KeyRange(made.start, made.end)
        statements.append(markers.range_row(tables, opened.run, number, markers.RANGE_END, END, row, dialect))
    try:
        await target_markers.make_ranges(made.cutter.administer, tables, dialect)
        if statements:
            await _write(made, statements, markers.recorded_range(tables, opened.run, number, END))
    except DatabaseError as error:
        create = f"ask a DBA to create it and to GRANT {markers.RIGHTS} ON it, or name another with --marker-table SCHEMA.PREFIX"
        raise RefusedError(
            f"{target.label}: a backfill needs the table {tables.ranges}: {error}: {target_markers.next_step(error, create)}"
        ) from error
    made.batches.record_in(tables, opened.run, number, dialect, frozenset(n for n, _ in made.recorded.failed))
    if part.record_failures is not None:
        part.record_failures = _keep(opened, part, made, tables, dialect, part.record_failures)


def _keep(
    opened: OpenRun,
    part: PartState,
    made: TableBackfill,
    tables: MarkerTables,
    dialect: str,
    record: Callable[[Sequence[Failure]], Awaitable[None]],
) -> Callable[[Sequence[Failure]], Awaitable[None]]:
    """Record failed ranges in the target too, where their ends are: a resume leaves them out, and a retry does them again.

    The target comes first: a range that the ledger does not know as failed is cut again, but a failure without a range would stay.
    """
    number = part.spec.number

    async def keep(failures: Sequence[Failure]) -> None:
        assert part.ranges is not None
        for failure in failures:
            one = part.ranges.range_of(failure.n)
            if one is not None and failure.outcome is Outcome.ROLLED_BACK:
                row = markers.range_row(tables, opened.run, number, markers.RANGE_FAILED, failure.n, one, dialect)
                await _insert(made, row, markers.recorded_range(tables, opened.run, number, failure.n))
        await record(failures)

    return keep


async def _write(made: TableBackfill, statements: Sequence[str], recorded: str) -> None:
    """Write into the table of ranges, unless `recorded` finds the row: of an earlier retry, or of a try whose answer was lost.

    Raises:
        DatabaseError: the database refuses a statement.
        StoppedError: it was away for too long.
    """
    try:
        await made.cutter.administer(statements)
    except DatabaseError:
        with suppress(DatabaseError):
            if await made.cutter.administer([recorded]):
                return
        raise


async def _insert(made: TableBackfill, row: str, recorded: str) -> None:
    """Insert a row, unless it is there.

    Raises:
        StoppedError: the database takes no row.
    """
    try:
        await _write(made, [row], recorded)
    except DatabaseError as error:
        raise StoppedError(f"{made.facts.key.table}: a failed range cannot be recorded: {error}") from error
