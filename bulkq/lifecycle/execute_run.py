"""Execute a recorded run: its first line, its lanes, and the sets that were never tried."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.run_context import StopLimits
from bulkq.engine.runner import Runner
from bulkq.errors import ParameterError
from bulkq.lifecycle import prepare_same_row_write_order
from bulkq.lifecycle.forgotten_commits import end_reviews, review_reconnects
from bulkq.lifecycle.preflight import PEEKED
from bulkq.policy import safety

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.engine.pool import ConnectionPool
    from bulkq.lifecycle.command_steps import OpenJob
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure, Run
    from bulkq.policy.pace import Pace
    from bulkq.protocols import Ledger

COUNTED_REST = 5_000_000
"""Maximum number of sets that a stopped run still reads to count the skipped ones."""


async def execute(recorded: RecordedRun) -> Sequence[Failure]:
    """Run all parts to their end or until the run stops. The counts are in the progress and in the parts.

    Returns:
        The first failures, those of earlier processes before them.
    """
    opened = recorded.opened
    runner = _runner(recorded)
    review_reconnects(recorded)
    try:
        await recorded.follow(runner)
        await runner.run()
    except BaseException:
        for part in opened.outputs:
            await part.sink.close(complete=False)
        raise
    end_reviews(recorded)
    if opened.request.backfill is None:
        await _count_skipped(opened)
    return runner.failures


def _runner(recorded: RecordedRun) -> Runner:
    opened = recorded.opened
    limits = opened.request.limits
    stops = StopLimits(
        fail_fast=limits.fail_fast,
        max_failures=limits.max_failures,
        deadline_s=limits.deadline_s,
        max_failed_targets=limits.max_failed_targets,
        throttle_timeout_s=limits.throttle_timeout_s,
        timed=opened.throttles.timed,
        critical=opened.throttles.critical,
    )
    return make_runner(
        opened,
        opened.parts,
        stops,
        ledger=recorded.ledger,
        ordered=not opened.request.output.unordered,
        canaries=[target.sessions for target in opened.targets if target.first],
        pace=opened.throttles.pace,
        failures=opened.resume.failures,
    )


def make_runner(
    opened: OpenJob,
    parts: Sequence[PartState],
    stops: StopLimits,
    *,
    ledger: Ledger,
    ordered: bool,
    canaries: Sequence[ConnectionPool] = (),
    reserved: int = 0,
    pace: Pace | None = None,
    failures: Sequence[Failure] = (),
) -> Runner:
    """Return the runner of an open job; see `Runner` for the arguments."""
    return Runner(
        parts,
        concurrency=opened.progress.concurrency,
        progress=opened.progress,
        observers=opened.observers,
        control=opened.job.control,
        rules=stops,
        ledger=ledger,
        ordered=ordered,
        canaries=canaries,
        reserved=reserved,
        throttle=opened.throttle,
        pace=pace,
        failures=failures,
    )


async def _count_skipped(opened: OpenRun) -> None:
    """Count the sets that were never tried: those in abandoned batches, and those in no batch."""
    known: dict[str, int] = {}  # sets of a query in all, from a part that was read to its end
    if opened.same_sets:
        known = {p.spec.query.place: p.source.total for p in opened.parts if p.source.total is not None}
    for part in opened.parts:
        skipped = max(0, part.taken - (part.tried - part.before))
        total = known.get(part.spec.query.place)
        if part.unmet:
            skipped = part.source.total or 1
        elif part.refused is not None:
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


def first_line(recorded: RecordedRun) -> str:
    """Return the first line of a run: its mode, targets, lanes and promise."""
    opened = recorded.opened
    request = opened.request
    where = _many(opened) if opened.several else _one(opened.targets[0], write=request.safety.write)
    words = [f"run={opened.run}", opened.mode, *where]
    lanes = 1 if request.limits.ordered and not opened.several else request.limits.concurrency or "auto"
    words.insert(len(words) if opened.several else 4, f"lanes={lanes}")
    words.extend(shard_and_executor_words(request))
    words.extend(f"spool={path}" for path in opened.sources.spools.values())
    words.extend(f"throttle={expression}" for expression in request.throttles)
    if request.safety.write:
        words.append(f"({'; '.join(filter(None, (safety.sentence(opened.mode), _order(opened), _shards(request))))})")
    return " ".join(words)


def shard_and_executor_words(request: Run) -> list[str]:
    """Return the fields that say which share of its group a run is, and where its batches are executed."""
    executor = request.limits.executor
    fields = {
        "shard": request.sources.shard,
        "group": request.queries.group,
        "executor": executor and executor.text,
    }
    return [f"{name}={value}" for name, value in fields.items() if value]


def _shards(request: Run) -> str:
    """Return how far the order of effect reaches, if the run is a shard."""
    return "shards are applied in no order" if request.sources.shard is not None else ""


def _order(opened: OpenRun) -> str:
    """Return what the order of effect depends on; of a backfill, what it goes over."""
    if opened.request.maintenance is not None:
        return "no two lanes work on one table"
    if opened.request.backfill is None:
        return prepare_same_row_write_order.sentence(opened)
    tables = {made.facts.key: made for made in opened.backfills.values()}
    return "; ".join(f"{key.table} by ranges of ({', '.join(column.name for column in key.columns)})" for key in tables)


def _one(target: OpenTarget, *, write: bool) -> list[str]:
    """Return the fields for the only target."""
    server = target.server
    assert server is not None, "it was looked at"
    words = [f"{server.product} {server.version}", target.label]
    if server.tls:
        words.append(f"tls={server.tls}")
    if server.pooled:
        words.append("pooler=transaction (unnamed statements, SET LOCAL only)")
    if not target.driver.capabilities.cancels:
        words.append("cancel=no")
    if write and not server.counts:
        words.append("counts=no")
    if len(target.places) > 1:
        words.append(f"schemas={len(target.places)}")
    return words


def _many(opened: OpenRun) -> list[str]:
    """Return the fields for several targets: their number, and on how many of them something is unusual."""
    found = [target.server for target in opened.targets if target.server is not None and target.lost is None]
    lost = sum(1 for target in opened.targets if target.lost is not None)
    counts = (
        ("unreachable", lost),
        ("tls=unverified", sum(1 for server in found if server.tls == "unverified")),
        ("tls=off", sum(1 for server in found if server.tls == "off")),
        ("pooled", sum(1 for server in found if server.pooled)),
        ("counts=no", sum(1 for server in found if opened.request.safety.write and not server.counts)),
        ("cancel=no", sum(1 for target in opened.targets if not target.driver.capabilities.cancels)),
    )
    return [f"targets={len(opened.request.targets.selected)}", *(f"{name}:{count}" for name, count in counts if count)]
