"""`bulkq check`: run data checks on every target, concurrently and read-only, with a verdict for each.

 Before anything of the user's was executed errors are raised; after that a `RunSummary` always
comes back, with a result for every check: one that did not run is an error.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.checks import verdict as deciding
from bulkq.engine.run_context import StopLimits
from bulkq.errors import BulkqError, StoppedError, UsageError
from bulkq.ledger import EventsOnly, new_owner, open_recorder
from bulkq.lifecycle.command_steps import Console, Steps, carry_out, new_run_id
from bulkq.lifecycle.execute_run import make_runner, shard_and_executor_words
from bulkq.lifecycle.expand_targets import expand_targets
from bulkq.lifecycle.finish import ALL_SKIPPED, count_warnings, show_warnings, sum_up
from bulkq.lifecycle.record import ended
from bulkq.lifecycle.request_json import to_json
from bulkq.lifecycle.run_fingerprints import fingerprint_constants
from bulkq.model import (
    CHECK_MODE,
    CheckResult,
    Query,
    RunRecord,
    RunState,
    RunSummary,
    Verdict,
)
from bulkq.model.counts import Counts
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy import exit_codes
from bulkq.query import read_rules as rules_of
from bulkq.sources.bind_columns import check_constants
from bulkq.sources.fingerprints import take_fingerprint
from bulkq.sources.source_request import request_of
from bulkq.tasks.check.build_results import blank, shown_params
from bulkq.tasks.check.connect_and_plan import LookedChecks, look_first
from bulkq.tasks.check.evaluate import OTHER_SETS, Reference
from bulkq.tasks.check.open_check import CheckJob, open_checks
from bulkq.tasks.check.result_book import CheckPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from bulkq.engine.part_state import PartState
    from bulkq.engine.stop_control import Control
    from bulkq.model import PastCheck
    from bulkq.protocols import Ledger, Observer
    from bulkq.targets import Config
    from bulkq.tasks.check.build_results import Answer
    from bulkq.tasks.check.connect_and_plan import PlannedCheck
    from bulkq.tasks.check.open_check import CheckRequest, OpenChecks

NO_SETS = "there are no parameter sets: nothing was checked (--allow-empty permits that)"


async def check(
    request: CheckRequest,
    *,
    control: Control,
    observers: Sequence[Observer] = (),
    config: Config | None = None,
    stdin: BinaryIO | None = None,
    stdout: BinaryIO | None = None,  # noqa: ARG001 - a task of the command line
    terminal: bool = False,  # noqa: ARG001
) -> RunSummary:
    """Run every check on every target for every parameter set.

    Args:
        request: what to check, and how.
        control: stops the run from outside.
        observers: told what happens, per check.
        config: names of targets, for those that a query gives; None reads it where it is needed.
        stdin: read by `-p -`.
        stdout: not used: results are in the summary.
        terminal: not used.

    Raises:
        BulkqError: nothing of the user's was executed: usage (2), refused (4).
    """
    refuse(request)
    began_s = time.monotonic()
    if request.run.targets.sql is not None or request.run.targets.schemas or len(request.run.targets.selected) > 1:
        run = request.run
        waits_s = min(filter(None, (run.limits.connect_timeout_s, run.limits.deadline_s)), default=None)
        asking = replace(run, limits=replace(run.limits, connect_timeout_s=waits_s))
        found = await expand_targets(asking, config, _say_to(observers), everywhere=not request.allow_empty)
        limits = replace(found.limits, connect_timeout_s=run.limits.connect_timeout_s)
        request = replace(request, run=replace(found, limits=limits))
    job = CheckJob(
        request=request,
        began_s=began_s,
        run=new_run_id(),
        ledger=asyncio.create_task(open_recorder(request.run.safety.ledger)),
        control=control,
        observers=observers,
        console=Console(stdin=stdin),
    )
    return await carry_out(CHECK, job)


def _say_to(observers: Sequence[Observer]) -> Callable[[str], None]:
    def say(text: str) -> None:
        for observer in observers:
            observer.notice(text)

    return say


def refuse(request: CheckRequest) -> None:
    """What makes no sense whatever the databases say.

    Raises:
        UsageError: nothing to check, or nowhere; a constant that no check has.
    """
    if not request.run.targets.selected and not request.allow_empty:
        raise UsageError("no target: give a database with -t")
    if not request.run.queries.selected and not request.elsewhere and not request.allow_empty:
        raise UsageError("no check was selected: name a folder or file with queries, or allow it with --allow-empty")
    every = request.every
    if request.run.sources.constants:
        check_constants(every, request.run.sources.constants)
    if request.run.sources.specs and every and not any(query.parameters for query in every):
        raise UsageError(f'-p "{request.run.sources.specs[0]}": no selected check has a :parameter')


@frozen
class RecordedChecks:
    """Checks that may begin.

    Attributes:
        looked: what is known of them.
        record: what the ledger has of this run; None if it keeps nothing.
        every: the parts in the order of execution.
        parts: without those of the queries that checks are compared with.
    """

    looked: LookedChecks
    record: RunRecord | None
    every: Sequence[PartState]
    parts: Sequence[PartState]


async def _record(looked: LookedChecks) -> RecordedChecks:
    """Record that the run begins."""
    record = await _begin(looked.opened, await looked.opened.job.ledger)
    every = _in_order(looked.planned)
    return RecordedChecks(looked, record, every, [part for part in every if not isinstance(part.judge, Reference)])


async def _execute(recorded: RecordedChecks) -> list[CheckResult]:
    """The results in the order of the report. A check that did not run is an error."""
    opened = recorded.looked.opened
    opened.book.started_s = opened.progress.started_s
    limits = opened.request.run.limits
    stops = StopLimits(
        fail_fast=limits.fail_fast,
        max_failures=limits.max_failures,
        throttle_timeout_s=limits.throttle_timeout_s,
        timed=opened.throttles.timed,
        critical=opened.throttles.critical,
        gives_up=False,
        what="a check",
    )
    runner = make_runner(
        opened,
        recorded.every,
        stops,
        ledger=EventsOnly(await opened.job.ledger),
        ordered=False,
        reserved=opened.reserved,
        pace=opened.throttles.pace,
    )
    if opened.request.snapshot:
        runner.live.refuse_pause(
            "--snapshot keeps a transaction open on each target: drain the run, and start it again later"
        )
    if recorded.every:
        await runner.run()
    await _never_ran(opened, recorded.looked.planned)
    return _results(opened)


def _in_order(planned: Sequence[PlannedCheck]) -> list[PartState]:
    """The parts, the slowest check first by the last run's times: so no long one is left over at the end."""
    begin = sorted((one for one in planned if one.parts and not one.error), key=lambda one: -_last_s(one))
    parts = [part for one in begin for part in one.parts]
    for number, part in enumerate(parts, 1):
        part.spec = replace(part.spec, number=number)
    return parts


def _last_s(planned: PlannedCheck) -> float:
    """Seconds that the check took in its last run; infinity if there is no record of one."""
    past = planned.place.past
    if not past:
        return float("inf")
    return max((history[0].elapsed_s for history in past.values() if history), default=float("inf"))


# --- the end -------------------------------------------------------------------------------------------------------


async def _never_ran(opened: OpenChecks, every: Sequence[PlannedCheck]) -> None:
    """Every check has a result: what did not run, or was not heard of again, is an error with the reason."""
    control = opened.job.control
    for planned in every:
        if planned.skipped:
            _put_skipped(opened, planned)
            continue
        if planned.error:
            _put(opened, planned, 0, planned.error, unknown=not planned.late)
            continue
        part, judge = planned.parts[0], planned.judge
        gone = next((part.sessions.gone for part in planned.parts if part.sessions.gone is not None), None)
        reason = str(gone or control.reason or "the run ended")
        if judge.pair is not None:
            if part.exhausted and judge.pair.has_more_sets(part.taken):
                _put(opened, planned, part.taken + 1, OTHER_SETS, unknown=True)
            fewer = judge.pair.asked_twice and gone is None and not control.reason
            never = await judge.pair.never_came(OTHER_SETS if fewer else reason)
            opened.progress.counts += Counts(unknown=len(never))
        for answer in judge.open.values():
            _put(opened, planned, answer.n, f"did not end: {reason}", unknown=gone is not None, answer=answer)
            answer.sink.discard()
        if part.exhausted and not part.taken and not opened.request.allow_empty:
            _put(opened, planned, 0, NO_SETS, unknown=True)
        left = 0 if part.exhausted else part.remaining
        if left is None or left > 0:
            sets = f" ({left} parameter sets)" if left is not None and left > 1 else ""
            message = f"not run: {reason}{sets}"
            _put(opened, planned, part.taken + 1, message, unknown=gone is not None, count=left or 1)


def _put(
    opened: OpenChecks,
    planned: PlannedCheck,
    n: int,
    message: str,
    *,
    unknown: bool,
    answer: Answer | None = None,
    count: int = 1,
) -> None:
    result = replace(blank(planned.place), message=" ".join(message.split()), history=_any_history(planned))
    if answer is not None:
        result = replace(
            result,
            params=shown_params(planned.place, answer.batch),
            began_s=max(0.0, answer.began_s - opened.book.started_s),
            elapsed_s=time.monotonic() - answer.began_s,
        )
    opened.book.put(planned.place, n, result)
    opened.progress.counts += Counts(unknown=count) if unknown else Counts(skipped=count)


def _put_skipped(opened: OpenChecks, planned: PlannedCheck) -> None:
    result = replace(blank(planned.place), verdict=Verdict.SKIP, message=planned.skipped)
    opened.book.put(planned.place, 0, result)
    opened.progress.counts += Counts(skipped=1)


def _any_history(planned: PlannedCheck) -> tuple[PastCheck, ...]:
    past = planned.place.past or {}
    return tuple(past.get("", ())) if len(past) <= 1 else ()


def _results(opened: OpenChecks) -> list[CheckResult]:
    results = [result for _, (result, _) in sorted(opened.book.results.items())]
    ran = [i for i, result in enumerate(results) if result.elapsed_s]
    spans = [(results[i].began_s, results[i].began_s + results[i].elapsed_s) for i in ran]
    for i, lane in zip(ran, deciding.lanes(spans), strict=True):
        results[i] = replace(results[i], lane=lane)
    return results


def _summary(looked: LookedChecks, results: Sequence[CheckResult]) -> RunSummary:
    opened = looked.opened
    progress, control = opened.progress, opened.job.control
    code = control.exit_code
    skipped = bool(results) and all(result.verdict is Verdict.SKIP for result in results)
    exit_code = exit_codes.exit_code(
        forced=code,
        refused=code == 4 or looked.refused,
        unknown=code == 3 or progress.counts.unknown > 0 or skipped,
        stopped=code == 5,
        failed=progress.counts.failed > 0,
    )
    summary = sum_up(progress, exit_code=exit_code, mode=CHECK_MODE, targets=[one.label for one in opened.targets])
    return replace(
        summary,
        changed=0,
        unanswered=0,
        warnings=count_warnings(opened.databases),
        rows=sum(result.rows or 0 for result in results),
        reason=control.reason or (ALL_SKIPPED if skipped else "") or ("" if results else _nothing(opened)),
        checks=tuple(results),
        started_at=opened.started_at,
    )


def _nothing(opened: OpenChecks) -> str:
    """Why a run without a check is as it should be."""
    request = opened.request
    if request.elsewhere:
        return f"none of {len(request.elsewhere)} checks is in shard {request.run.sources.shard}"
    return "nothing was checked, which --allow-empty allows"


def _first_line(recorded: RecordedChecks) -> str:
    """What runs where."""
    opened = recorded.looked.opened
    run = opened.request.run
    words = [f"run={opened.job.run}", CHECK_MODE]
    for one in opened.targets:
        server = one.database.server
        what = f"{server.product} {server.version} " if server is not None else ""
        words.append(f"{what}{one.label}" + (" (unreachable)" if one.database.lost is not None else ""))
        if server is not None and server.tls:
            words.append(f"tls={server.tls}")
    words.append(f"lanes={run.limits.concurrency or 'auto'}")
    words.extend(shard_and_executor_words(run))
    words.extend(f"throttle={expression}" for expression in run.throttles)
    if opened.request.snapshot:
        words.append("snapshot=on")
    return " ".join(words)


# --- the ledger ----------------------------------------------------------------------------------------------------


async def _begin(opened: OpenChecks, ledger: Ledger) -> RunRecord | None:
    if not ledger.keeps:
        return None
    run = opened.request.run
    record = RunRecord(
        run=opened.job.run,
        state=RunState.RUNNING,
        mode=CHECK_MODE,
        name=run.queries.name
        or ", ".join(dict.fromkeys(query.file or query.name for query in run.queries.selected))[:200],
        targets=tuple(seat.label for seat in opened.targets),
        request=to_json(run, str(Path.cwd())),
        fingerprint=json.dumps(await _fingerprint(opened.request)),
        owner=new_owner(),
        started_at=opened.started_at,
        shard=run.sources.shard,
        group=run.queries.group,
    )
    await ledger.begin(record, [])
    return record


async def _fingerprint(request: CheckRequest) -> dict[str, object]:
    """The texts of all checks of a selection, and the content of their parameters, which its shards have in common; {} without a group."""
    if request.run.queries.group is None:
        return {}
    every = (*request.run.queries.selected, *request.elsewhere)
    texts = sorted(f"{query.name} {query.sql}" for query in every)
    return {
        "checks": blake2b("\n".join(texts).encode(), digest_size=16).hexdigest(),
        "sources": await take_fingerprint(request_of(request.run.sources)),
        **fingerprint_constants(request.run, request.every),
    }


async def _finish(recorded: RecordedChecks, results: Sequence[CheckResult]) -> RunSummary:
    """The summary, once the results are in the ledger."""
    looked, opened = recorded.looked, recorded.looked.opened
    show_warnings(opened.databases, opened.job.say)
    summary = _summary(looked, results)
    if recorded.record is None or looked.history is None:
        return summary
    keys = [
        (looked.planned[order].place.key, digest) for (order, _), (_, digest) in sorted(opened.book.results.items())
    ]
    kept = [(*key, result) for key, result in zip(keys, results, strict=True)]
    try:
        await looked.history.keep(opened.job.run, opened.started_at, kept)
        await (await opened.job.ledger).finish(ended(recorded.record, RunState.FINISHED, summary))
    except BulkqError as error:
        code = summary.exit_code or StoppedError.exit_code
        summary = replace(summary, status=exit_codes.name_status(code), exit_code=code, reason=str(error))
    return summary


CHECK: Steps[CheckJob, OpenChecks, LookedChecks, RecordedChecks, list[CheckResult]] = Steps(
    open=open_checks,
    preflight=look_first,
    record=_record,
    first_line=_first_line,
    execute=_execute,
    finish=_finish,
)
"""The steps of a run of checks."""


def unable(queries: Sequence[Query], targets: Sequence[str], error: BulkqError) -> tuple[CheckResult, ...]:
    """Results of checks that were selected and could not begin, all for one reason."""
    message = " ".join(str(error).split())
    return tuple(
        replace(blank(CheckPlace(0, "", query, rules_of(query), name, None, 0)), message=message)
        for query in queries
        for name in targets or ("",)
    )
