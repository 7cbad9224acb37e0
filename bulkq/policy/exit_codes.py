"""The exit code of a run, and the word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import RunState, Status

if TYPE_CHECKING:
    from bulkq.model import RunRecord


def exit_code(*, forced: int | None, refused: bool, unknown: bool, stopped: bool, failed: bool) -> int:
    """The exit code when several apply: 130/143 (`forced`), then 4, 3, 5, 1, 0."""
    if forced in (130, 143):
        return forced
    if refused:
        return 4
    if unknown:
        return 3
    if stopped:
        return 5
    return 1 if failed else 0


def name_status(code: int) -> Status:
    """The word for an exit code."""
    return {0: Status.OK, 1: Status.FAILED, 3: Status.UNKNOWN, 4: Status.REFUSED}.get(code, Status.STOPPED)


def status_of_record(record: RunRecord) -> Status:
    """The word for how a recorded run ended.

    A backfill whose ranges are all done, but not finished, has rows left. Maintenance that is not finished has skipped objects.
    """
    if record.exit_code is None:
        return Status.STOPPED
    left = record.exit_code == 1 and record.state is RunState.STOPPED and not record.failed
    if left and record.mode != "maintenance":
        return Status.INCOMPLETE
    return name_status(record.exit_code)
