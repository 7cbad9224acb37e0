"""Queries about runs in a ledger: one, the newest, many, the parts of one. They need an open transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select

from bulkq.errors import UsageError
from bulkq.ledger import row_conversion
from bulkq.ledger.schema import DONE, EVENTS, FAILURES, PARTS, POSITIONS, RUNS, SPOOLS
from bulkq.model import RecordedPart, RunState, SinkPosition
from bulkq.text.message_parts import suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from bulkq.ledger.location import LedgerLocation
    from bulkq.model import RunRecord
    from bulkq.model.run_event import RunEvent

CODES = {"ok": 0, "failed": 1, "unknown": 3, "refused": 4}
STATUSES = (*CODES, "stopped", "incomplete", "running")
COMPARED = 1_000
"""Newest runs whose ids are compared with one that was mistyped."""


def find_run(connection: Connection, text: str, place: LedgerLocation) -> RunRecord:
    """The run whose id is, or alone begins with, `text`.

    Raises:
        UsageError: there is none, or more than one.
    """
    wanted = text.strip().lower()
    query = select(RUNS).where(RUNS.c.run.startswith(wanted, autoescape=True)).order_by(_newest()).limit(6)
    found = [row_conversion.run_record(dict(row)) for row in connection.execute(query).mappings()]
    for record in found:
        if record.run == wanted:
            return record
    if len(found) == 1 and wanted:
        return found[0]
    if found and wanted:
        raise UsageError(f'"{text}" matches several runs: {", ".join(r.run for r in found)}: type more of the id')
    raise UsageError(f'no run "{text}" in the ledger "{place.shown}"{_nearest(connection, wanted)}')


def find_newest_run(connection: Connection, states: Collection[RunState], place: LedgerLocation) -> RunRecord:
    """The run that was started last, of those in one of `states`.

    Raises:
        UsageError: there is none.
    """
    query = select(RUNS).order_by(_newest(), RUNS.c.run.desc()).limit(1)
    if states:
        query = query.where(RUNS.c.state.in_([str(state) for state in states]))
    found = connection.execute(query).mappings().first()
    if found is None:
        such = f" that is {' or '.join(states)}" if states else ""
        raise UsageError(f'no run{such} in the ledger "{place.shown}": list them with bulkq runs')
    return row_conversion.run_record(dict(found))


def retry_of(connection: Connection, run: str) -> RunRecord | None:
    """The newest retry of `run`, or None."""
    query = select(RUNS).where(RUNS.c.retry_of == run).order_by(_newest(), RUNS.c.run.desc()).limit(1)
    found = connection.execute(query).mappings().first()
    return None if found is None else row_conversion.run_record(dict(found))


def find_runs_of_same_output(connection: Connection, run: str) -> list[tuple[str, RunRecord]]:
    """Other runs that wrote to an output of `run`, with its path, newest first."""
    ours = select(POSITIONS.c.path).where(POSITIONS.c.run == run)
    query = select(POSITIONS.c.path, RUNS).join(RUNS, RUNS.c.run == POSITIONS.c.run)
    query = query.where(POSITIONS.c.path.in_(ours), RUNS.c.run != run).order_by(_newest(), RUNS.c.run.desc())
    found = [dict(row) for row in connection.execute(query.limit(COMPARED)).mappings()]
    return [(str(row.pop("path")), row_conversion.run_record(row)) for row in found]


def list_recent_runs(connection: Connection, limit: int, name: str | None, status: str | None) -> tuple[RunRecord, ...]:
    """The newest runs first."""
    query = select(RUNS).order_by(_newest(), RUNS.c.run.desc()).limit(limit)
    if name is not None:
        query = query.where(RUNS.c.name == name)
    if status is not None:
        query = _of_status(query, status)
    return tuple(row_conversion.run_record(dict(row)) for row in connection.execute(query).mappings())


def list_group_runs(connection: Connection, group: str, *, shards: bool = False) -> tuple[RunRecord, ...]:
    """All runs of a group, the newest first, or those that are `shards`."""
    query = select(RUNS).where(RUNS.c.group == group).order_by(_newest(), RUNS.c.run.desc())
    query = query.where(RUNS.c.shard.is_not(None)) if shards else query
    return tuple(row_conversion.run_record(dict(row)) for row in connection.execute(query).mappings())


def read_parts(connection: Connection, run: str) -> tuple[RecordedPart, ...]:
    """The state of each part, ascending: done ranges, failures, positions of sources and outputs."""
    kept = {row["part"]: row for row in _of(connection, select(PARTS), PARTS.c.run == run)}
    done: dict[int, list[tuple[int, int]]] = {}
    for row in _of(connection, select(DONE).order_by(DONE.c.part, DONE.c.first), DONE.c.run == run):
        done.setdefault(row["part"], []).append((row["first"], row["last"]))
    failed: dict[int, list[row_conversion.Row]] = {}
    for row in _of(connection, select(FAILURES).order_by(FAILURES.c.part, FAILURES.c.n), FAILURES.c.run == run):
        failed.setdefault(row["part"], []).append(row)
    sinks: dict[int, list[SinkPosition]] = {}
    order = select(POSITIONS).order_by(POSITIONS.c.part, POSITIONS.c.path)
    for row in _of(connection, order, POSITIONS.c.run == run):
        sinks.setdefault(row["part"], []).append(SinkPosition(row["path"], row["offset"]))
    states = []
    for part in sorted({*kept, *done, *failed, *sinks}):
        row = kept.get(part, {"query": "", "target": ""})
        states.append(
            RecordedPart(
                part=part,
                done=tuple(done.get(part, ())),
                failures=tuple(
                    row_conversion.read_failure(f, row["query"], row["target"]) for f in failed.get(part, ())
                ),
                source=row_conversion.source_position(row) if part in kept else None,
                sinks=tuple(sinks.get(part, ())),
            )
        )
    return tuple(states)


def list_spools(connection: Connection, run: str) -> tuple[str, ...]:
    """Paths of a run's spooled sources, in the order given to `begin`."""
    query = select(SPOOLS.c.path).where(SPOOLS.c.run == run).order_by(SPOOLS.c.place)
    return tuple(connection.execute(query).scalars())


def read_events(connection: Connection, run: str, kinds: Sequence[str], after: int) -> tuple[RunEvent, ...]:
    """Events of a run in their order: those of `kinds` (none given: all) with a number above `after`."""
    query = select(EVENTS).where(EVENTS.c.run == run, EVENTS.c.number > after).order_by(EVENTS.c.number)
    if kinds:
        query = query.where(EVENTS.c.kind.in_([str(kind) for kind in kinds]))
    return tuple(row_conversion.run_event(dict(row)) for row in connection.execute(query).mappings())


def last_event(connection: Connection, run: str) -> int:
    """The highest number of an event of `run`; 0 if there is none."""
    return int(connection.scalar(select(func.max(EVENTS.c.number)).where(EVENTS.c.run == run)) or 0)


def _of(
    connection: Connection, query: Select[*tuple[object, ...]], condition: ColumnElement[bool]
) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(query.where(condition)).mappings()]


def _newest() -> ColumnElement[str]:
    return RUNS.c.started_at.desc()


def _of_status(query: Select[*tuple[object, ...]], status: str) -> Select[*tuple[object, ...]]:
    running = RUNS.c.state == str(RunState.RUNNING)
    if status == "running":
        return query.where(running)
    code = func.coalesce(RUNS.c.exit_code, -1)
    left = and_(
        RUNS.c.state == str(RunState.STOPPED),
        code == CODES["failed"],
        RUNS.c.failed == 0,
        RUNS.c.mode != "maintenance",  # which has skipped objects
    )
    if status == "incomplete":
        return query.where(left)
    if status == "failed":
        query = query.where(~left)
    if status in CODES:
        return query.where(~running, code == CODES[status])
    return query.where(~running, code.not_in(CODES.values()))


def _nearest(connection: Connection, wanted: str) -> str:
    known = connection.execute(select(RUNS.c.run).order_by(_newest()).limit(COMPARED)).scalars().all()
    if guess := suggestion(wanted, known, "{}", most=3, likeness=0.5):
        return guess
    return ": list them with bulkq runs" if known else ": the ledger has no runs yet"
