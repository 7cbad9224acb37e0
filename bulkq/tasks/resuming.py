"""`bulkq resume` and `bulkq retry`: a run goes on where it was, or its failed sets are done again. Called by `bulkq.cli`.

Nothing is asked for again: the ledger has the request. What must be the same is compared first, and a difference is named.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, DatabaseError, RefusedError, TargetError, UsageError
from bulkq.ledger import new_owner, open_ledger
from bulkq.model import Mark, MarkerTables, Outcome, RunState, RunSummary, Status
from bulkq.parameters.fingerprints import changes as source_changes
from bulkq.parameters.spool import load_constants
from bulkq.policy import safety, stopping
from bulkq.policy.ranges import Ranges
from bulkq.sinks.paths import retry_path
from bulkq.targets import load_config, renewed
from bulkq.tasks import exactly_once, recording, requests
from bulkq.tasks import sites as sites_of
from bulkq.tasks.changes import changed_queries
from bulkq.tasks.checkplan import MODE
from bulkq.tasks.expanding import again, name_of, without_schema
from bulkq.tasks.opening import Console, Start, mode_of
from bulkq.tasks.recording import GoingOn, Retried
from bulkq.tasks.run import carry_out
from bulkq.tasks.run import run as new_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import BinaryIO

    from bulkq.ledger.stored import StoredLedger
    from bulkq.model import Failure, PartState, Query, Run, RunRecord, Target
    from bulkq.protocols import Connection, Ledger, Observer
    from bulkq.runner import Control
    from bulkq.targets import Config
    from bulkq.tasks.sites import Site

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
        changes: fields of `Run` that are different this time: lanes, batch size, limits, the targets' passwords.
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
        if request.targets_from is not None:
            request = await again(request, config)
        await _unchanged(record, request)
        await _still_ours(kept, record)
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
        RefusedError: something of the run is missing, or of a write unknown, which `resume` settles first.
        BulkqError: as `resume`.
    """
    kept = await open_ledger(ledger, create=False)
    try:
        record = await (kept.find(run) if run is not None else kept.last(RunState.FINISHED, RunState.STOPPED))
        unsettled = record.unknown and record.mode != safety.READ  # what was only read may be read again
        if record.state is not RunState.FINISHED or unsettled or record.skipped:
            raise RefusedError(f"run {record.run} is not finished: bulkq resume {record.run}")
        request, folder = _request(record, changes, ledger, config)
        os.chdir(folder)
        request = await _with_constants(kept, record, request)
        if request.targets_from is not None:
            request = await again(request, config)
        await _unchanged(record, request)
        states = await kept.state(record.run)
        numbers = {state.part: [failure.n for failure in state.failures] for state in states}
        request, numbers = _narrowed(request, numbers)
        retried = Retried(record=record, numbers=numbers, spools=_spools(await kept.spools(record.run)))
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
    if record.mode == MODE:
        raise RefusedError(f"run {record.run} was a check, which is not continued: run bulkq check again")
    request, folder = requests.from_json(record.request)
    places = (*request.targets, request.params_target, request.targets_from)
    if any(target is not None and target.name for target in places):
        config = config or load_config(folder=folder)
        request = replace(
            request,
            targets=tuple(renewed(target, config) for target in request.targets),
            params_target=renewed(request.params_target, config) if request.params_target else None,
            targets_from=renewed(request.targets_from, config) if request.targets_from else None,
        )
    given = changes.get("targets")
    if given is not None:
        changes = {**changes, "targets": _retargeted(request.targets, given)}  # type: ignore[arg-type]
    return replace(request, **{"ledger": ledger, **changes}), folder  # type: ignore[arg-type]


def _retargeted(targets: tuple[Target, ...], given: Sequence[Target]) -> tuple[Target, ...]:
    """The targets of the run with what was typed now: another address of the only one, the passwords of several.

    Raises:
        UsageError: it is none of several.
    """
    bare = [replace(target, schema=None) for target in targets]
    if len(given) == 1 and all(target == bare[0] for target in bare):
        return tuple(replace(given[0], schema=target.schema) for target in targets)
    known = {name_of(target) for target in targets}
    for target in given:
        if name_of(target) not in known:
            raise UsageError(
                f'-t "{name_of(target)}" is none of the {len(known)} targets of the run: give those that need a password'
            )
    by_name = {name_of(target): target for target in given}
    return tuple(replace(by_name.get(name_of(target), target), schema=target.schema) for target in targets)


def _narrowed(request: Run, numbers: Mapping[int, list[int]]) -> tuple[Run, dict[int, list[int]]]:
    """Only the targets on which something failed, and the sets by the parts that these have now."""
    count = len(request.queries)
    every = range(len(request.targets))
    places = [place for place in every if any(numbers.get(place * count + at) for at in range(1, count + 1))]
    moved = {
        new * count + at: numbers.get(old * count + at, [])
        for new, old in enumerate(places)
        for at in range(1, count + 1)
    }
    return replace(request, targets=tuple(request.targets[place] for place in places) or request.targets), moved


async def _with_constants(kept: StoredLedger, record: RunRecord, request: Run) -> Run:
    path = next((path for path in await kept.spools(record.run) if path.endswith(".params")), None)
    return replace(request, constants=load_constants(path)) if path is not None else request


async def _unchanged(record: RunRecord, request: Run) -> None:
    """Compare queries and parameter files with what they were.

    Raises:
        RefusedError: a line per difference.
    """
    then = json.loads(record.fingerprint)
    now = json.loads(await recording.fingerprints(request, ()))
    lines = [*changed_queries(request), *source_changes(then["sources"], now["sources"])]
    if lines:
        raise RefusedError("\n".join(lines))


async def _still_ours(kept: StoredLedger, record: RunRecord) -> None:
    """Refuse to go on with an output that a later run has begun anew, whatever it looks like now.

    Raises:
        RefusedError: names the file and that run.
    """
    for path, other in await kept.beside(record.run):
        if other.started_at > record.started_at:
            again = f"a new run would apply its {record.ok} sets once more: bulkq runs {record.run} has their numbers"
            advice = "start a new run" if record.mode == safety.READ else again
            raise RefusedError(f'"{path}" was begun anew by run {other.run}, after run {record.run}: {advice}')


async def _take_over(
    kept: StoredLedger, record: RunRecord, request: Run, owner: str, observers: Sequence[Observer]
) -> GoingOn:
    """Own the run in every target too, and find out what is done there."""

    def say(text: str) -> None:
        for observer in observers:
            observer.notice(text)

    states = {state.part: state for state in await kept.state(record.run)}
    known = _Known(kept, record, request, states, {part: list(s.done) for part, s in states.items()}, say)
    sites = sites_of.open_sites(request, f"bulkq/{record.run}", say)
    without_schema(request, sites)

    async def take(site: Site) -> None:
        connection = await sites_of.connected(site, request.connect_timeout_s)
        try:
            # Without a limit: it waits for transactions of the run's former process to end, and says so.
            await _own(known, site, connection, owner, several=len(sites) > 1)
        except DatabaseError as error:
            if not error.connection_lost or len(sites) == 1:
                raise
            raise TargetError(f"{site.label}: {error}") from error
        finally:
            await connection.close()

    await sites_of.side_by_side(sites, take, write=request.write)
    return await _going_on(known, sites, owner)


@dataclass(slots=True)
class _Known:
    """What is known of a run while its targets are taken over."""

    kept: StoredLedger
    record: RunRecord
    request: Run
    states: dict[int, PartState]
    done: Done
    say: Callable[[str], None]
    changed: int = 0
    unanswered: int = 0
    cut_off: dict[int, Sequence[tuple[int, int]]] = field(default_factory=dict)

    @property
    def answers(self) -> bool:
        """Whether the run gives rows of a write, which are lost with the answer."""
        request = self.request
        return (request.output is not None or request.format is not None) and self.record.mode == safety.WRITE

    def parts(self, site: Site) -> list[tuple[int, Query]]:
        """Number and query of every part of a site."""
        count = len(self.request.queries)
        return [(p * count + at, query) for p in site.places for at, query in enumerate(self.request.queries, 1)]


async def _own(known: _Known, site: Site, connection: Connection, owner: str, *, several: bool) -> None:
    """Compare the database with what it was, and take over its run row.

    Raises:
        RefusedError: it is another, or its run row is gone.
    """
    record, place = known.record, site.places[0]
    then = _identities(record)[place]
    site.identity = await recording.identity(connection, site.target.url)
    if then and site.identity != then:
        raise RefusedError(f"{site.label} is another database than the one the run began with: give that one with -t")
    if not any(mode_of(known.request, query) == safety.WRITE for query in known.request.queries):
        return
    url, run = site.target.url, record.run

    def say(text: str) -> None:
        known.say(f"{site.label}: {text}" if several else text)

    tables = _tables(record)[place]
    if tables is None:  # it was away when the run began, and perhaps at every resume since
        tables = await exactly_once.make_tables(connection, url, known.request.marker_table)
        if not any(known.done.get(part) for part, _ in known.parts(site)):
            await exactly_once.begin_again(connection, tables, run, owner)
    rows = await exactly_once.take_over(connection, url, tables, run, owner, say)
    site.tables = tables
    _believe(known, site, rows, say)


def _believe(known: _Known, site: Site, rows: Sequence[tuple[object, ...]], say: Callable[[str], None]) -> None:
    """Markers outrank the ledger."""
    applied = exactly_once.ranges(rows)
    known.changed += exactly_once.changed(rows)
    if known.answers:
        before = sum(_count(known.done.get(part, ())) for part in applied)
        known.unanswered += max(0, sum(_count(ranges) for ranges in applied.values()) - before)
    for part, query in known.parts(site):
        if mode_of(known.request, query) != safety.WRITE:
            continue
        recorded = known.done.get(part, ())
        missing = _note(known.kept, part, applied.get(part, ()), recorded, tells=known.answers, say=say)
        if known.answers and missing:
            known.cut_off[part] = missing
        known.done[part] = list(applied.get(part, ()))
        if part in known.states:
            known.states[part] = _settled(known.states[part], applied.get(part, ()))


async def _going_on(known: _Known, sites: Sequence[Site], owner: str) -> GoingOn:
    record, request, done = known.record, known.request, known.done
    tables = {site.places[0]: site.tables for site in sites if site.tables is not None}
    lost = {site.places[0]: site.lost for site in sites if site.lost is not None}
    changed = max(record.changed, known.changed) if lost or not tables else known.changed
    ok = sum(_count(ranges) for ranges in done.values())
    harmless = {
        part for site in sites for part, query in known.parts(site) if mode_of(request, query) == safety.IDEMPOTENT
    }
    states = {part: _without(state, request, harmless=part in harmless) for part, state in known.states.items()}
    for part, state in states.items():
        done[part] = _merged(done.get(part, []), state.failures)
    return GoingOn(
        ledger=known.kept,
        record=record,
        owner=owner,
        states=states,
        done=done,
        tables=tables,
        identities={site.places[0]: site.identity for site in sites},
        lost=lost,
        spools=_spools(await known.kept.spools(record.run)),
        ok=ok,
        changed=changed,
        unanswered=record.unanswered + known.unanswered,
        cut_off=known.cut_off,
    )


def _note(
    kept: StoredLedger,
    part: int,
    applied: Sequence[tuple[int, int]],
    recorded: Sequence[tuple[int, int]],
    *,
    tells: bool,
    say: Callable[[str], None],
) -> list[tuple[int, int]]:
    """Write into the ledger what only the markers knew, and return it: they go at the end of the run, the ledger stays."""
    known, marked = Ranges(recorded), Ranges(applied)
    missing = [gap for first, last in applied for gap in known.gaps(first, last)]
    if missing:
        kept.mark(Mark(part, tuple(missing), unanswered=_count(missing) if tells else 0))
    again = sum(_count(list(marked.gaps(first, last))) for first, last in recorded)
    if again:
        say(f"{again} sets are done in the ledger and have no marker in the target: they are done again")
    return missing


def _settled(state: PartState, applied: Sequence[tuple[int, int]]) -> PartState:
    """What was unknown has a marker, or was not applied and is done again."""
    marked = Ranges(applied)
    failures = tuple(f for f in state.failures if f.outcome is not Outcome.UNKNOWN and f.n not in marked)
    return replace(state, failures=failures)


def _without(state: PartState, request: Run, *, harmless: bool) -> PartState:
    """Unknown sets are done again where the user says so, or has said that it does no harm; failed ones never: that is `retry`."""
    if not (request.retry_unknown or harmless):
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


def _tables(record: RunRecord) -> list[MarkerTables | None]:
    """By place of the target; None where the run never began."""
    return [MarkerTables(*names) if names else None for names in json.loads(record.request)["tables"]]


def _identities(record: RunRecord) -> list[str]:
    """By place of the target; "" where nobody has seen it yet."""
    return [str(identity) for identity in json.loads(record.fingerprint)["targets"]]


def _spools(paths: Sequence[str]) -> dict[int, str]:
    """Part number to spool; the number stands in the name."""
    return {int(path.rsplit(".", 2)[-2]): path for path in paths if path.endswith(".spool")}


def _opened(kept: StoredLedger) -> asyncio.Task[Ledger]:
    async def work() -> Ledger:
        return kept

    return asyncio.create_task(work())


async def _finished(kept: StoredLedger, record: RunRecord, request: Run) -> RunSummary:
    """Only the end may have been cut off: markers that are still there go now."""
    try:
        if not request.keep_markers:
            await _clear_markers(record, request)
        if not (record.failed or record.unknown):
            for path in await kept.spools(record.run):
                Path(path).unlink(missing_ok=True)  # noqa: ASYNC240 - at the end, on a local disk
    finally:
        await kept.close()
    reason = f"run {record.run} is finished: nothing is left to do"
    if not (record.failed or record.unknown):
        return _summary(record, reason)
    code = 3 if record.unknown else 1
    retried = f"{reason} but to try again what did not go well"
    return replace(
        _summary(record, retried), exit_code=code, status=stopping.status(code), resume=f"bulkq retry {record.run}"
    )


async def _clear_markers(record: RunRecord, request: Run) -> None:
    tables = _tables(record)
    sites = sites_of.open_sites(request, f"bulkq/{record.run}", lambda _: None)

    async def clear(site: Site) -> None:
        found = tables[site.places[0]]
        if found is not None:
            connection = await sites_of.connected(site, request.connect_timeout_s)
            try:
                await exactly_once.remove(connection, found, record.run)
            finally:
                await connection.close()

    await sites_of.side_by_side(sites, clear, write=request.write)


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
