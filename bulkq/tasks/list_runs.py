"""`bulkq runs`: read runs from the ledger, with their status on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import RunState, Status
from bulkq.model.run_event import EventKind
from bulkq.model.run_record import ListedRun
from bulkq.policy.exit_codes import status_of_record
from bulkq.policy.next_step import backfill_options_of
from bulkq.policy.undo_name import undo_name

if TYPE_CHECKING:
    from bulkq.ledger.store import StoredLedger
    from bulkq.model import RecordedPart, RunRecord
    from bulkq.model.run_event import RunEvent

MOST_RUNNING = 10_000


async def list_runs(url: str, limit: int, name: str | None, status: str | None) -> list[ListedRun]:
    """Return the newest runs of the ledger at `url`, at most `limit`, with this name and this status if they are given.

    Raises:
        LedgerMissing: there is no ledger.
    """
    from bulkq.ledger import open_ledger

    ledger = await open_ledger(url, create=False)
    try:
        if status in {"running", "dead"}:
            records = await ledger.recent(MOST_RUNNING, name, "running")
        else:
            records = await ledger.recent(limit, name, status)
        known = [await _listed(ledger, record) for record in records]
        return [each for each in known if status in {None, each.status}][:limit]
    finally:
        await ledger.close()


async def find_run(url: str, run: str | None) -> ListedRun:
    """Return one run with all that the ledger at `url` has of it: by its id or the beginning of one; None: the newest.

    Raises:
        LedgerMissing: there is no ledger.
        UsageError: the ledger does not have the run.
    """
    from bulkq.ledger import open_ledger

    ledger = await open_ledger(url, create=False)
    try:
        record = await (ledger.last() if run is None else ledger.find(run))
        parts, spools = await ledger.state(record.run), await ledger.spools(record.run)
        later = await ledger.retry_of(record.run)
        retried_by = None if later is None else later.run
        return await _listed(ledger, record, parts, spools, retried_by)
    finally:
        await ledger.close()


async def list_group(url: str, name: str) -> list[ListedRun]:
    """Return the runs of a group in the ledger at `url`, the newest first.

    Raises:
        LedgerMissing: there is no ledger.
    """
    from bulkq.ledger import open_ledger

    ledger = await open_ledger(url, create=False)
    try:
        return [
            ListedRun(record, await _status_of(ledger, record), incomplete=await _incomplete_of(ledger, record))
            for record in await ledger.group(name)
        ]
    finally:
        await ledger.close()


async def _listed(
    ledger: StoredLedger,
    record: RunRecord,
    parts: tuple[RecordedPart, ...] = (),
    spools: tuple[str, ...] = (),
    retried_by: str | None = None,
) -> ListedRun:
    return ListedRun(
        record,
        await _status_of(ledger, record),
        parts,
        spools,
        retried_by,
        undone_by=await _undone_by(ledger, record),
        incomplete=await _incomplete_of(ledger, record),
    )


async def _status_of(ledger: StoredLedger, record: RunRecord) -> str:
    """Return the status of a run, as seen from this machine."""
    if record.state is RunState.RUNNING:
        return "running" if await ledger.owner_alive(record) else "dead"
    return str(status_of_record(record))


async def _incomplete_of(ledger: StoredLedger, record: RunRecord) -> RunEvent | None:
    """Return what the last verification of an incomplete backfill has found; None if that is not recorded."""
    if status_of_record(record) != Status.INCOMPLETE:
        return None
    found = await ledger.events(record.run, EventKind.INCOMPLETE)
    return found[-1] if found else None


async def _undone_by(ledger: StoredLedger, record: RunRecord) -> str | None:
    """Return the newest undo of a run that keeps what its rows were; None if there is none."""
    if not backfill_options_of(record).get("capture"):
        return None
    undos = await ledger.recent(1, undo_name(record.run))
    return undos[0].run if undos else None
