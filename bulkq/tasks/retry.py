"""`bulkq retry`: run the failed sets of a run again, as a new run."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import RefusedError
from bulkq.ledger import open_ledger
from bulkq.lifecycle import restore_request, run_fingerprints
from bulkq.lifecycle.expand_targets import recall_targets
from bulkq.lifecycle.resume_state import ResumeState
from bulkq.model import RunState
from bulkq.policy import safety
from bulkq.policy.merged_number_ranges import Ranges
from bulkq.sinks.paths import retry_path
from bulkq.tasks.resume import resume
from bulkq.tasks.run import run as new_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from bulkq.engine.stop_control import Control
    from bulkq.ledger.store import StoredLedger
    from bulkq.model import Run, RunRecord, RunSummary
    from bulkq.protocols import Observer
    from bulkq.targets import Config


async def retry(
    run: str | None,
    *,
    ledger: str = "auto",
    changes: Mapping[str, object],
    config: Config | None = None,
    control: Control,
    observers: Sequence[Observer] = (),
    stdout: BinaryIO | None = None,
    terminal: bool = False,
) -> RunSummary:
    """A new run over the sets that failed in a finished one, with their old numbers; arguments are those of `resume`.

    A backfill is continued instead: its failed ranges are done again, with all that is missing. So is maintenance.

    Of a run that was retried before, it is what failed in its last retry: what went well there is not done twice.

    Raises:
        RefusedError: something of the run is missing, or of a write unknown, which `resume` settles first.
        BulkqError: as `resume`.
    """

    def say(text: str) -> None:
        for observer in observers:
            observer.notice(text)

    run, continued = await _chosen(run, ledger, say)
    if continued:
        return await resume(
            run,
            ledger=ledger,
            changes=changes,
            config=config,
            control=control,
            observers=observers,
            ranges="failed",
        )
    stored = await open_ledger(ledger, create=False)
    try:
        record = await stored.find(run)
        restore_request.refuse_check(record)
        record = await _latest(stored, record, say)
        request, folder = restore_request.request_of(record, changes, ledger, config)
        os.chdir(folder)
        request = await restore_request.with_values(stored, record, request)
        if request.targets.listed_by is not None:
            request = await recall_targets(request, config)
        await restore_request.refuse_changed(record, request)
        request, repeats = await _failed_sets(stored, record, request)
    finally:
        await stored.close()
    if not any((repeats.only or {}).values()):
        return restore_request.nothing_to_do(record, f"nothing failed in run {record.run}: nothing to retry")
    return await new_run(
        _renamed(request, record.run),
        control=control,
        observers=observers,
        stdout=stdout,
        terminal=terminal,
        repeats=repeats,
    )


async def _failed_sets(stored: StoredLedger, record: RunRecord, request: Run) -> tuple[Run, ResumeState]:
    """Return `request` on the targets where sets failed, and the sets to repeat there, with their spools and databases."""
    failed = {
        state.part: list(Ranges((n, n) for n in (record.place(failure.n) for failure in state.failures)))
        for state in await stored.state(record.run)
    }
    request, failed, places = _narrowed(request, failed)
    then = run_fingerprints.databases(record)
    spools, inherited = await restore_request.find_spools(stored, record)
    return request, ResumeState(
        repeats=record,
        only=failed,
        databases={now: then[place] for now, place in enumerate(places)},
        spools=spools,
        leftovers=(*await stored.spools(record.run), *inherited),
    )


async def _chosen(run: str | None, ledger: str, say: Callable[[str], None]) -> tuple[str, bool]:
    """The id of the run, None: the newest that can be retried; and whether its retry is the same run: a backfill or maintenance."""
    stored = await open_ledger(ledger, create=False)
    try:
        if run is not None:
            record = await stored.find(run)
        else:
            record = await restore_request.find_newest(stored, restore_request.is_retried)
            if record.run != (await stored.last()).run:
                say(f"run {record.run} is the newest that can be retried")
    finally:
        await stored.close()
    return record.run, restore_request.is_same_run(record)


async def _latest(stored: StoredLedger, record: RunRecord, say: Callable[[str], None]) -> RunRecord:
    """The last retry of a run, or the run itself where there was none; it has ended, and nothing of it is open.

    Raises:
        RefusedError: something of it is missing or unknown.
    """
    while True:
        unsettled = record.unknown and record.mode != safety.READ  # what was only read may be read again
        if record.state is not RunState.FINISHED or unsettled or record.skipped:
            alive = (
                "is still running: wait until it ends, or stop it"
                if await stored.owner_alive(record)
                else "is not finished"
            )
            raise RefusedError(f"run {record.run} {alive}: bulkq resume {record.run}")
        later = await stored.retry_of(record.run)
        if later is None:
            return record
        say(f"run {record.run} was retried by run {later.run}, from which this run continues")
        record = later


def _narrowed(
    request: Run, failed: Mapping[int, list[tuple[int, int]]]
) -> tuple[Run, dict[int, list[tuple[int, int]]], list[int]]:
    """Only the targets on which something failed, the sets by the parts that these have now, and the places that they had."""
    count = len(request.queries.selected)
    places = [
        place
        for place in range(len(request.targets.selected))
        if any(failed.get(place * count + at) for at in range(1, count + 1))
    ]
    moved = {
        new * count + at: failed.get(old * count + at, [])
        for new, old in enumerate(places)
        for at in range(1, count + 1)
    }
    every = request.targets.selected
    return request.on(tuple(every[place] for place in places) or every), moved, places


def _renamed(request: Run, run_id: str) -> Run:
    path, failures = request.output.path, request.output.failures
    output = replace(
        request.output,
        path=retry_path(path, run_id) if path is not None and path != "-" else path,
        failures=retry_path(failures, run_id) if failures else None,
    )
    return replace(request, output=output)
