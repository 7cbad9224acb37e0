"""The command that a user is advised to type next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkq.model import RunState, RunSummary, Status
from bulkq.model.run_event import RunEvent
from bulkq.model.run_record import ListedRun
from bulkq.policy.next_step import next_command, next_step
from tests.support.ledgers import ended, record

FINISHED = replace(ended(record("a")), request='{"run": {}}')
BACKFILL = replace(FINISHED, request='{"run": {"backfill": {"over": "t"}}}', state=RunState.STOPPED, exit_code=1)
CAPTURED = replace(BACKFILL, request='{"run": {"backfill": {"over": "t", "capture": true}}}')
CLEARED = replace(BACKFILL, request='{"run": {"backfill": null}}')


def found(advice: str | None = None) -> RunEvent:
    """What a verification has found, with its advice."""
    data = None if advice is None else {"advice": advice}
    return RunEvent(1, "2026-11-22T10:00:00Z", "incomplete", "3 rows are left", "", data)


@pytest.mark.parametrize(
    ("known", "step"),
    [
        (ListedRun(FINISHED, "ok"), ""),
        (ListedRun(replace(FINISHED, exit_code=1, failed=1), "failed"), "bulkq retry a"),
        (ListedRun(replace(FINISHED, failed=1), "failed", retried_by="b"), "bulkq runs b"),
        (ListedRun(replace(FINISHED, state=RunState.RUNNING), "dead"), "bulkq resume a"),
        (ListedRun(replace(FINISHED, mode="check"), "failed"), "bulkq report a"),
        (ListedRun(replace(FINISHED, mode="check", state=RunState.STOPPED), "stopped"), "run bulkq check again"),
        (
            ListedRun(replace(FINISHED, state=RunState.RUNNING), "running"),
            "the run is in progress: bulkq runs a --watch shows it, bulkq ctl a steers it",
        ),
        (ListedRun(CAPTURED, "ok", undone_by="u"), "bulkq runs u"),
        (ListedRun(replace(FINISHED, name="undo b", exit_code=1), "failed"), "bulkq undo b --dry-run"),
        (ListedRun(replace(FINISHED, name="undo b"), "ok"), ""),
        (ListedRun(replace(BACKFILL, failed=1), "failed"), "bulkq retry a"),
        (ListedRun(BACKFILL, "stopped"), "bulkq resume a"),
        (ListedRun(BACKFILL, "incomplete"), "bulkq resume a --again"),
        (ListedRun(CLEARED, "incomplete", incomplete=found()), "bulkq resume a --again"),
        (ListedRun(BACKFILL, "incomplete", incomplete=found("verify")), "bulkq resume a"),
        (ListedRun(BACKFILL, "incomplete", incomplete=found("new")), "start the backfill again"),
        (ListedRun(CAPTURED, "incomplete"), "start the backfill again"),
        (ListedRun(replace(FINISHED, request="{}", state=RunState.STOPPED, exit_code=1), "incomplete"), "bulkq resume a --again"),
    ],
)  # fmt: skip
def test_next_step(known: ListedRun, step: str) -> None:
    """A finished run has none; others name the command that continues them."""
    assert next_step(known) == step


@pytest.mark.parametrize(
    ("state", "status", "given", "command"),
    [
        ("finished", "ok", {}, None),
        ("finished", "failed", {}, "bulkq retry a"),
        ("stopped", "stopped", {}, "bulkq resume a"),
        ("stopped", "stopped", {"final": True}, None),
        ("stopped", "failed", {"continues": True}, "bulkq retry a"),
        ("stopped", "incomplete", {}, "bulkq resume a --again"),
        ("stopped", "incomplete", {"advice": {"again", "verify"}}, "bulkq resume a"),
        ("stopped", "incomplete", {"advice": {"verify", "new"}}, None),
        ("stopped", "incomplete", {"capture": True}, None),
    ],
)
def test_next_command(state: str, status: str, given: dict[str, object], command: str | None) -> None:
    """No command is named that would change rows twice, or meet the same stop."""
    failed = status == "failed"
    summary = RunSummary(
        run="a", status=Status(status), exit_code=int(failed), mode="write", targets=(), failed=int(failed)
    )
    assert next_command("a", RunState(state), summary, **given) == command  # type: ignore[arg-type]
