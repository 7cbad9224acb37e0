"""`bulkq run`: open, look before the first statement, run, sum up.

 Errors before the run has begun are raised as `BulkqError`;
after that a `RunSummary` always comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bulkq.engine.context import Rules
from bulkq.engine.runner import Runner
from bulkq.errors import BulkqError, OutputClosed, ParameterError, RefusedError, TakenOver
from bulkq.ledger import NoLedger, open_recorder
from bulkq.lifecycle import open_targets as sites_of
from bulkq.lifecycle import unreported, write_order
from bulkq.lifecycle.expand_targets import expanded
from bulkq.lifecycle.open import Console, Start, new_run_id, open_run
from bulkq.lifecycle.preflight import PEEKED, look_first
from bulkq.lifecycle.record import begin
from bulkq.model import Batch, BatchResult, QueryCounts, RunSummary, TargetCounts
from bulkq.model.counts import Counts, counts_of
from bulkq.policy import safety, stop_rules
from bulkq.protocols import WarningDriver
from bulkq.text.messages import first_names
from bulkq.throttles import open_throttle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from bulkq.engine.control import Control
    from bulkq.engine.part import PartState
    from bulkq.lifecycle.open import Given, Opened
    from bulkq.lifecycle.open_targets import Site
    from bulkq.lifecycle.record import Recorded
    from bulkq.lifecycle.run_identity import Retried
    from bulkq.model import Run
    from bulkq.protocols import Ledger, Observer, Sink, WarningCounts
    from bulkq.targets import Config

NAMED = 20
"""Targets that the reason of a run names; the table has them all."""

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
    config: Config | None = None,
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
        config: where the names are looked up that `--targets-sql` gives; by default what this folder has.

    Raises:
        BulkqError: nothing of the user's was executed: usage (2), target (3), refused (4).
    """
    if retried is None and given is None:
        request = await expanded(request, config, lambda text: _say(observers, text))
    start = Start(run=new_run_id(), ledger=_opening(request.safety.ledger), given=given, retried=retried)
    return await carry_out(request, start, control, observers, Console(stdout, stdin, terminal))


def _say(observers: Sequence[Observer], text: str) -> None:
    for observer in observers:
        observer.notice(text)


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
            opened.throttle = await open_throttle(request.limits.throttle, stack)
            await look_first(opened)
            recorded = await begin(opened)
        except BaseException:
            opened.discard()
            for spool in opened.spools.values():
                if start.going_on is None and not opened.recorded:
                    spool.unlink(missing_ok=True)
            raise
        return await _execute(opened, recorded, control, observers)


def _opening(ledger: str) -> asyncio.Task[Ledger]:
    """Open the ledger while the target is being connected to."""

    async def work() -> Ledger:
        return NoLedger() if ledger == "none" else await open_recorder(ledger)

    return asyncio.create_task(work())


async def _close_ledger(opening: asyncio.Task[Ledger]) -> None:
    with contextlib.suppress(BulkqError, ImportError):  # whoever needed it was told
        await (await opening).close()


# --- the run and its summary ---------------------------------------------------------------------------------------


async def _execute(opened: Opened, recorded: Recorded, control: Control, observers: Sequence[Observer]) -> RunSummary:
    request, progress = opened.request, opened.progress
    began = datetime.now(UTC).isoformat(timespec="milliseconds")
    progress.started_s = time.monotonic()
    totals = [part.source.total for part in opened.parts]
    progress.total = None if None in totals else sum(total or 0 for total in totals) + progress.done
    progress.concurrency = request.limits.concurrency
    for observer in observers:
        observer.started(progress)
        observer.notice(_first_line(opened))
    runner = Runner(
        opened.parts,
        concurrency=request.limits.concurrency,
        progress=progress,
        observers=observers,
        control=control,
        rules=Rules(
            fail_fast=request.limits.fail_fast,
            max_failures=request.limits.max_failures,
            deadline_s=request.limits.deadline_s,
            max_failed_targets=request.limits.max_failed_targets,
        ),
        ledger=recorded.ledger,
        ordered=not request.output.unordered,
        canaries=[site.sessions for site in opened.sites if site.first],
        throttle=opened.throttle,
    )
    runner.failures.extend(recorded.failures)
    recorded.watch(opened, runner, control)
    await _refused_parts(opened, runner)
    try:
        if opened.start.going_on is not None:
            await unreported.tell(opened, opened.start.going_on, recorded.ledger)
        await recorded.replace_outputs(opened)
        await runner.run()
    except BaseException:
        for sink in opened.sinks:
            await sink.close(complete=False)
        raise
    await _count_skipped(opened)
    for text in (text for found in _warnings(opened) for text in found.first):
        opened.say(f"warning: {text}")
    summary = replace(
        _summary(opened, runner, control), started_at=recorded.record.started_at if recorded.record else began
    )
    return await _finish(opened, recorded, summary, observers)


def _first_line(opened: Opened) -> str:
    """What runs where, under which promise."""
    request = opened.request
    target = _many(opened) if opened.several else _one(opened.sites[0], write=request.safety.write)
    words = [f"run={opened.run}", opened.mode, *target]
    lanes = 1 if request.limits.ordered and not opened.several else request.limits.concurrency
    words.insert(len(words) if opened.several else 4, f"lanes={lanes}")
    words.extend(f"spool={path}" for path in opened.spools.values())
    words.extend(f"throttle={expression}" for expression in request.limits.throttle)
    if request.safety.write:
        words.append(f"({'; '.join(filter(None, (safety.sentence(opened.mode), write_order.sentence(opened))))})")
    return " ".join(words)


def _one(site: Site, *, write: bool) -> list[str]:
    """Of the only target."""
    server = site.server
    assert server is not None, "it was looked at"
    words = [f"{server.product} {server.version}", site.label]
    if server.tls:
        words.append(f"tls={server.tls}")
    if server.pooled:
        words.append("pooler=transaction (unnamed statements, SET LOCAL only)")
    if not site.driver.capabilities.cancels:
        words.append("cancel=no")
    if write and not server.counts:
        words.append("counts=no")
    if len(site.places) > 1:
        words.append(f"schemas={len(site.places)}")
    return words


def _many(opened: Opened) -> list[str]:
    """Of several targets: how many, and what is not as it should be on how many of them."""
    found = [site.server for site in opened.sites if site.server is not None and site.lost is None]
    lost = sum(1 for site in opened.sites if site.lost is not None)
    counts = (
        ("unreachable", lost),
        ("tls=unverified", sum(1 for server in found if server.tls == "unverified")),
        ("tls=off", sum(1 for server in found if server.tls == "off")),
        ("pooled", sum(1 for server in found if server.pooled)),
        ("counts=no", sum(1 for server in found if opened.request.safety.write and not server.counts)),
        ("cancel=no", sum(1 for site in opened.sites if not site.driver.capabilities.cancels)),
    )
    return [f"targets={len(opened.request.targets.selected)}", *(f"{name}:{count}" for name, count in counts if count)]


async def _refused_parts(opened: Opened, runner: Runner) -> None:
    """A statement that the server refuses fails once; its other sets are skipped."""
    for part in opened.parts:
        if part.refused is None:
            continue
        part.counts += Counts(failed=1)
        opened.progress.counts += Counts(failed=1)
        empty = Batch(-1, part.refused.n, ())
        runner.recorded(
            BatchResult(empty, part.spec.query, part.spec.target, (), (), (), ok=0, failures=(part.refused,))
        )


async def _count_skipped(opened: Opened) -> None:
    """`skipped` = never tried: what was cut and given up, and what was never cut."""
    known: dict[str, int] = {}  # sets of a query in all, from a part that was read to its end
    if opened.start.going_on is None and opened.start.retried is None:
        known = {p.spec.query.place: p.source.total for p in opened.parts if p.source.total is not None}
    for part in opened.parts:
        skipped = max(0, part.taken - (part.tried - part.before))
        total = known.get(part.spec.query.place)
        if part.refused is not None:
            rest = await _rest(part) if total is None else total - part.taken
            skipped = max(0, rest - 1 if not part.taken else skipped + rest)
        elif not part.exhausted:
            skipped += await _rest(part) if total is None else max(0, total - part.taken)
        part.counts = replace(part.counts, skipped=skipped)
    skipped = sum(part.counts.skipped for part in opened.parts)
    opened.progress.counts = replace(opened.progress.counts, skipped=skipped)


async def _rest(part: PartState) -> int:
    if part.remaining is not None:
        return part.remaining
    counted = 0 if part.order is None else part.order.held
    # The line that cannot be read is why the run stopped; what lies behind it cannot be counted.
    with contextlib.suppress(ParameterError):
        while part.source.replayable and counted < COUNTED_REST:
            batch = await part.source.take(PEEKED * 10, 0)
            if batch is None:
                break
            counted += len(batch.sets)
    return counted


def _summary(opened: Opened, runner: Runner, control: Control) -> RunSummary:
    progress, counts = opened.progress, opened.progress.counts
    code = control.exit_code
    away = [site.lost for site in opened.sites if site.lost is not None] if opened.several else []
    exit_code = stop_rules.exit_code(
        forced=code,
        refused=code == 4 or any(isinstance(error, RefusedError) for error in away),
        unknown=code == 3 or counts.unknown > 0 or counts.unanswered > 0 or bool(opened.start.cut_off or away),
        stopped=code == 5,
        failed=counts.failed > 0,
    )
    targets = per_target(opened)
    failures = runner.failures
    return RunSummary(
        run=opened.run,
        status=stop_rules.status(exit_code),
        exit_code=exit_code,
        mode=opened.mode,
        targets=tuple(sites_of.labels(opened.request, opened.sites)),
        **counts_of(counts),
        warnings=sum(found.count for found in _warnings(opened)),
        repeated=sum(part.order.repeated for part in opened.parts if part.order is not None),
        repeated_exact=opened.start.going_on is None
        and all(p.order.exact for p in opened.parts if p.order is not None),
        rows=progress.rows,
        attempts=progress.attempts,
        elapsed_s=time.monotonic() - progress.started_s,
        p50_s=progress.latencies.quantile(0.5),
        p95_s=progress.latencies.quantile(0.95),
        max_s=progress.latencies.max_s if progress.latencies.total else None,
        reason=control.reason or opened.start.cut_off or _not_done(opened),
        per_target=targets,
        queries=tuple(
            QueryCounts(
                part.spec.query.name,
                part.spec.query.file,
                part.spec.query.line,
                part.spec.target,
                **counts_of(part.counts),
            )
            for part in opened.parts
        ),
        failures=tuple(failures),
    )


def _warnings(opened: Opened) -> list[WarningCounts]:
    """What the targets warned of, where their servers count it."""
    drivers = (site.driver for site in opened.sites)
    return [driver.warnings for driver in drivers if isinstance(driver, WarningDriver)]


def per_target(opened: Opened) -> tuple[TargetCounts, ...]:
    """What came of each target, and of each schema of it."""
    found: list[TargetCounts] = []
    for label in sites_of.labels(opened.request, opened.sites):
        site, parts = next((s, ps) for s in opened.sites if (ps := [p for p in s.parts if p.spec.target == label]))
        refused = next((part.refused.message for part in parts if part.refused is not None), "")
        found.append(
            TargetCounts(
                label,
                reason=site.reason or refused,
                **counts_of(sum((part.counts for part in parts), Counts())),
            )
        )
    return tuple(found)


def _not_done(opened: Opened) -> str:
    """`2 of 50 targets were not done: a, b`."""
    away = [site.label for site in opened.sites if site.lost is not None] if opened.several else []
    if not away:
        return ""
    shown = first_names(away, NAMED)
    return f"{len(away)} of {len(opened.sites)} targets were not done: {shown}"


async def _finish(opened: Opened, recorded: Recorded, summary: RunSummary, observers: Sequence[Observer]) -> RunSummary:
    """Complete = the run reached its end, whatever came of it; then files get their names and markers go."""
    complete = summary.exit_code in (0, 1, 3)
    if summary.repeated:
        opened.say(write_order.repeated(summary.repeated, exact=summary.repeated_exact))
    if not complete and recorded.record is not None:
        _tell_unread(opened)
    try:
        await recorded.ledger.sync()  # before a rename: the ledger is to know every byte of a file that has its name
        for sink in opened.sinks:
            await _close(opened, sink, complete=complete)
        summary = await recorded.finish(opened, summary, complete=complete)
    except BulkqError as error:
        code = 5 if error.exit_code == 2 else error.exit_code
        summary = replace(summary, status=stop_rules.status(code), exit_code=code, reason=str(error))
        if recorded.record is not None and not isinstance(error, TakenOver):
            summary = replace(summary, resume=f"bulkq resume {opened.run}")  # which goes on from what is durable
    for observer in observers:
        observer.finished(summary)
    return summary


def _tell_unread(opened: Opened) -> None:
    """A pipe goes with the process that read it."""
    for part in opened.parts:
        if not part.source.replayable and not part.exhausted and part.source.total is None:
            opened.say(
                f"the source of {part.spec.query.place} was not read to its end, and comes but once: "
                "a resume does what was read of it, and ends with 3"
            )
            return


async def _close(opened: Opened, sink: Sink, *, complete: bool) -> None:
    """The file of a target that was not done stays a partial, or is none: nobody shall take it for an answer."""
    parts = [part for part in opened.parts if part.sink is sink]
    if complete and opened.several and all(part.sessions.gone is not None for part in parts):
        if not any(part.tried for part in parts):
            sink.discard()
            return
        complete = False
    try:
        await sink.close(complete=complete)
    except OutputClosed:
        if opened.request.safety.write:
            raise
        sink.discard()  # `| head` has seen enough, also where only the end was left to write
