"""Record a backfill: the table of ranges in the target, and the end of the key space."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, RefusedError
from bulkq.lifecycle.record import begin
from bulkq.model.key_range import KeyRange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.backfill.table_backfill import TableBackfill
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
        RefusedError: a target takes no row of bulkq.
    """
    recorded = await begin(opened)
    if recorded.record is not None:
        for target in opened.targets:
            if target.tables is not None and target.lost is None:
                for part in target.parts:
                    await _begin_part(opened, target, part, target.tables)
    return recorded


async def _begin_part(opened: OpenRun, target: OpenTarget, part: PartState, tables: MarkerTables) -> None:
    made = opened.backfills.get(part.spec.number)
    if made is None or made.end is None:
        return
    number, dialect = part.spec.number, dialect_of(target.definition.url)
    statements = [markers.create_ranges(tables, dialect)]
    if opened.resume.whole_again:
        states = (markers.RANGE_DONE, markers.RANGE_FAILED)
        statements.append(markers.remove_ranges(tables, opened.run, number, states))
    elif made.recorded.failed:
        statements.append(markers.remove_ranges(tables, opened.run, number, (markers.RANGE_FAILED,)))
    if made.recorded.end is None:
        row = KeyRange(made.start, made.end)
        statements.append(markers.range_row(tables, opened.run, number, markers.RANGE_END, END, row, dialect))
    try:
        await made.cutter.administer(statements)
    except DatabaseError as error:
        raise RefusedError(
            f"{target.label}: a backfill needs the table {tables.ranges}: {error}: ask a DBA to create it, "
            "or name another with --marker-table SCHEMA.PREFIX"
        ) from error
    made.batches.record_in(tables, opened.run, number, dialect)
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
    """Record failed ranges in the target too, where their ends are: a resume leaves them out, and a retry does them again."""
    number = part.spec.number

    async def keep(failures: Sequence[Failure]) -> None:
        await record(failures)
        assert part.ranges is not None
        found = [(failure.n, part.ranges.range_of(failure.n)) for failure in failures]
        rows = [
            markers.range_row(tables, opened.run, number, markers.RANGE_FAILED, n, one, dialect)
            for n, one in found
            if one is not None
        ]
        with suppress(DatabaseError):  # the range is then done again by a resume, which does no harm
            await made.cutter.administer(rows)

    return keep
