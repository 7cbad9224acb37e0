"""`bulkq resume` and `bulkq retry`: a run goes on where it was, or its failed sets are done again. Called by `bulkq.cli`.

Nothing is asked for again: the ledger has the request. What must be the same is compared first, and a difference is named.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.drivers import dialect_of
from bulkq.errors import BulkqError, RefusedError
from bulkq.ledger import new_owner, open_ledger
from bulkq.model import Mark, MarkerTables, Outcome, RunState, RunSummary, Status
from bulkq.parameters.fingerprints import changes as source_changes
from bulkq.parameters.spool import load_constants
from bulkq.policy import safety
from bulkq.policy.ranges import Ranges
from bulkq.sinks.paths import retry_path
from bulkq.targets import load_config, open_target, renewed
from bulkq.tasks import exactly_once, recording, requests
from bulkq.tasks.opening import Console, Start, mode_of
from bulkq.tasks.recording import GoingOn, Retried
from bulkq.tasks.run import carry_out
from bulkq.tasks.run import run as new_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from bulkq.ledger.stored import StoredLedger
    from bulkq.model import Failure, PartState, Run, RunRecord
    from bulkq.protocols import Connection, Ledger, Observer
    from bulkq.runner import Control
    from bulkq.targets import Config

    Done = dict[int, list[tuple[int, int]]]


async def resume(
    run: str | None,
    *,
    ledger: str = "auto",
    changes: Mapping[str, object],
    config: Config | None = None,
    control: Control,
    observers: Sequence[Observer] = (),
    stdout: BinaryIO | None = None,
    terminal: bool = False,
) -> RunSummary:
    """Go on with a run, in its folder; of a finished one only what was left of its end is done.

    Args:
        run: its id or the beginning of it; None for the newest.
        ledger: where it is recorded.
        changes: fields of `Run` that are different this time: lanes, batch size, limits, the target's password.
        config: where names of targets are looked up; by default what the run's folder has.
        control: stops the run from outside.
        observers: told what happens, per batch.
        stdout: where rows go when the run had no file.
        terminal: whether `stdout` is one.

    Raises:
        UsageError: there is no such run.
        RefusedError: it has changed, a live process is on it, or nobody can tell what was applied.
        BulkqError: as for a new run.
    """
    kept = await open_ledger(ledger, create=False)
    try:
        record = await (kept.find(run) if run is not None else kept.last())
        request, folder = _request(record, changes, ledger, config)
        os.chdir(folder)
        if record.state is RunState.FINISHED:
            return await _finished(kept, record, request)
        request = await _with_constants(kept, record, request)
        await _unchanged(record, request)
        owner = new_owner()
        await kept.take_over(record.run, owner)
        going_on = await _take_over(kept, record, request, owner, observers)
    except BaseException:
        with contextlib.suppress(BulkqError):
            await kept.close()
        raise
    start = Start(run=record.run, ledger=_opened(kept), going_on=going_on)
    return await carry_out(request, start, control, observers, Console(stdout, None, terminal))


async def retry(
    run: str | None,
    *,
    ledger: str = "auto",
    changes: Mapping[str, object],
    config: Config | None = None,
    control: Control,
    observers: Sequence[Observer] = (),
    stdout: BinaryIO | None = None,
    terminal: bool = False,
) -> RunSummary:
    """A new run over the sets that failed in a finished one, with their old numbers; arguments are those of `resume`.

    Raises:
        RefusedError: something of the run is missing or unknown, which `resume` settles first.
        BulkqError: as `resume`.
    """
    kept = await open_ledger(ledger, create=False)
    try:
        record = await (kept.find(run) if run is not None else kept.last(RunState.FINISHED, RunState.STOPPED))
        if record.state is not RunState.FINISHED or record.unknown or record.skipped:
            raise RefusedError(f"run {record.run} is not finished: bulkq resume {record.run}")
        request, folder = _request(record, changes, ledger, config)
        os.chdir(folder)
        request = await _with_constants(kept, record, request)
        await _unchanged(record, request)
        states = await kept.state(record.run)
        retried = Retried(
            record=record,
            numbers={state.part: [failure.n for failure in state.failures] for state in states},
            spools=_spools(await kept.spools(record.run)),
        )
    finally:
        await kept.close()
    if not any(retried.numbers.values()):
        return _nothing_left(record)
    return await new_run(
        _renamed(request, record.run),
        control=control,
        observers=observers,
        stdout=stdout,
        terminal=terminal,
        retried=retried,
    )


def _request(record: RunRecord, changes: Mapping[str, object], ledger: str, config: Config | None) -> tuple[Run, str]:
    request, folder = requests.from_json(record.request)
    places = (*request.targets, *((request.params_target,) if request.params_target else ()))
    if any(target.name for target in places):
        config = config or load_config(folder=folder)
        request = replace(
            request,
            targets=tuple(renewed(target, config) for target in request.targets),
            params_target=renewed(request.params_target, config) if request.params_target else None,
        )
    return replace(request, **{"ledger": ledger, **changes}), folder  # type: ignore[arg-type]


async def _with_constants(kept: StoredLedger, record: RunRecord, request: Run) -> Run:
    path = next((path for path in await kept.spools(record.run) if path.endswith(".params")), None)
    return replace(request, constants=load_constants(path)) if path is not None else request


async def _unchanged(record: RunRecord, request: Run) -> None:
    """Compare queries and parameter files with what they were.

    Raises:
        RefusedError: a line per difference.
    """
    then = json.loads(record.fingerprint)
    now = json.loads(await recording.fingerprints(request, ""))
    lines = [*_changed_queries(request), *source_changes(then["sources"], now["sources"])]
    if lines:
        raise RefusedError("\n".join(lines))


def _changed_queries(request: Run) -> list[str]:
    """The files are read again: what was recorded is what would run, but it is not what the user sees any more."""
    lines: list[str] = []
    for query in request.queries:
        if query.file is None:
            continue
        try:
            text = Path(query.file).read_text(encoding="utf-8")
            found = {one.name: one for one in queries.load(text, query.file, dialect_of(request.url))}
        except (OSError, UnicodeDecodeError, BulkqError):
            lines.append(f"{query.file} cannot be read any more, or has no query: put back what the run began with")
            continue
        if query.name not in found:
            lines.append(f"{query.file} has no query {query.name} any more: put it back, or start a new run")
        elif found[query.name].sql != query.sql:
            lines.append(f"{query.place} changed since the run began: put it back, or start a new run")
    return lines


async def _take_over(
    kept: StoredLedger, record: RunRecord, request: Run, owner: str, observers: Sequence[Observer]
) -> GoingOn:
    """Own the run in the target too, and find out what is done."""
    states = {state.part: state for state in await kept.state(record.run)}
    driver = open_target(request.targets[0], application_name=f"bulkq/{record.run}", read_only=not request.write)
    connection = await driver.connect()
    try:
        identity = await recording.identity(connection)
        if identity != json.loads(record.fingerprint)["target"]:
            raise RefusedError(
                f"{driver.target} is another database than the one the run began with: give that one with -t"
            )
        return await _state(kept, record, request, owner, observers, states, connection)
    finally:
        await connection.close()


async def _state(
    kept: StoredLedger,
    record: RunRecord,
    request: Run,
    owner: str,
    observers: Sequence[Observer],
    states: Mapping[int, PartState],
    connection: Connection,
) -> GoingOn:
    def say(text: str) -> None:
        for observer in observers:
            observer.notice(text)

    done: Done = {part: list(state.done) for part, state in states.items()}
    tables = _tables(record)
    changed, unanswered = record.changed, record.unanswered
    if tables is not None:
        rows = await exactly_once.take_over(connection, request.url, tables, record.run, owner, say)
        applied = exactly_once.ranges(rows)
        changed = exactly_once.changed(rows)
        recorded = sum(_count(done.get(part, ())) for part in applied)
        answers = (request.output is not None or request.format is not None) and record.mode == safety.WRITE
        if answers:
            unanswered += max(0, sum(_count(ranges) for ranges in applied.values()) - recorded)
        for part, query in enumerate(request.queries, 1):
            if mode_of(request, query) == safety.WRITE:
                _note(kept, part, applied.get(part, ()), done.get(part, ()), tells=answers, say=say)
                done[part] = list(applied.get(part, ()))  # markers outrank the ledger
                if part in states:
                    states = {**states, part: _settled(states[part], applied.get(part, ()))}
    ok = sum(_count(ranges) for ranges in done.values())
    states = {part: _without(state, request) for part, state in states.items()}
    for part, state in states.items():
        done[part] = _merged(done.get(part, []), state.failures)
    return GoingOn(
        ledger=kept,
        record=record,
        owner=owner,
        states=states,
        done=done,
        tables=tables,
        spools=_spools(await kept.spools(record.run)),
        ok=ok,
        changed=changed,
        unanswered=unanswered,
    )


def _note(
    kept: StoredLedger,
    part: int,
    applied: Sequence[tuple[int, int]],
    recorded: Sequence[tuple[int, int]],
    *,
    tells: bool,
    say: Callable[[str], None],
) -> None:
    """Write into the ledger what only the markers knew: they go at the end of the run, and the ledger stays."""
    known, marked = Ranges(recorded), Ranges(applied)
    missing = [gap for first, last in applied for gap in known.gaps(first, last)]
    if missing:
        kept.mark(Mark(part, tuple(missing), unanswered=_count(missing) if tells else 0))
    again = sum(_count(list(marked.gaps(first, last))) for first, last in recorded)
    if again:
        say(f"{again} sets are done in the ledger and have no marker in the target: they are done again")


def _settled(state: PartState, applied: Sequence[tuple[int, int]]) -> PartState:
    """What was unknown has a marker, or was not applied and is done again."""
    marked = Ranges(applied)
    failures = tuple(f for f in state.failures if f.outcome is not Outcome.UNKNOWN and f.n not in marked)
    return replace(state, failures=failures)


def _without(state: PartState, request: Run) -> PartState:
    """Unknown sets are done again where the user says so; failed ones never: that is `retry`."""
    if not request.retry_unknown:
        return state
    return replace(state, failures=tuple(f for f in state.failures if f.outcome is not Outcome.UNKNOWN))


def _merged(done: Sequence[tuple[int, int]], failures: Sequence[Failure]) -> list[tuple[int, int]]:
    ranges = Ranges()
    for first, last in done:
        ranges.add(first, last)
    for failure in failures:
        ranges.add(failure.n, failure.n)
    return list(ranges)


def _count(ranges: Sequence[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in ranges)


def _tables(record: RunRecord) -> MarkerTables | None:
    names = json.loads(record.request).get("tables")
    return MarkerTables(*names) if names else None


def _spools(paths: Sequence[str]) -> dict[int, str]:
    """Part number to spool; the number stands in the name."""
    return {int(path.rsplit(".", 2)[-2]): path for path in paths if path.endswith(".spool")}


def _opened(kept: StoredLedger) -> asyncio.Task[Ledger]:
    async def work() -> Ledger:
        return kept

    return asyncio.create_task(work())


async def _finished(kept: StoredLedger, record: RunRecord, request: Run) -> RunSummary:
    """Only the end may have been cut off: markers that are still there go now."""
    tables = _tables(record)
    try:
        if tables is not None and not request.keep_markers:
            connection = await open_target(
                request.targets[0], application_name=f"bulkq/{record.run}", read_only=False
            ).connect()
            try:
                await exactly_once.remove(connection, tables, record.run)
            finally:
                await connection.close()
        if not record.failed:
            for path in await kept.spools(record.run):
                Path(path).unlink(missing_ok=True)  # noqa: ASYNC240 - at the end, on a local disk
    finally:
        await kept.close()
    return _summary(record, f"run {record.run} is finished: nothing is left to do")


def _nothing_left(record: RunRecord) -> RunSummary:
    return _summary(record, f"nothing failed in run {record.run}: nothing to retry")


def _summary(record: RunRecord, reason: str) -> RunSummary:
    return RunSummary(
        run=record.run,
        status=Status.OK,
        exit_code=0,
        mode=record.mode,
        targets=record.targets,
        ok=record.ok,
        failed=record.failed,
        unknown=record.unknown,
        skipped=record.skipped,
        retried=record.retried,
        changed=record.changed,
        unanswered=record.unanswered,
        reason=reason,
    )


def _renamed(request: Run, run_id: str) -> Run:
    output = request.output
    return replace(
        request,
        output=retry_path(output, run_id) if output is not None and output != "-" else output,
        failures=retry_path(request.failures, run_id) if request.failures else None,
    )
