"""Take over a run for a resume, in the ledger and in every target, and read from the markers what was applied."""

from __future__ import annotations

import json
from dataclasses import field, replace
from functools import partial
from typing import TYPE_CHECKING

from bulkq.lifecycle import database_identity, open_targets, restore_request, run_fingerprints, target_markers
from bulkq.lifecycle.maintain.settle_unknown import settle_unknown
from bulkq.lifecycle.resume_state import ResumeState
from bulkq.model import Mark, MarkerTables, Outcome
from bulkq.model.counts import UNCOUNTED, changed_in_all
from bulkq.model.failure import failure_counts
from bulkq.model.frozen_dataclass import mutable
from bulkq.model.own_error_states import MARKER_EARLY
from bulkq.policy import safety
from bulkq.policy.merged_number_ranges import Ranges, numbers_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.ledger.store import StoredLedger
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model import Failure, Query, RecordedPart, Run, RunRecord
    from bulkq.model.maintenance import MaintenanceOptions
    from bulkq.protocols import Connection, Observer

    Done = dict[int, list[tuple[int, int]]]


async def take_over(
    ledger: StoredLedger,
    record: RunRecord,
    request: Run,
    owner: str,
    observers: Sequence[Observer],
    *,
    failed: bool = False,
) -> ResumeState:
    """Own the run in every target too, and find out what is done there; with `failed`, nothing that failed counts as done."""

    def say(text: str) -> None:
        for observer in observers:
            observer.notice(text)

    states = {state.part: state for state in await ledger.state(record.run)}
    known = _TakeoverState(ledger, record, request, states, {part: list(s.done) for part, s in states.items()}, say)
    targets = open_targets.open_all(request, f"bulkq/{record.run}", say)
    open_targets.without_schema(request, targets)

    several = len(targets) > 1

    async def take(target: OpenTarget) -> None:
        try:
            await open_targets.visit(
                target,
                partial(_own, known, owner, several),
                connect_timeout_s=request.limits.connect_timeout_s,
                answer_s=None,  # it waits for transactions of the run's former process to end, and says so
                undo=None if several else open_targets.keep_all,
            )
        finally:
            await target.sessions.close()

    await open_targets.side_by_side(targets, take, write=request.safety.write and request.maintenance is None)
    if failed:
        known.states = {part: replace(state, failures=_kept(state, request)) for part, state in known.states.items()}
    return await _resume_state(known, targets, owner)


def _kept(state: RecordedPart, request: Run) -> tuple[Failure, ...]:
    """What a retry does not do again: of maintenance, objects whose outcome is not known."""
    if request.maintenance is None or request.safety.retry_unknown:
        return ()
    return tuple(f for f in state.failures if f.outcome is Outcome.UNKNOWN)


@mutable
class _TakeoverState:
    """What is known of a run while its targets are taken over."""

    ledger: StoredLedger
    record: RunRecord
    request: Run
    states: dict[int, RecordedPart]
    done: Done
    say: Callable[[str], None]
    changed: int = 0
    unanswered: int = 0
    cut_off: dict[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    forgotten: dict[int, Sequence[tuple[int, int]]] = field(default_factory=dict)

    @property
    def answers(self) -> bool:
        """Whether the run gives rows of a write, which are lost with the answer."""
        return self.request.answers and self.record.mode == safety.WRITE

    def parts(self, target: OpenTarget) -> list[tuple[int, Query]]:
        """Number and query of every part of a target."""
        count = len(self.request.queries.selected)
        return [
            (p * count + at, query) for p in target.places for at, query in enumerate(self.request.queries.selected, 1)
        ]


async def _own(known: _TakeoverState, owner: str, several: bool, target: OpenTarget, connection: Connection) -> None:
    """Compare the database with what it was, and take over its run row.

    Raises:
        RefusedError: it is another, or its run row is gone.
    """
    record, place = known.record, target.places[0]
    target.identity, _ = await database_identity.identify(connection, target.definition.url)
    run_fingerprints.refuse_other(
        run_fingerprints.databases(record)[place], target.label, target.identity, connection.server
    )
    if known.request.maintenance is not None:
        await _settle(known, target, connection, known.request.maintenance)
    if not any(safety.mode_of(query, known.request.safety) == safety.WRITE for query in known.request.queries.selected):
        return
    url, run = target.definition.url, record.run

    def say(text: str) -> None:
        known.say(f"{target.label}: {text}" if several else text)

    tables = marker_tables(record)[place]
    if tables is None:  # it was away when the run began, and perhaps at every resume since
        tables = await target_markers.make_tables(connection, url, known.request.safety.marker_table)
        if not any(known.done.get(part) for part, _ in known.parts(target)):
            await target_markers.begin_again(connection, tables, run, owner)
    rows = await target_markers.take_over(connection, url, tables, run, owner, say)
    target.tables = tables
    _believe(known, target, rows, say)


async def _settle(
    known: _TakeoverState, target: OpenTarget, connection: Connection, options: MaintenanceOptions
) -> None:
    """Look up in the catalog which objects were done whose outcome is not known."""
    for part, _ in known.parts(target):
        state, objects = known.states.get(part), options.objects[part - 1]
        failures = state.failures if state is not None else ()
        unknown = [(f.n, objects[f.n - 1]) for f in failures if f.outcome is Outcome.UNKNOWN]
        if state is None or not unknown:
            continue
        found = await settle_unknown(connection, target, known.record.run, options, unknown, known.say)
        if found.done:
            ranges = list(Ranges((n, n) for n in found.done))
            known.ledger.mark(Mark(part, tuple(ranges)))
            known.done[part] = list(Ranges([*known.done.get(part, ()), *ranges]))
        settled = {*found.done, *found.undone}
        known.states[part] = replace(state, failures=tuple(f for f in failures if f.n not in settled))


def _believe(
    known: _TakeoverState, target: OpenTarget, rows: Sequence[tuple[object, ...]], say: Callable[[str], None]
) -> None:
    """Markers outrank the ledger."""
    applied = target_markers.ranges(rows)
    known.changed = changed_in_all(known.changed, target_markers.changed(rows))
    for part, query in known.parts(target):
        if safety.mode_of(query, known.request.safety) != safety.WRITE:
            continue
        recorded = known.done.get(part, ())
        state = known.states.get(part)
        proved = _proved(known.record, applied.get(part, ()), state.failures if state is not None else ())
        missing, forgotten = _gaps(recorded, proved), _gaps(proved, recorded)
        if forgotten:
            known.forgotten[part] = forgotten
            twice = ", and the rows that they gave stay in the output, before the new ones" if known.answers else ""
            what = "sets" if known.request.backfill is None else "ranges"
            say(
                f"{numbers_in(forgotten)} {what} are recorded as done but have no marker in the target: they are executed again{twice}"
            )
        if known.answers:
            known.unanswered += numbers_in(missing) + numbers_in(forgotten)
        if missing and known.answers:
            known.cut_off[part] = missing
        elif missing:
            known.ledger.mark(Mark(part, tuple(missing)))  # markers go at the end of the run, the ledger stays
        known.done[part] = proved
        if state is not None:
            known.states[part] = _settled(known.record, state, proved)


async def _resume_state(known: _TakeoverState, targets: Sequence[OpenTarget], owner: str) -> ResumeState:
    record, request, done = known.record, known.request, known.done
    tables = {target.places[0]: target.tables for target in targets if target.tables is not None}
    lost = {target.places[0]: target.lost for target in targets if target.lost is not None}
    changed = known.changed
    if lost or not tables:
        changed = UNCOUNTED if UNCOUNTED in {record.changed, known.changed} else max(record.changed, known.changed)
    ok = sum(numbers_in(ranges) for ranges in done.values())
    harmless = _idempotent_parts(known, targets)
    states = {part: _without(state, request, harmless=part in harmless) for part, state in known.states.items()}
    for part, state in states.items():
        done[part] = _merged(record, done.get(part, []), state.failures)
    spools, leftovers = await restore_request.find_spools(known.ledger, record)
    failures = [failure for state in states.values() for failure in state.failures]
    return ResumeState(
        record=record,
        owner=owner,
        parts=states,
        done=done,
        forgotten=known.forgotten,
        tables=tables,
        identities={target.places[0]: target.identity for target in targets},
        lost=lost,
        spools=spools,
        leftovers=leftovers,
        only=run_fingerprints.only(record),
        counts=replace(
            failure_counts(failures),
            ok=ok,
            retried=record.retried,
            changed=changed,
            unanswered=record.unanswered + known.unanswered,
        ),
        cut_off=known.cut_off,
        failures=failures,
        outputs={sink.path: sink.offset for state in states.values() for sink in state.sinks},
    )


def _idempotent_parts(known: _TakeoverState, targets: Sequence[OpenTarget]) -> set[int]:
    """The parts whose sets may be applied twice."""
    return {
        part
        for target in targets
        for part, query in known.parts(target)
        if safety.mode_of(query, known.request.safety) == safety.IDEMPOTENT
    }


def _gaps(some: Sequence[tuple[int, int]], wanted: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of `wanted` is not in `some`."""
    known = Ranges(some)
    return [gap for first, last in wanted for gap in known.gaps(first, last)]


def _proved(
    record: RunRecord, applied: Sequence[tuple[int, int]], failures: Sequence[Failure]
) -> list[tuple[int, int]]:
    """What is applied for certain: a marker that its statement committed by itself proves nothing."""
    early = {record.place(failure.n) for failure in failures if failure.sqlstate == MARKER_EARLY}
    if not early:
        return list(applied)
    doubted = Ranges((n, n) for n in early)
    return [gap for first, last in applied for gap in doubted.gaps(first, last)]


def _settled(record: RunRecord, state: RecordedPart, applied: Sequence[tuple[int, int]]) -> RecordedPart:
    """What was unknown has a marker, or was not applied and is done again."""
    marked = Ranges(applied)
    failures = tuple(
        f
        for f in state.failures
        if f.sqlstate == MARKER_EARLY or (f.outcome is not Outcome.UNKNOWN and record.place(f.n) not in marked)
    )
    return replace(state, failures=failures)


def _without(state: RecordedPart, request: Run, *, harmless: bool) -> RecordedPart:
    """Skipped objects are done again, and unknown sets where the user says so, or has said that it does no harm.

    Failed ones are not: that is `retry`.
    """
    left = {Outcome.SKIPPED, Outcome.UNKNOWN} if request.safety.retry_unknown or harmless else {Outcome.SKIPPED}
    return replace(state, failures=tuple(f for f in state.failures if f.outcome not in left))


def _merged(record: RunRecord, done: Sequence[tuple[int, int]], failures: Sequence[Failure]) -> list[tuple[int, int]]:
    ranges = Ranges()
    for first, last in done:
        ranges.add(first, last)
    for failure in failures:
        ranges.add(record.place(failure.n), record.place(failure.n))
    return list(ranges)


def marker_tables(record: RunRecord) -> list[MarkerTables | None]:
    """By place of the target; None where the run never began."""
    return [MarkerTables(*names) if names else None for names in json.loads(record.request)["tables"]]
