"""The next step of the user after a run: the command that continues it, retries it or shows more of it. Pure.

`next_command` is for the last line of a process, `next_step` for a list of recorded runs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.model import RunState, Status
from bulkq.policy.undo_name import undo_name

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from bulkq.model import RunRecord, RunSummary
    from bulkq.model.run_record import ListedRun


def next_command(
    run: str,
    state: RunState,
    summary: RunSummary,
    *,
    advice: AbstractSet[str] = frozenset(),
    capture: bool = False,
    final: bool = False,
    continues: bool = False,
) -> str | None:
    """Return the command after the end of a process; None if nothing is left, or if no command would go on from there.

    Args:
        run: its id.
        state: what the ledger has of it.
        summary: what it came to.
        advice: of the verification of each table of a backfill: `again`, `verify` or `new`.
        capture: images are kept, so a second pass would change rows twice.
        final: a resume would meet what stopped the run once more.
        continues: its retry is the same run.
    """
    if summary.status is Status.INCOMPLETE and capture:
        return None
    if summary.status is Status.INCOMPLETE:
        return None if "new" in advice else f"bulkq resume {run}{'' if 'verify' in advice else ' --again'}"
    if final:
        return None
    if continues and summary.exit_code == 1 and summary.failed:
        return f"bulkq retry {run}"
    if state is not RunState.FINISHED:
        return f"bulkq resume {run}"
    return f"bulkq retry {run}" if summary.failed or summary.unknown else None


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
