"""A run as `bulkq runs` lists it: its status on this machine, and the next step of the user."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.model import RunState, Status
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.run_event import EventKind
from bulkq.policy.exit_codes import status_of_record
from bulkq.policy.undo_name import undo_name

if TYPE_CHECKING:
    from bulkq.ledger.store import StoredLedger
    from bulkq.model import RecordedPart, RunRecord
    from bulkq.model.run_event import RunEvent


@frozen
class ListedRun:
    """A run of the ledger, with its status on this machine."""

    record: RunRecord
    status: str  # ok, failed, unknown, refused, stopped, incomplete, running, dead
    parts: tuple[RecordedPart, ...] = ()
    spools: tuple[str, ...] = ()
    retried_by: str | None = None
    undone_by: str | None = None
    incomplete: RunEvent | None = None  # what the verification has found


async def status_of(ledger: StoredLedger, record: RunRecord) -> str:
    """Return the status of a run, as seen from this machine."""
    if record.state is RunState.RUNNING:
        return "running" if await ledger.owner_alive(record) else "dead"
    return str(status_of_record(record))


async def incomplete_of(ledger: StoredLedger, record: RunRecord) -> RunEvent | None:
    """Return what the last verification of an incomplete backfill has found; None if that is not recorded."""
    if status_of_record(record) != Status.INCOMPLETE:
        return None
    found = await ledger.events(record.run, EventKind.INCOMPLETE)
    return found[-1] if found else None


def next_step(known: ListedRun) -> str:
    """Return the next step of the user, or "" if there is none."""
    record = known.record
    if known.status == "running":
        return f"the run is in progress: bulkq runs {record.run} --watch shows it, bulkq ctl {record.run} steers it"
    if record.mode == "check":
        return f"bulkq report {record.run}" if record.state is RunState.FINISHED else "run bulkq check again"
    if known.undone_by is not None:
        return f"bulkq runs {known.undone_by}"
    if record.state is RunState.STOPPED and record.exit_code == 1:  # its retry is the same run
        return f"bulkq retry {record.run}" if record.failed else _next_of_the_rest(known)
    if record.state is not RunState.FINISHED or (record.unknown and record.mode != "read"):
        return f"bulkq resume {record.run}"
    if known.retried_by is not None:
        return f"bulkq runs {known.retried_by}"
    if record.failed or record.unknown:
        return f"bulkq retry {record.run}"
    undone = record.name.removeprefix(undo_name("")) if record.name.startswith(undo_name("")) else ""
    return f"bulkq undo {undone} --dry-run" if undone and record.exit_code == 1 else ""  # some rows stay as they are


def _next_of_the_rest(known: ListedRun) -> str:
    """Return the next step after a run without failures that has left rows or objects."""
    run = known.record.run
    if known.status != Status.INCOMPLETE:
        return f"bulkq resume {run}"
    event = known.incomplete
    advice = "again" if event is None else (event.data or {}).get("advice", "again")
    if advice == "new" or backfill_options_of(known.record).get("capture"):
        return "start the backfill again"
    return f"bulkq resume {run}" if advice == "verify" else f"bulkq resume {run} --again"


def backfill_options_of(record: RunRecord) -> dict[str, object]:
    """Return the options of a backfill; {} for another run."""
    if '"backfill"' not in record.request:  # most runs, whose request need not be read
        return {}
    return json.loads(record.request).get("run", {}).get("backfill") or {}
