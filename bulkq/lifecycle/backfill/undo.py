"""Undo a run: go over its images by ranges, and give each row its old values back if it still has those that the run wrote."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for, key_ranges
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.lifecycle.backfill import row_image_queries
from bulkq.lifecycle.backfill.describe_table import describe
from bulkq.lifecycle.backfill.range_batches import FormQueries
from bulkq.lifecycle.backfill.row_image_queries import FoundImages
from bulkq.lifecycle.finish import finish
from bulkq.model import Failure, Outcome
from bulkq.model.key_range import KeyColumn
from bulkq.model.row_images import ALTERED, CAPTURED, CONFLICT, CapturedTable
from bulkq.model.run_summary import KEPT_FAILURES
from bulkq.query import inline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import RunSummary
    from bulkq.model.key_range import RangeForm
    from bulkq.model.run import BackfillOptions
    from bulkq.protocols import Connection

PAGE = 1_000
"""Conflicts that are read at once."""

CHANGED = "has other values than the run wrote: it stays as it is"
AGAIN = "was given back, but a trigger of the table has left other values in it"
THERE = "is there again, or another row with its unique values: that stays as it is"


async def find_images(
    connection: Connection, options: BackfillOptions, place: int, part: int, dialect: str
) -> FoundImages | None:
    """Find the images of a part of the run `options.undo_of`; None if it has none.

    Args:
        connection: idle.
        options: of the undo.
        place: of the target.
        part: its number.
        dialect: of the connection.

    Raises:
        RefusedError: a column or the key is not what it was.
        DatabaseError: the images cannot be read.
    """
    table, run = options.images[place], options.undo_of
    about = await row_image_queries.read_about(connection, table, run, part, dialect)
    if about is None:
        return None
    facts = await describe(connection, dialect, options.over, about.key)
    missing = [name for name in about.columns if name not in facts.columns and name not in about.key]
    if missing:
        raise RefusedError(
            f"{facts.key.table} has no longer the column {row_image_queries.shown(missing)}, which run {run} changed"
        )
    columns = tuple(KeyColumn(name, facts.columns.get(name, "")) for name in about.columns)
    captured = CapturedTable(table, run, part, facts.key, columns, about.deletes, bool(facts.triggers))
    whole = row_image_queries.images_of(dialect).table_key(table)
    known = dialect_for(dialect)
    values = (known.literal(run), str(part), "0")
    texts = (
        key_ranges.conversion(known).text(value, column) for value, column in zip(values, whole.columns, strict=False)
    )
    rows = await connection.administer([f"SELECT {', '.join(texts)}"])
    start = tuple(map(str, rows[0]))
    counts = await row_image_queries.state_counts(connection, captured)
    return FoundImages(captured, counts, start, start[:2], facts.triggers)


def undo_queries(found: FoundImages, dialect: str, name: str) -> partial[FormQueries]:
    """What makes the statements of a form of range of images."""
    return partial(_queries, found.captured, dialect, name)


def _queries(captured: CapturedTable, dialect: str, name: str, form: RangeForm) -> FormQueries:
    catalog = row_image_queries.images_of(dialect)
    condition = key_ranges.condition(catalog.table_key(captured.images), form, dialect_for(dialect), "bulkq_i")
    made = catalog.undo(captured, condition)
    before, after = (
        tuple(replace(inline(text, dialect), name="undo") for text in texts) for texts in (made.before, made.after)
    )
    return FormQueries(replace(inline(made.main, dialect), name=name), before, after)


async def finish_undo(recorded: RecordedRun, failures: Sequence[Failure]) -> RunSummary:
    """List the rows that stay as they are, and close the run."""
    opened = recorded.opened
    told = list(failures)
    texts: list[str] = []
    if not opened.job.control.exit_code:
        for target in opened.targets:
            for part in target.parts if target.lost is None else ():
                made = opened.backfills.get(part.spec.number)
                if made is not None and made.images is not None:
                    text = await _tell(opened, target, part, made, told)
                    texts += [f"{target.label}: {text}" if opened.several else text] if text else []
    return await finish(recorded, told[:KEPT_FAILURES], conflicts="; ".join(texts))


async def _tell(opened: OpenRun, target: OpenTarget, part: PartState, made: TableBackfill, told: list[Failure]) -> str:
    """List the conflicts of a part; what to say about them, or ""."""
    found = made.images
    assert found is not None
    captured, dialect = found.captured, dialect_of(target.definition.url)
    connection = await target.sessions.first()
    try:
        counts = await row_image_queries.state_counts(connection, captured)
        await _list(opened, part, captured, connection, dialect, told)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(str(error)) from error
        raise
    finally:
        await connection.close()
    kept, later, altered = (counts.get(state, 0) for state in (CONFLICT, CAPTURED, ALTERED))
    rows = f"of {sum(counts.values())} rows of {captured.key.table}"
    texts = [f"{kept} {rows} have changed since and stay as they are"] if kept else []
    texts += [f"{altered} {rows} were given back, but triggers have left other values in them"] if altered else []
    failed = opened.progress.counts.failed or opened.progress.counts.unknown
    if later and not failed:
        texts.append(f"run {captured.run} has changed {later} more rows meanwhile: bulkq undo {captured.run} once more")
    return ", and ".join(texts)


async def _list(
    opened: OpenRun,
    part: PartState,
    captured: CapturedTable,
    connection: Connection,
    dialect: str,
    told: list[Failure],
) -> None:
    after = (0, 0)
    while True:
        page = await row_image_queries.conflicts(connection, captured, dialect, after, PAGE)
        found = [_conflict(part, captured, place[0], state, key) for place, state, key in page]
        if opened.failure_file is not None:
            opened.failure_file.write(found)
        told += found[: max(0, KEPT_FAILURES - len(told))]
        if len(page) < PAGE:
            return
        after = page[-1][0]


def _conflict(part: PartState, captured: CapturedTable, number: int, state: int, key: Sequence[str]) -> Failure:
    why = AGAIN if state == ALTERED else THERE if captured.deletes else CHANGED
    names = (column.name for column in captured.key.columns)
    return Failure(
        n=number,
        source="",
        target=part.spec.target,
        query=part.spec.query.name,
        params=dict(zip(names, key, strict=True)),
        outcome=Outcome.NOT_STARTED,
        sqlstate=None,
        message=f"({', '.join(key)}) {why}",
        attempts=1,
    )


def shown_counts(found: FoundImages) -> str:
    """How many images there are, for the line in front of an undo."""
    done = f", {found.back} are back already" if found.back else ""
    what = "deleted" if found.captured.deletes else "changed"
    return f"run {found.captured.run} has {what} {sum(found.counts.values())} rows of {found.captured.key.table}{done}"


def told_triggers(found: FoundImages) -> str:
    """What an undo executes beside its own statements; "" if there is nothing."""
    return f"the undo executes {', '.join(found.acting)} of {found.captured.key.table}" if found.acting else ""
