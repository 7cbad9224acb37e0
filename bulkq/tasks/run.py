"""`bulkq run`: open, look before the first statement, run, sum up.

Called by `bulkq.cli.run` and by `bulkq.tasks.database`. Errors before the run has begun are raised as `BulkqError`;
after that a `RunSummary` always comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, ParameterError
from bulkq.ledger import NoLedger, open_ledger
from bulkq.model import Batch, BatchResult, QueryCounts, RunSummary
from bulkq.policy import safety, stopping
from bulkq.runner import Part, Rules, Runner
from bulkq.tasks.beginning import begin
from bulkq.tasks.opening import PEEKED, Console, Start, look_first, new_run_id, open_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from bulkq.model import Run, Server
    from bulkq.protocols import Ledger, Observer
    from bulkq.runner import Control
    from bulkq.tasks.beginning import Recorded
    from bulkq.tasks.opening import Given, Opened
    from bulkq.tasks.recording import Retried

COUNTED_REST = 5_000_000
"""Sets of a file that a stopped run still reads to tell how many it skipped."""


async def run(
    request: Run,
    *,
    control: Control,
    observers: Sequence[Observer] = (),
    stdout: BinaryIO | None = None,
    stdin: BinaryIO | None = None,
    terminal: bool = False,
    given: Given | None = None,
    retried: Retried | None = None,
) -> RunSummary:
    """Do what `request` says, as a new run.

    Args:
        request: queries, target, parameters, limits, output.
        control: stops the run from outside.
        observers: told what happens, per batch.
        stdout: where rows go when no file is named; nothing else is ever written to it.
        stdin: read by `-p -`.
        terminal: whether `stdout` is one, and a table is wanted.
        given: source, sink and connections of a caller that has them.
        retried: the run whose failed sets are done again.

    Raises:
        BulkqError: nothing of the user's was executed: usage (2), target (3), refused (4).
    """
    start = Start(run=new_run_id(), ledger=_opening(request.ledger), given=given, retried=retried)
    return await carry_out(request, start, control, observers, Console(stdout, stdin, terminal))


async def carry_out(
    request: Run, start: Start, control: Control, observers: Sequence[Observer], console: Console
) -> RunSummary:
    """Open, look, record, run, sum up; of new runs and of resumed ones.

    Raises:
        BulkqError: as `run`.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_close_ledger, start.ledger)
        opened = await open_run(request, start, stack, observers, console)
        if opened.failure_file is not None:
            observers = (*observers, opened.failure_file)
        try:
            server = await look_first(opened)
            recorded = await begin(opened)
        except BaseException:
            opened.discard()
            for spool in opened.spools.values():
                if start.going_on is None:
                    spool.unlink(missing_ok=True)
            raise
        return await _execute(opened, recorded, server, control, observers)


def _opening(ledger: str) -> asyncio.Task[Ledger]:
    """Open the ledger while the target is being connected to: it takes a third of a second to import what it needs."""

    async def work() -> Ledger:
        return NoLedger() if ledger == "none" else await open_ledger(ledger)

    return asyncio.create_task(work())


async def _close_ledger(opening: asyncio.Task[Ledger]) -> None:
    with contextlib.suppress(BulkqError, ImportError):  # whoever needed it was told
        await (await opening).close()


# --- the run and its summary ---------------------------------------------------------------------------------------


async def _execute(
    opened: Opened, recorded: Recorded, server: Server, control: Control, observers: Sequence[Observer]
) -> RunSummary:
    request, progress = opened.request, opened.progress
    progress.started_s = time.monotonic()
    totals = [part.source.total for part in opened.parts]
    progress.total = None if None in totals else sum(total or 0 for total in totals) + progress.done
    progress.concurrency = request.concurrency
    for observer in observers:
        observer.started(progress)
        observer.notice(_first_line(opened, server))
    runner = Runner(
        opened.parts,
        concurrency=request.concurrency,
        progress=progress,
        observers=observers,
        control=control,
        rules=Rules(fail_fast=request.fail_fast, max_failures=request.max_failures, deadline_s=request.deadline_s),
        ledger=recorded.ledger,
        ordered=not request.unordered,
    )
    runner.failures.extend(recorded.failures)
    recorded.watch(opened, runner, control)
    await _refused_parts(opened, runner)
    try:
        await runner.run()
    except BaseException:
        for sink in opened.sinks:
            await sink.close(complete=False)
        raise
    await _count_skipped(opened)
    summary = _summary(opened, runner, control)
    return await _finish(opened, recorded, summary, observers)


def _first_line(opened: Opened, server: Server) -> str:
    """What runs where, under which promise."""
    request = opened.request
    words = [f"run={opened.run}", opened.mode, f"{server.product} {server.version}", opened.driver.target]
    words.append(f"lanes={request.concurrency}")
    if server.tls:
        words.append(f"tls={server.tls}")
    if server.pooled:
        words.append("pooler=transaction (unnamed statements, SET LOCAL only)")
    if not opened.driver.capabilities.cancels:
        words.append("cancel=no")
    words.extend(f"spool={path}" for path in opened.spools.values())
    if request.write:
        words.append(f"({safety.sentence(opened.mode)})")
    return " ".join(words)


async def _refused_parts(opened: Opened, runner: Runner) -> None:
    """A statement that the server refuses fails once; its other sets are skipped."""
    for part in opened.parts:
        if part.refused is None:
            continue
        part.failed = 1
        opened.progress.failed += 1
        empty = Batch(-1, part.refused.n, ())
        runner.recorded(
            BatchResult(empty, part.work.query, part.work.target, (), (), (), ok=0, failures=(part.refused,))
        )


async def _count_skipped(opened: Opened) -> None:
    """`skipped` = never tried: what was cut and given up, and what was never cut."""
    tried = sum(part.ok + part.failed + part.unknown - part.before for part in opened.parts)
    skipped = sum(part.taken for part in opened.parts) - tried
    for part in opened.parts:
        if part.refused is not None:
            skipped += 0 if part.taken else 1
            skipped += await _rest(part) - 1
        elif not part.exhausted:
            skipped += await _rest(part)
    opened.progress.skipped = max(0, skipped)


async def _rest(part: Part) -> int:
    if part.remaining is not None:
        return part.remaining
    counted = 0
    # The line that cannot be read is why the run stopped; what lies behind it cannot be counted.
    with contextlib.suppress(ParameterError):
        while part.source.replayable and counted < COUNTED_REST:
            batch = await part.source.take(PEEKED * 10, 0)
            if batch is None:
                break
            counted += len(batch.sets)
    return counted


def _summary(opened: Opened, runner: Runner, control: Control) -> RunSummary:
    progress = opened.progress
    code = control.exit_code
    exit_code = stopping.exit_code(
        forced=code,
        refused=code == 4,
        unknown=code == 3 or progress.unknown > 0 or progress.unanswered > 0 or bool(opened.start.cut_off),
        stopped=code == 5,
        failed=progress.failed > 0,
    )
    failures = runner.failures
    return RunSummary(
        run=opened.run,
        status=stopping.status(exit_code),
        exit_code=exit_code,
        mode=opened.mode,
        targets=(opened.driver.target,),
        ok=progress.ok,
        failed=progress.failed,
        unknown=progress.unknown,
        skipped=progress.skipped,
        retried=progress.retried,
        changed=progress.changed,
        unanswered=progress.unanswered,
        rows=progress.rows,
        attempts=progress.attempts,
        elapsed_s=time.monotonic() - progress.started_s,
        p50_s=progress.latencies.quantile(0.5),
        p95_s=progress.latencies.quantile(0.95),
        max_s=progress.latencies.max_s if progress.latencies.total else None,
        reason=control.reason or opened.start.cut_off,
        queries=tuple(
            QueryCounts(
                p.work.query.name, p.work.query.file, p.work.query.line, p.work.target, p.ok, p.failed, p.unknown
            )
            for p in opened.parts
        ),
        failures=tuple(failures),
    )


async def _finish(opened: Opened, recorded: Recorded, summary: RunSummary, observers: Sequence[Observer]) -> RunSummary:
    """Complete = the run reached its end, whatever came of it; then files get their names and markers go."""
    complete = summary.exit_code in (0, 1, 3)
    try:
        await recorded.ledger.sync()  # before a rename: the ledger is to know every byte of a file that has its name
        for sink in opened.sinks:
            await sink.close(complete=complete)
        summary = await recorded.finish(opened, summary, complete=complete)
    except BulkqError as error:
        code = 5 if error.exit_code == 2 else error.exit_code
        summary = replace(summary, status=stopping.status(code), exit_code=code, reason=str(error))
    for observer in observers:
        observer.finished(summary)
    return summary
