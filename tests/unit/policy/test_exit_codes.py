"""Which exit code counts, and its word."""

from __future__ import annotations

import pytest

from bulkq.model import RunRecord, RunState, Status
from bulkq.policy.exit_codes import exit_code, name_status, status_of_record


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ({"forced": 130, "refused": True}, 130),
        ({"forced": 143, "unknown": True}, 143),
        ({"refused": True, "unknown": True}, 4),
        ({"unknown": True, "stopped": True}, 3),
        ({"stopped": True, "failed": True}, 5),
        ({"failed": True}, 1),
        ({}, 0),
    ],
)
def test_precedence_of_exit_codes(flags: dict[str, int], code: int) -> None:
    """130 and 143, then 4, 3, 5, 1, 0."""
    given = {"forced": None, "refused": False, "unknown": False, "stopped": False, "failed": False} | flags
    assert exit_code(**given) == code  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (0, Status.OK),
        (1, Status.FAILED),
        (3, Status.UNKNOWN),
        (4, Status.REFUSED),
        (5, Status.STOPPED),
        (130, Status.STOPPED),
    ],
)
def test_status_of_an_exit_code(code: int, word: Status) -> None:
    """The status in the summary says what the exit code says."""
    assert name_status(code) is word


@pytest.mark.parametrize(
    ("state", "code", "failed", "word"),
    [
        (RunState.STOPPED, None, 0, Status.STOPPED),
        (RunState.STOPPED, 1, 0, Status.INCOMPLETE),
        (RunState.STOPPED, 1, 2, Status.FAILED),
        (RunState.FINISHED, 1, 0, Status.FAILED),
        (RunState.FINISHED, 0, 0, Status.OK),
    ],
)
def test_status_of_a_record(state: RunState, code: int | None, failed: int, word: Status) -> None:
    """A backfill that ended with 1 without a failed range is incomplete; a check with 1 has failed."""
    record = RunRecord(
        run="a", state=state, mode="write", name="set", targets=(), request="", fingerprint="", owner="", started_at="",
        exit_code=code, failed=failed,
    )  # fmt: skip
    assert status_of_record(record) is word


def test_maintenance_that_skipped_objects_has_failed() -> None:
    """As its last line says; `resume` continues it."""
    record = RunRecord(
        run="a", state=RunState.STOPPED, mode="maintenance", name="", targets=(), request="", fingerprint="", owner="",
        started_at="", exit_code=1,
    )  # fmt: skip
    assert status_of_record(record) is Status.FAILED
