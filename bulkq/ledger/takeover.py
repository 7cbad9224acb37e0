"""Take over or forget a run of another process, if that process has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from bulkq.errors import RefusedError
from bulkq.ledger import owners, query_runs
from bulkq.ledger.recorder import HEARTBEAT_S
from bulkq.ledger.schema import CHECKS, COMMANDS, DONE, EVENTS, FAILURES, PARTS, POSITIONS, RUNS, SPOOLS
from bulkq.ledger.write_statements import read_clock
from bulkq.model import RunState

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bulkq.ledger import row_conversion
    from bulkq.ledger.location import LedgerLocation
    from bulkq.model import RecordedPart, RunRecord

STALE_S = 6 * HEARTBEAT_S
"""After six missed heartbeats a process on another host counts as dead. One on this host is looked at itself."""


def take_over(
    connection: Connection, run: str, owner: str, place: LedgerLocation
) -> tuple[RunRecord, tuple[RecordedPart, ...]]:
    """Give a run whose process has ended to `owner`; what is known of it.

    Raises:
        RefusedError: its process is or may be alive, or another process has taken it over.
        UsageError: there is no such run.
    """
    record = query_runs.find_run(connection, run, place)
    _refuse_living(connection, record, place, f"bulkq resume {record.run}")
    taken = update(RUNS).where(RUNS.c.run == record.run, RUNS.c.owner == record.owner)
    values: row_conversion.Row = {"owner": owner, "heartbeat_s": read_clock(place)}
    if record.state is not RunState.FINISHED:  # of a finished one only the markers may be left to remove
        values |= {"state": str(RunState.RUNNING), "ended_at": None, "exit_code": None}
    if connection.execute(taken.values(values)).rowcount != 1:
        raise RefusedError(f"run {record.run} was just taken over by another process: nothing was sent")
    return record, query_runs.read_parts(connection, record.run)


def forget_run(connection: Connection, run: str, place: LedgerLocation) -> tuple[str, ...]:
    """Drop a run and all that is known of it; the paths of its spooled sources.

    Raises:
        RefusedError: its process is alive, or may be.
        UsageError: there is no such run.
    """
    record = query_runs.find_run(connection, run, place)
    _refuse_living(connection, record, place, "forget it")
    spooled = query_runs.list_spools(connection, record.run)
    for table in (CHECKS, COMMANDS, DONE, EVENTS, FAILURES, PARTS, POSITIONS, SPOOLS, RUNS):
        connection.execute(delete(table).where(table.c.run == record.run))
    return spooled


def silence_s(connection: Connection, record: RunRecord, place: LedgerLocation) -> float | None:
    """Seconds since the last heartbeat of a run that is, or may be, alive; None for one that is not."""
    life = owners.find_liveness(record.owner)
    if record.state is not RunState.RUNNING or life is owners.Liveness.DEAD:
        return None
    query = select(read_clock(place) - RUNS.c.heartbeat_s).where(RUNS.c.run == record.run)
    silent_s = float(connection.scalar(query) or 0.0)
    return None if life is owners.Liveness.ELSEWHERE and silent_s > STALE_S else max(0.0, silent_s)


def _refuse_living(connection: Connection, record: RunRecord, place: LedgerLocation, then: str) -> None:
    silent_s = silence_s(connection, record, place)
    if silent_s is None:
        return
    owner = owners.parse_owner(record.owner)
    if owners.find_liveness(record.owner) is owners.Liveness.ALIVE:
        raise RefusedError(f"run {record.run} is still running on {owner}: stop it, then {then}")
    raise RefusedError(
        f"run {record.run} may still be running on {owner}, last heartbeat {silent_s:.0f}s ago: stop it, "
        f"or wait until {STALE_S:g}s have passed since the heartbeat, then {then}"
    )
