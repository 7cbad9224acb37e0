"""The record of a run: made durable before the first statement, kept while it runs, closed at its end."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.engine.affected_guard import AffectedGuard
from bulkq.errors import BulkqError, DatabaseError, RefusedError, TakenOver, TargetError
from bulkq.ledger import new_owner
from bulkq.lifecycle import open_targets, run_fingerprints, target_markers, unreported_failures
from bulkq.model import STARTED, Claims, Failure, Mark, Outcome, RunState
from bulkq.model.counts import counts_of
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy import safety
from bulkq.policy.next_step import next_command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.engine.runner import Runner
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Batch, MarkerTables, RunRecord, RunSummary, SinkPosition
    from bulkq.protocols import Connection, Ledger
    from bulkq.sinks.failures_file import FailureFile

FAILURES_PART = 0
"""The `--failures` file belongs to no part."""


@frozen(kw_only=True)
class RecordedRun:
    """A run that has begun, with its record.

    Attributes:
        opened: what it holds open.
        parts: of all targets.
        ledger: where it is recorded.
        record: what the ledger has of it; None if it keeps nothing.
        started_at: when the first process of the run began: ISO 8601, UTC.
        constants: the file with the values of `--param`.
        outputs: the paths of outputs that the ledger knows already.
    """

    opened: OpenRun
    parts: Sequence[PartState]
    ledger: Ledger
    record: RunRecord | None
    started_at: str
    constants: Path | None = None
    outputs: frozenset[str] = frozenset()

    async def follow(self, runner: Runner) -> None:
        """Let group commits ask how far the outputs are, and stop the run when one fails.

        Says which outputs of dead runs the outputs replace: those cannot go on. All are on record before they are written.

        Raises:
            LedgerError: it cannot be written.
        """
        if self.ledger.keeps:
            file, control = self.opened.failure_file, self.opened.job.control
            self.ledger.attach(
                positions=lambda: [*runner.positions(), *_failures_at(file)],
                fsync=lambda: _fsync(runner, file),
                on_failure=lambda error: control.drain(str(error), 4 if isinstance(error, TakenOver) else 5),
            )
        await self._replace_outputs()

    async def _replace_outputs(self) -> None:
        opened = self.opened
        sinks = [part.sink for part in opened.outputs]
        notices = [notice for sink in sinks for notice in sink.notices]
        notices += opened.failure_file.notices if opened.failure_file is not None else []
        if any(position.path not in self.outputs for sink in sinks for position in sink.positions()):
            await self.ledger.sync()
        if not notices:
            return
        for notice in notices:
            opened.say(notice)
        dead = {
            other.run: path
            for path, other in await self.ledger.beside(opened.run)
            if other.state is not RunState.FINISHED
        }
        if dead:
            run, path = next(iter(dead.items()))
            opened.say(f'run {run}, which wrote "{path}", can no longer be resumed')

    async def finish(self, summary: RunSummary, *, complete: bool) -> RunSummary:
        """Make the end durable; then, when nothing is left to tell, remove markers and spools."""
        if self.record is None:
            return summary
        opened = self.opened
        at_end = summary.exit_code in (0, 1, 3) and summary.skipped == 0
        unfinished = summary.unknown > 0 and opened.mode != safety.READ
        unfinished = unfinished or (opened.request.continues and summary.failed > 0)
        away = opened.several and any(target.lost is not None for target in opened.targets)
        state = RunState.FINISHED if complete and at_end and not unfinished and not away else RunState.STOPPED
        await self.ledger.finish(ended(self.record, state, summary))
        if state is RunState.FINISHED:
            await self._clear(summary)
        return replace(summary, resume=_next(opened, state, summary))

    async def _clear(self, summary: RunSummary) -> None:
        opened = self.opened
        if not opened.request.safety.keep_markers:
            for target in opened.targets:
                if target.tables is not None:
                    await self._remove_markers(target, target.tables)
        if summary.failed or summary.unknown:
            return  # a retry reads the sets that failed from them again, and removes them when all goes well
        files = [*opened.sources.spools.values(), *map(Path, opened.resume.leftovers)]
        for file in (*files, *([self.constants] if self.constants is not None else [])):
            file.unlink(missing_ok=True)

    async def _remove_markers(self, target: OpenTarget, tables: MarkerTables) -> None:
        """All is done and on record: rows that cannot be removed now are a notice, not a failure of the run."""
        opened = self.opened
        try:
            connection = await target.sessions.first()
            try:
                made = (opened.backfills.get(part.spec.number) for part in target.parts)
                cut = any(one is not None and one.end is not None for one in made)  # an empty table has no ranges
                await target_markers.remove(connection, tables, opened.run, ranges=cut)
            finally:
                await connection.close()
        except BulkqError as error:
            where = f" of {target.label}" if opened.several else ""
            opened.say(
                f"the run is finished, but its rows in {tables.runs} and {tables.markers}{where} could not be removed ({error}): "
                f"bulkq resume {opened.run} removes them"
            )


@frozen(kw_only=True)
class ResumedRun(RecordedRun):
    """A run that goes on."""

    async def follow(self, runner: Runner) -> None:
        """Tell at once what the process that died could not tell any more."""
        await RecordedRun.follow(self, runner)  # `super()` has no cell in a class with slots
        await unreported_failures.tell(self.opened, self.ledger)


async def begin(opened: OpenRun) -> RecordedRun:
    """Record the run and, for exactly once, commit its run row in every target; nothing of the user's is sent before.

    Raises:
        LedgerError: the run cannot be recorded.
        RefusedError: a target takes no run row.
    """
    ledger = await opened.job.ledger
    if opened.resume.record is not None:
        return _go_on(opened, ledger, opened.resume.record)
    if not ledger.keeps:
        _prepare_parts(opened, ledger, "")
        return RecordedRun(opened=opened, parts=opened.parts, ledger=ledger, record=None, started_at=_now())
    owner = new_owner()
    try:
        if any(part.spec.mode == safety.WRITE for part in opened.parts):
            work = partial(_begin_at, opened, owner)
            await open_targets.on_each(opened.targets, work, write=opened.request.safety.write)
        record = await _record(opened, owner)
        constants = _save_constants(opened)
    except BaseException:
        await _take_back(opened)
        raise
    outputs = _outputs(opened)
    await _insert(opened, ledger, record, constants, outputs)
    recorded = RecordedRun(
        opened=opened,
        parts=opened.parts,
        ledger=ledger,
        record=record,
        started_at=record.started_at,
        constants=constants,
        outputs=frozenset(position.path for _, position in outputs),
    )
    _prepare_parts(opened, ledger, owner)
    return recorded


async def _begin_at(opened: OpenRun, owner: str, target: OpenTarget, connection: Connection) -> None:
    try:
        tables = await target_markers.make_tables(connection, target.definition.url, opened.request.safety.marker_table)
        await target_markers.begin(connection, tables, opened.run, owner)
    except RefusedError as error:
        if not opened.several:
            raise
        raise RefusedError(f"{target.label}: {error}") from error
    target.tables = tables


async def _take_back(opened: OpenRun) -> None:
    """Remove the run rows of a run that does not begin. One that stays does no harm."""
    for target in opened.targets:
        if target.tables is not None and target.lost is None:
            with contextlib.suppress(TargetError, DatabaseError):
                connection = await target.sessions.first()
                try:
                    await target_markers.remove(connection, target.tables, opened.run)
                finally:
                    await connection.close()


async def _record(opened: OpenRun, owner: str) -> RunRecord:
    """What the ledger is to keep of a new run whose run rows are in its targets."""
    request = opened.request
    by_place = {place: target for target in opened.targets for place in target.places}
    targets = [by_place[place] for place in range(len(request.targets.selected))]
    return await run_fingerprints.record(
        request,
        run=opened.run,
        owner=owner,
        mode=opened.mode,
        targets=opened.labels,
        identities=[target.identity for target in targets],
        markers=[target.tables for target in targets],
        servers=[target.server for target in targets],
        resume=opened.resume,
    )


def _save_constants(opened: OpenRun) -> Path | None:
    """Write the values of `--param` beside the ledger, which has none itself."""
    if not opened.request.sources.constants:
        return None
    constants = run_fingerprints.spool_folder(opened.request.safety.ledger) / f"{opened.run}.params"
    from bulkq.sources.spool import save_constants

    save_constants(constants, opened.request.sources.constants)
    return constants


async def _insert(
    opened: OpenRun,
    ledger: Ledger,
    record: RunRecord,
    constants: Path | None,
    outputs: Sequence[tuple[int, SinkPosition]],
) -> None:
    """Make the record durable, behind the run rows: a run that the ledger knows has its run row, and one that has none is not it."""
    kept = [str(path) for path in (*opened.sources.spools.values(), *([constants] if constants else []))]
    inserting = asyncio.create_task(ledger.begin(record, kept, outputs))
    try:
        await asyncio.shield(inserting)
    except BaseException:
        # An interrupt does not stop it, and what the ledger then holds must be able to go on.
        await asyncio.wait([inserting])
        if not inserting.cancelled() and inserting.exception() is None:
            opened.sources.recorded = True
        else:
            if constants is not None:
                constants.unlink(missing_ok=True)  # noqa: ASYNC240 - on a local disk
            await _take_back(opened)
        raise
    opened.sources.recorded = True


def _outputs(opened: OpenRun) -> list[tuple[int, SinkPosition]]:
    """How far the outputs are before the run: at their beginning."""
    found = [(part.spec.number, position) for part in opened.outputs for position in part.sink.positions()]
    return [*found, *_failures_at(opened.failure_file)]


def _failures_at(file: FailureFile | None) -> list[tuple[int, SinkPosition]]:
    return [(FAILURES_PART, position) for position in file.positions()] if file is not None else []


def _go_on(opened: OpenRun, ledger: Ledger, record: RunRecord) -> RecordedRun:
    """The run is on record: count what earlier processes did of it."""
    resume = opened.resume
    opened.progress.counts = resume.counts
    for part in opened.parts:
        part.counts = resume.counts_of_part(part.spec.number)
        part.before = part.counts.tried
    _prepare_parts(opened, ledger, resume.owner)
    constants = run_fingerprints.spool_folder(opened.request.safety.ledger) / f"{opened.run}.params"
    return ResumedRun(
        opened=opened,
        parts=opened.parts,
        ledger=ledger,
        record=replace(record, owner=resume.owner),
        started_at=record.started_at,
        constants=constants if constants.exists() else None,
        outputs=frozenset(resume.outputs or ()),
    )


def ended(record: RunRecord, state: RunState, summary: RunSummary) -> RunRecord:
    """Return `record` as it is kept when its run has ended as `summary` says."""
    return replace(
        record,
        state=state,
        ended_at=_now(),
        exit_code=summary.exit_code,
        elapsed_s=record.elapsed_s + summary.elapsed_s,  # of earlier processes too
        **counts_of(summary),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _prepare_parts(opened: OpenRun, ledger: Ledger, owner: str) -> None:
    """Give the parts what their mode needs: claims, a guard over all of them, a note before each send."""
    request = opened.request
    guard = (
        AffectedGuard(request.safety.max_affected, opened.progress.counts.changed)
        if request.safety.max_affected is not None
        else None
    )
    for target in opened.targets:
        for part in target.parts:
            mode = part.spec.mode
            part.guard = guard
            if target.tables is not None and mode == safety.WRITE:
                part.spec = replace(part.spec, claims=Claims(opened.run, owner, target.tables))
                if ledger.keeps:
                    part.record_failures = _keep(part, ledger)
            if mode == safety.IDEMPOTENT:
                part.confirm_owner = ledger.confirm
            if mode == safety.MAINTENANCE and ledger.keeps:
                part.record_started = _note(part, ledger)


def _note(part: PartState, ledger: Ledger) -> Callable[[Batch, Sequence[int]], Awaitable[None]]:
    """What is on record as unknown before it is sent stays unknown if this process dies."""

    async def started(batch: Batch, positions: Sequence[int]) -> None:
        failures = tuple(
            Failure(
                batch.number(at),
                batch.origin(at),
                part.spec.target,
                part.spec.query.name,
                {},
                Outcome.UNKNOWN,
                None,
                STARTED,
                1,
            )
            for at in positions
        )
        ledger.mark(Mark(part.spec.number, (), failures))
        await ledger.sync()

    return started


def _keep(part: PartState, ledger: Ledger) -> Callable[[Sequence[Failure]], Awaitable[None]]:
    """Sets that failed stay failed if this process dies: later sets of the same row may be applied, and must not be undone."""

    async def failed(failures: Sequence[Failure]) -> None:
        ledger.mark(Mark(part.spec.number, (), tuple(failures)))
        await ledger.sync()

    return failed


async def _fsync(runner: Runner, file: FailureFile | None) -> None:
    await runner.fsync()
    if file is not None:
        await file.fsync()


def _next(opened: OpenRun, state: RunState, summary: RunSummary) -> str | None:
    """The command that goes on from here, where there is something left to do."""
    backfill = opened.request.backfill
    return next_command(
        opened.run,
        state,
        summary,
        advice={made.advice for made in opened.backfills.values()},
        capture=backfill is not None and bool(backfill.capture),
        final=opened.job.control.final
        or any(target.lost is not None and target.lost.final for target in opened.targets),
        continues=opened.request.continues,
    )
