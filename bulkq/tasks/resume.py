"""`bulkq resume`: continue a run where it stopped.

Nothing is asked for again: the ledger has the request. What must be the same is compared first, and a difference is named.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bulkq.errors import BulkqError, RefusedError, UsageError
from bulkq.ledger import new_owner, open_ledger
from bulkq.lifecycle import database_identity, open_targets, restore_request, run_fingerprints, target_markers
from bulkq.lifecycle.command_steps import Console, RunJob, carry_out
from bulkq.lifecycle.expand_targets import recall_targets
from bulkq.lifecycle.settings_from_events import settings_from_events
from bulkq.lifecycle.take_over_targets import marker_tables, take_over
from bulkq.model import RunState
from bulkq.model.run_event import EventKind
from bulkq.policy import exit_codes, safety
from bulkq.tasks.backfill import BACKFILL
from bulkq.tasks.maintain import MAINTAIN
from bulkq.tasks.run import RUN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

    from bulkq.engine.stop_control import Control
    from bulkq.ledger.store import StoredLedger
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.resume_state import ResumeState
    from bulkq.model import Run, RunRecord, RunSummary
    from bulkq.protocols import Ledger, Observer
    from bulkq.targets import Config


async def resume(
    run: str | None,
    *,
    ledger: str = "auto",
    changes: Mapping[str, object],
    config: Config | None = None,
    control: Control,
    observers: Sequence[Observer] = (),
    stdout: BinaryIO | None = None,
    terminal: bool = False,
    ranges: Literal["missing", "failed", "all"] = "missing",
) -> RunSummary:
    """Go on with a run, in its folder; of a finished one only what was left of its end is done.

    Args:
        run: its id or the beginning of it; None for the newest.
        ledger: where it is recorded.
        changes: fields of `Run` that are different this time: lanes, batch size, limits, the targets' passwords.
        config: where names of targets are looked up; by default what the run's folder has.
        control: stops the run from outside.
        observers: told what happens, per batch.
        stdout: where rows go when the run had no file.
        terminal: whether `stdout` is one.
        ranges: of a backfill, which are done: those that are missing, those that failed too, or the whole key once more.

    Raises:
        UsageError: there is no such run, or it is no backfill and the whole key is asked for.
        RefusedError: it has changed, a live process executes it, or bulkq cannot determine what was applied.
        BulkqError: as for a new run.
    """
    stored = await open_ledger(ledger, create=False)
    try:
        record = await (stored.find(run) if run is not None else stored.last())
        request, folder = restore_request.request_of(record, changes, ledger, config)
        os.chdir(folder)
        _refuse_again(record, request, whole=ranges == "all")
        if record.state is RunState.FINISHED:
            return await _finished(stored, record, request)
        request = await restore_request.with_values(stored, record, request)
        if request.targets.listed_by is not None:
            request = await recall_targets(request, config)
        await restore_request.refuse_changed(record, request)
        await _still_ours(stored, record)
        owner = new_owner()
        await stored.take_over(record.run, owner)
        state = await _taken(
            stored, replace(record, owner=owner), request, control, observers, failed=ranges != "missing"
        )
        if state is None:
            return await _given_up(stored, replace(record, owner=owner), control)
        await _name_lost_settings(stored, record.run, observers)
    except BaseException:
        with contextlib.suppress(BulkqError):
            await stored.close()
        raise
    opened: asyncio.Future[Ledger] = asyncio.get_running_loop().create_future()
    opened.set_result(stored)
    job = RunJob(
        request=request,
        run=record.run,
        ledger=opened,
        control=control,
        observers=observers,
        console=Console(stdout, None, terminal),
        resume=replace(state, failed_again=ranges == "failed", whole_again=ranges == "all"),
    )
    steps = BACKFILL if request.backfill is not None else MAINTAIN if request.maintenance is not None else RUN
    return await carry_out(steps, job)


def _refuse_again(record: RunRecord, request: Run, *, whole: bool) -> None:
    """Raise UsageError if a run that is no backfill is to go over its key once more."""
    if whole and request.backfill is None:
        raise UsageError(f"run {record.run} is not a backfill: leave out --again")
    if whole and request.backfill is not None and request.backfill.capture:
        raise UsageError(
            f"run {record.run} keeps what its rows were, and --again would change some of them twice: start the backfill again instead"
        )


async def _still_ours(stored: StoredLedger, record: RunRecord) -> None:
    """Refuse to go on with an output that a later run has begun anew, whatever it looks like now.

    Raises:
        RefusedError: names the file and that run.
    """
    for path, other in await stored.beside(record.run):
        if other.started_at > record.started_at:
            again = f"a new run would apply its {record.ok} sets once more: bulkq runs {record.run} has their numbers"
            advice = "start a new run" if record.mode == safety.READ else again
            raise RefusedError(f'"{path}" was overwritten by run {other.run}, after run {record.run}: {advice}')


async def _taken(
    stored: StoredLedger,
    record: RunRecord,
    request: Run,
    control: Control,
    observers: Sequence[Observer],
    *,
    failed: bool,
) -> ResumeState | None:
    """Take the run over in its targets, which may wait for transactions. None: stopped by the user or the deadline."""
    task = asyncio.current_task()
    assert task is not None
    try:
        async with asyncio.timeout(request.limits.deadline_s):
            return await take_over(stored, record, request, record.owner, observers, failed=failed)
    except TimeoutError:
        control.drain(f"the deadline of {request.limits.deadline_s:g}s passed")
    except asyncio.CancelledError:
        if not control.draining:
            raise
        task.uncancel()
    return None


async def _name_lost_settings(stored: StoredLedger, run: str, observers: Sequence[Observer]) -> None:
    """Say which changes of `bulkq ctl set` held in earlier processes: a resume has the settings of the request."""
    changed = settings_from_events(await stored.events(run, EventKind.CHANGE))
    if changed:
        words = shlex.join(f"{key}={value}" for key, value in changed.items())
        for observer in observers:
            observer.notice(
                f"{words} of bulkq ctl held for an earlier process: bulkq ctl {run} set {words} sets it again"
            )


async def _given_up(stored: StoredLedger, record: RunRecord, control: Control) -> RunSummary:
    """Nothing was sent; what was done before stays on record, and the next resume takes it over."""
    ended = datetime.now(UTC).isoformat(timespec="milliseconds")
    await stored.finish(replace(record, state=RunState.STOPPED, ended_at=ended, exit_code=control.exit_code))
    await stored.close()
    return replace(
        restore_request.nothing_to_do(record, f"{control.reason} while the run was taken over: nothing was sent"),
        exit_code=control.exit_code,
        status=exit_codes.name_status(control.exit_code),
        resume=f"bulkq resume {record.run}",
    )


async def _finished(stored: StoredLedger, record: RunRecord, request: Run) -> RunSummary:
    """Only the end may have been cut off: markers that are still there go now."""
    try:
        if not request.safety.keep_markers:
            await _clear_markers(record, request)
        if not (record.failed or record.unknown):
            for path in await stored.spools(record.run):
                Path(path).unlink(missing_ok=True)  # noqa: ASYNC240 - at the end, on a local disk
    finally:
        await stored.close()
    wrong = bool(record.failed or record.unknown)
    reason = f"run {record.run} is finished: there is nothing to resume"
    if wrong:
        reason += ", only failed or unknown sets to retry"
    elif record.unanswered:
        reason += f", but the answers of {record.unanswered} sets were lost"
    elif record.exit_code in (1, 3):
        reason += ", but a part of its source was lost"
    following = f"bulkq retry {record.run}" if wrong else None
    return replace(restore_request.nothing_to_do(record, reason), resume=following)


async def _clear_markers(record: RunRecord, request: Run) -> None:
    tables, databases = marker_tables(record), run_fingerprints.databases(record)
    targets = open_targets.open_all(request, f"bulkq/{record.run}", lambda _: None)

    async def clear(target: OpenTarget) -> None:
        found = tables[target.places[0]]
        if found is not None:
            connection = await open_targets.connected(target, request.limits.connect_timeout_s)
            try:
                then = databases[target.places[0]].identity
                there = await database_identity.identity(connection, target.definition.url)
                if then and there and there != then:
                    return  # the name leads to another database by now, where the run has left nothing
                cut = request.backfill is not None
                await target_markers.remove(connection, found, record.run, ranges=cut)
            finally:
                await connection.close()

    await open_targets.side_by_side(targets, clear, write=request.safety.write)
