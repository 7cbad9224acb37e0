"""Finish a run: sum it up, give files their names, close its record."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, OutputClosed, RefusedError, TakenOver
from bulkq.lifecycle import prepare_same_row_write_order
from bulkq.lifecycle.forgotten_commits import find_forgotten
from bulkq.model import QueryCounts, RunSummary, Status, TargetCounts
from bulkq.model.counts import Counts, counts_of
from bulkq.policy import exit_codes
from bulkq.protocols import WarningDriver
from bulkq.text.message_parts import first_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure
    from bulkq.policy.progress import Progress
    from bulkq.protocols import Sink, WarningCounts

ALL_SKIPPED = "every query was skipped, because no target meets its @requires"

NAMED = 20
"""Maximum number of targets that the reason of a run names. The table has all of them."""


async def finish(
    recorded: RecordedRun, failures: Sequence[Failure], *, left: str = "", conflicts: str = ""
) -> RunSummary:
    """Close the outputs and the record of a run that has ended, and return its summary.

    A run is complete if it reached its end, whatever the outcomes. Then files get their names and markers are removed.

    Args:
        recorded: the run.
        failures: the first of them.
        left: what the verification of a backfill has found undone; "" if that is nothing.
        conflicts: what an undo could not give back; "" if that is nothing.
    """
    opened = recorded.opened
    show_warnings(opened.targets, opened.say)
    summary = replace(_summary(opened, failures), started_at=recorded.started_at)
    if left:
        summary = replace(summary, status=Status.INCOMPLETE, exit_code=1, reason=left)
    if conflicts and summary.exit_code in (0, 1):
        summary = replace(summary, status=Status.FAILED, exit_code=1, reason=conflicts)
    forgotten = await find_forgotten(recorded) if summary.exit_code in (0, 1, 3) else ""
    if forgotten:
        summary = _stopped(summary, forgotten)
    complete = summary.exit_code in (0, 1, 3) and not left and not forgotten
    if summary.repeated:
        opened.say(prepare_same_row_write_order.repeated(summary.repeated, exact=summary.repeated_exact))
    if not complete and not left and recorded.record is not None:
        _tell_unread(opened)
    try:
        await recorded.ledger.sync()  # before a rename: the ledger is to know every byte of a file that has its name
        for part in opened.outputs:
            await _close(opened, part.sink, complete=complete)
        summary = await recorded.finish(summary, complete=complete)
    except BulkqError as error:
        code = 5 if error.exit_code == 2 else error.exit_code
        summary = replace(summary, status=exit_codes.name_status(code), exit_code=code, reason=str(error))
        if recorded.record is not None and not (error.final or isinstance(error, TakenOver)):
            summary = replace(summary, resume=f"bulkq resume {opened.run}")  # which goes on from what is durable
    return summary


def _stopped(summary: RunSummary, forgotten: str) -> RunSummary:
    """Return the summary of a run that goes on with what a database has forgotten. What cannot be told (3) is still not known then."""
    if summary.exit_code == 3:
        return replace(summary, reason="; ".join(filter(None, (forgotten, summary.reason))))
    return replace(summary, status=exit_codes.name_status(5), exit_code=5, reason=forgotten)


def _summary(opened: OpenRun, failures: Sequence[Failure]) -> RunSummary:
    skipped = all(part.unmet for part in opened.parts)
    exit_code = _exit_code(opened, skipped=skipped)
    return replace(
        sum_up(opened.progress, exit_code=exit_code, mode=opened.mode, targets=opened.labels),
        warnings=count_warnings(opened.targets),
        repeated=sum(part.order.repeated for part in opened.parts if part.order is not None),
        repeated_exact=all(part.order.exact for part in opened.parts if part.order is not None),
        reason=opened.job.control.reason
        or opened.sources.cut_off
        or _not_done(opened)
        or (ALL_SKIPPED if skipped else ""),
        per_target=per_target(opened),
        queries=tuple(
            QueryCounts(
                part.spec.query.name,
                part.spec.query.file,
                part.spec.query.line,
                part.spec.target,
                part.unmet,
                ranges=opened.request.backfill is not None,
                **counts_of(part.counts),
            )
            for part in opened.parts
        ),
        failures=tuple(failures),
    )


def _exit_code(opened: OpenRun, *, skipped: bool) -> int:
    """The exit code of a run; `skipped`: no query of it was executed, because requirements are not met."""
    counts, code = opened.progress.counts, opened.job.control.exit_code
    away = [target.lost for target in opened.targets if target.lost is not None] if opened.several else []
    return exit_codes.exit_code(
        forced=code,
        refused=code == 4 or any(isinstance(error, RefusedError) for error in away),
        unknown=code == 3
        or counts.unknown > 0
        or counts.unanswered > 0
        or bool(opened.sources.cut_off or away or skipped),
        stopped=code == 5,
        failed=counts.failed > 0 or (opened.request.maintenance is not None and counts.skipped > 0),
    )


def sum_up(progress: Progress, *, exit_code: int, mode: str, targets: Sequence[str]) -> RunSummary:
    """Return the summary for the progress of a run or of checks."""
    latencies = progress.latencies
    return RunSummary(
        run=progress.run,
        status=exit_codes.name_status(exit_code),
        exit_code=exit_code,
        mode=mode,
        targets=tuple(targets),
        rows=progress.rows,
        attempts=progress.attempts,
        together=progress.together,
        lanes=progress.lanes if progress.lanes_why else None,
        lanes_why=progress.lanes_why,
        elapsed_s=time.monotonic() - progress.started_s,
        p50_s=latencies.quantile(0.5),
        p95_s=latencies.quantile(0.95),
        max_s=latencies.max_s if latencies.total else None,
        timeline=progress.whole_timeline(),
        throttled_s=progress.throttled_s,
        throttles=progress.waits(),
        workers=progress.workers(),
        **counts_of(progress.counts),
    )


def show_warnings(targets: Iterable[OpenTarget], say: Callable[[str], None]) -> None:
    """Show the first warnings of each target whose server counts them."""
    for text in (text for found in _warnings(targets) for text in found.first):
        say(f"warning: {text}")


def count_warnings(targets: Iterable[OpenTarget]) -> int:
    """Return the number of warnings of the targets whose servers count them."""
    return sum(found.count for found in _warnings(targets))


def _warnings(targets: Iterable[OpenTarget]) -> list[WarningCounts]:
    drivers = (target.driver for target in targets)
    return [driver.warnings for driver in drivers if isinstance(driver, WarningDriver)]


def per_target(opened: OpenRun) -> tuple[TargetCounts, ...]:
    """Return the counts of each target and of each of its schemas."""
    by_label: dict[str, tuple[OpenTarget, list[PartState]]] = {}
    for target in opened.targets:
        for part in target.parts:
            by_label.setdefault(part.spec.target, (target, []))[1].append(part)
    found: list[TargetCounts] = []
    for label in opened.labels:
        target, parts = by_label[label]
        refused = next((part.refused.message for part in parts if part.refused is not None), "")
        found.append(
            TargetCounts(
                label,
                reason=target.reason or refused,
                **counts_of(sum((part.counts for part in parts), Counts())),
            )
        )
    return tuple(found)


def _not_done(opened: OpenRun) -> str:
    """Return a text such as `2 of 50 targets were not done: a, b`."""
    away = [target.label for target in opened.targets if target.lost is not None] if opened.several else []
    if not away:
        return ""
    shown = first_names(away, NAMED)
    return f"{len(away)} of {len(opened.targets)} targets were not done: {shown}"


def _tell_unread(opened: OpenRun) -> None:
    """Warn if a pipe was not read to its end, because the rest is lost with this process."""
    for part in opened.parts:
        if not part.source.replayable and not part.exhausted and part.source.total is None:
            opened.say(
                f"the source of {part.spec.query.place} was not read to its end and can be read only once: "
                "a resume executes what was read, and exits with 3"
            )
            return


async def _close(opened: OpenRun, sink: Sink, *, complete: bool) -> None:
    """Close a sink. The file of a target that did not finish stays a partial or is removed: it is not a complete result."""
    parts = [part for part in opened.parts if part.sink is sink]
    if complete and all(part.unmet for part in parts):
        sink.discard()
        return
    if complete and opened.several and all(part.sessions.gone is not None for part in parts):
        if not any(part.tried for part in parts):
            sink.discard()
            return
        complete = False
    if note := getattr(sink, "note_answers", None):  # a table with a section for each query
        note(part.spec.query.name for part in parts if part.counts.ok)
    said = len(sink.notices)
    try:
        await sink.close(complete=complete)
        for notice in sink.notices[said:]:
            opened.say(notice)
    except OutputClosed:
        if opened.request.safety.write:
            raise
        sink.discard()  # `| head` has seen enough, also where only the end was left to write
