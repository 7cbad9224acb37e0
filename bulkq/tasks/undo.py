"""`bulkq undo`: give the rows that a backfill with `--capture` changed their old values back, as a run of its own."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, RefusedError, TargetError, UsageError
from bulkq.ledger import new_owner, open_ledger
from bulkq.lifecycle import open_targets, restore_request, run_fingerprints, target_markers
from bulkq.lifecycle.backfill.row_image_queries import matching_counts
from bulkq.lifecycle.backfill.undo import find_images
from bulkq.lifecycle.command_steps import RunJob, carry_out, new_run_id
from bulkq.lifecycle.resume_state import ResumeState
from bulkq.lifecycle.take_over_targets import marker_tables
from bulkq.model import RunState
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.run import OutputOptions, QueryOptions, SourceOptions
from bulkq.policy.safety import refuse_protected
from bulkq.policy.undo_name import undo_name
from bulkq.query import inline
from bulkq.tasks.backfill import BACKFILL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.engine.stop_control import Control
    from bulkq.ledger.store import StoredLedger
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model import Run, RunRecord, RunSummary
    from bulkq.model.run import BackfillOptions
    from bulkq.protocols import Ledger, Observer
    from bulkq.targets import Config


@frozen
class UndoCounts:
    """What an undo of a run would do on one target.

    Attributes:
        target: its label.
        restorable: rows that still have what the run wrote, or are still deleted.
        changed: rows that have other values by now, or are there again: they stay as they are.
        undone: rows that an earlier undo has given back.
    """

    target: str
    restorable: int = 0
    changed: int = 0
    undone: int = 0


async def undo(
    run: str | None,
    *,
    ledger: str = "auto",
    changes: Mapping[str, object],
    failures: str | None = None,
    confirmed: tuple[str, ...] = (),
    config: Config | None = None,
    control: Control,
    observers: Sequence[Observer] = (),
    stay: bool = False,
) -> RunSummary:
    """Undo a run as a new run, which can be stopped and resumed.

    Args:
        run: the id of the run that is undone, or the beginning of it; None for the newest that has kept what its rows were.
        ledger: where it is recorded, and where the undo is.
        changes: fields of `Run` that are different from those of that run: lanes, limits, the targets' passwords.
        failures: the file for rows that stay as they are.
        confirmed: names of `--confirm`.
        config: where names of targets are looked up; by default what the run's folder has.
        control: stops the undo from outside.
        observers: are notified of each range.
        stay: work in the present folder, not in that of the run.

    Raises:
        UsageError: there is no such run, or it has kept nothing.
        RefusedError: it is still executed by a live process.
        BulkqError: as for a new run.
    """
    stored = await open_ledger(ledger, create=False)
    try:
        record, request, folder = await _captured(stored, run, ledger, changes, config)
        if not stay:
            os.chdir(folder)
        if record.state is not RunState.FINISHED:
            await _stop(record, request, observers)
    except BaseException:
        await stored.close()
        raise
    wanted = _request(record, request, failures, confirmed)
    refused = refuse_protected(wanted.targets.selected, write=True, confirmed=confirmed)
    if refused is not None:
        await stored.close()
        raise refused
    opened: asyncio.Future[Ledger] = asyncio.get_running_loop().create_future()
    opened.set_result(stored)
    job = RunJob(
        request=wanted,
        run=new_run_id(),
        ledger=opened,
        control=control,
        observers=observers,
        resume=ResumeState(databases=dict(enumerate(run_fingerprints.databases(record)))),
    )
    return await carry_out(BACKFILL, job)


async def count_undo(
    run: str | None, *, ledger: str = "auto", changes: Mapping[str, object], config: Config | None = None
) -> tuple[str, list[UndoCounts]]:
    """Count what `undo` would do, and change nothing; arguments and errors are those of `undo`.

    Returns:
        The id of the run, and the counts of each target.
    """
    stored = await open_ledger(ledger, create=False)
    try:
        record, request, folder = await _captured(stored, run, ledger, changes, config)
        os.chdir(folder)
    finally:
        await stored.close()
    options = _options(record, request)
    found: list[UndoCounts] = []

    async def count(target: OpenTarget) -> None:
        connection = await open_targets.connected(target, request.limits.connect_timeout_s)
        try:
            dialect, place = dialect_of(target.definition.url), target.places[0]
            images = await find_images(connection, options, place, place + 1, dialect)
            can, cannot = await matching_counts(connection, images.captured, dialect) if images else (0, 0)
            found.append(UndoCounts(target.label, can, cannot, images.back if images else 0))
        except DatabaseError as error:
            raise TargetError(f"{target.label}: {error}") from error
        finally:
            await connection.close()

    targets = open_targets.open_all(request, f"bulkq/{record.run}", lambda _: None)
    await open_targets.side_by_side(targets, count, write=False)
    return record.run, found


async def _captured(
    stored: StoredLedger, run: str | None, ledger: str, changes: Mapping[str, object], config: Config | None
) -> tuple[RunRecord, Run, str]:
    """The run that is undone, and its folder.

    Raises:
        UsageError: it has kept nothing.
        RefusedError: it is still executed by a live process.
    """
    record = await (
        stored.find(run) if run is not None else restore_request.find_newest(stored, restore_request.keeps_images)
    )
    request, folder = restore_request.request_of(record, changes, ledger, config)
    options = request.backfill
    if options is None:
        raise UsageError(
            f"run {record.run} is not a backfill: bulkq undo is for runs of bulkq backfill --capture (bulkq runs lists them)"
        )
    if options.undo_of:
        raise UsageError(f"run {record.run} is itself an undo, of run {options.undo_of}: start that backfill again")
    if not options.capture:
        raise UsageError(
            f"run {record.run} was started without --capture, so nothing is kept of what its rows were: restore them from a backup"
        )
    if record.state is RunState.RUNNING and await stored.owner_alive(record):
        raise RefusedError(f"run {record.run} is still running: wait until it ends, or stop it")
    return record, request, folder


async def _stop(record: RunRecord, request: Run, observers: Sequence[Observer]) -> None:
    """Let nothing of a run that was stopped or killed be committed any more: a transaction may still be open."""
    tables, owner = marker_tables(record), new_owner()

    def say(text: str) -> None:
        for observer in observers:
            observer.notice(text)

    async def take(target: OpenTarget) -> None:
        found = tables[target.places[0]]
        if found is not None:
            connection = await open_targets.connected(target, request.limits.connect_timeout_s)
            try:
                await target_markers.take_over(connection, target.definition.url, found, record.run, owner, say)
            finally:
                await connection.close()

    targets = open_targets.open_all(request, f"bulkq/{record.run}", say)
    await open_targets.side_by_side(targets, take, write=True)


def _options(record: RunRecord, request: Run) -> BackfillOptions:
    """What the undo goes over."""
    options = request.backfill
    assert options is not None, "it was a backfill"
    names = [
        "" if found is None else markers.images_table(found, options.capture_table, dialect_of(target.url))
        for found, target in zip(marker_tables(record), request.targets.selected, strict=True)
    ]
    return replace(
        options,
        assignments=(),
        delete=False,
        where=None,
        verify=None,
        upper="fixed",
        capture=False,
        undo_of=record.run,
        images=tuple(names),
    )


def _request(record: RunRecord, request: Run, failures: str | None, confirmed: tuple[str, ...]) -> Run:
    """The request of the undo."""
    options = _options(record, request)
    known = next((name for name in options.images if name), "images")
    query = replace(
        inline(f"UPDATE {known} SET state = 1 WHERE run = '{record.run}'", dialect_of(request.url)), name="undo"
    )
    return replace(
        request,
        queries=QueryOptions(selected=(query,), name=undo_name(record.run)),
        sources=SourceOptions(),
        safety=replace(request.safety, confirmed=confirmed),
        output=OutputOptions(format="none", failures=failures, reports=request.output.reports),
        backfill=options,
    )
