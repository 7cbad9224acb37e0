"""Find what a database has forgotten while a run worked, although it had committed it."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.drivers import dialect_of
from bulkq.errors import BulkqError, DatabaseError, LedgerError, StoppedError, TargetError
from bulkq.ledger import open_ledger
from bulkq.lifecycle import database_identity, target_markers
from bulkq.lifecycle.ask_target import ask_target
from bulkq.policy import safety
from bulkq.policy.merged_number_ranges import Ranges, numbers_in
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import MarkerTables
    from bulkq.protocols import Connection

    Done = Mapping[int, Sequence[tuple[int, int]]]


async def find_forgotten(recorded: RecordedRun) -> str:
    """Compare the markers of a run that has reached its end with what the databases have answered; "" if they agree.

    A failover to a standby that lags, and a crash without synchronous commits, take away batches with their markers. A process that
    waited for the target has counted them before. Where a target goes away now, it is waited for; one that cannot be asked at all may
    have lost everything.

    Raises:
        LedgerError: the ledger cannot be read or written.
    """
    if not recorded.ledger.keeps:
        return ""
    targets = [(one, one.tables) for one in recorded.opened.targets if one.tables is not None and not one.lost]
    texts = [await _find_on(recorded, target, tables) for target, tables in targets]
    return "; ".join(filter(None, texts))


async def _find_on(recorded: RecordedRun, target: OpenTarget, tables: MarkerTables) -> str:
    """Say what a target has forgotten, or that it cannot be asked; "" if it has forgotten nothing, or has been given up before."""
    opened = recorded.opened
    answered = _answered(opened, target)
    if not answered:
        return ""
    given_up = target.sessions.gone is not None

    async def compare(connection: Connection) -> str:
        # In one durable transaction: what it counts cannot be lost in a crash any more.
        flushing = markers.flushing(tables, opened.run, dialect_of(target.definition.url))
        sets = _sets(await connection.administer([*flushing, markers.applied_counts(tables, opened.run)]))
        if sets >= answered and not any(part.counts.unknown for part in _writes(opened, target)):
            return ""
        await recorded.ledger.sync()
        rows = await connection.administer([markers.applied(tables, opened.run)])
        return _name_lost(opened, target, rows, await _recorded(opened), answered)

    try:
        return await ask_target(target.sessions, opened.job.control, compare)
    except LedgerError:
        raise
    except BulkqError as error:  # also a target that cannot be written any more
        text = f"{target.label}: what was applied could not be compared with the markers: {error}"
        if given_up:
            opened.say(text)
            return ""
        return f"{text}: bulkq resume {opened.run} compares it again"


def review_reconnects(recorded: RecordedRun) -> None:
    """Let targets that lose a connection be compared when the next one is opened, so that a run does not go on over a gap."""
    for target in recorded.opened.targets:
        if target.tables is not None and recorded.ledger.keeps:
            target.sessions.review = partial(_review, recorded, target, target.tables)


def end_reviews(recorded: RecordedRun) -> None:
    """Review no more: the lanes have ended, and `find_forgotten` compares everything."""
    for target in recorded.opened.targets:
        target.sessions.review = None


async def _review(recorded: RecordedRun, target: OpenTarget, tables: MarkerTables, connection: Connection) -> None:
    """Compare the sum of the markers with the answers; all of them if it is too small, or the server was started or replaced.

    What cannot be asked is left to the end of the run.

    Raises:
        StoppedError: the target has lost what it had committed.
        TargetError: the connection broke.
    """
    opened, ledger = recorded.opened, recorded.ledger
    answered = _answered(opened, target)
    try:
        found = await database_identity.physical(connection, target.identity)
        sets = _sets(await connection.administer([markers.applied_counts(tables, opened.run)]))
        if found == target.physical and sets >= answered:
            return
        await ledger.sync()
        done = await _recorded(opened)
        rows = await connection.administer([markers.applied(tables, opened.run)])
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(str(error)) from error
        return
    if lost := _name_lost(opened, target, rows, done, answered):
        raise StoppedError(lost)
    target.physical = found


async def _recorded(opened: OpenRun) -> Done:
    """What the ledger has as done, by part. The ledger of a run that began writes only, so it is opened once more."""
    stored = await open_ledger(opened.request.safety.ledger, create=False)
    try:
        return {state.part: state.done for state in await stored.state(opened.run)}
    finally:
        await stored.close()


def _name_lost(
    opened: OpenRun, target: OpenTarget, rows: Sequence[tuple[object, ...]], done: Done, answered: int
) -> str:
    """Say how much of what is done has no marker in `rows`; "" if that is nothing.

    Where the ledger is in the same database, it has lost as much, and only the number of sets that were `answered` is left.
    """
    applied = target_markers.ranges(rows)
    lost = 0
    for part in _writes(opened, target):
        marked = Ranges(applied.get(part.spec.number, ()))
        lost += sum(numbers_in(list(marked.gaps(*one))) for one in done.get(part.spec.number, ()))
    lost = max(lost, answered - sum(numbers_in(ranges) for ranges in applied.values()))
    if lost <= 0:
        return ""
    what = counted(lost, "range" if opened.backfills else "parameter set")
    return (
        f"{target.label} has lost {what} that it had committed, as after a failover or a crash without synchronous commits: "
        f"bulkq resume {opened.run} applies them again"
    )


def _writes(opened: OpenRun, target: OpenTarget) -> list[PartState]:
    """The parts of a target that have markers."""
    return [part for part in target.parts if safety.mode_of(part.spec.query, opened.request.safety) == safety.WRITE]


def _answered(opened: OpenRun, target: OpenTarget) -> int:
    """How many sets a target has answered as applied, for each of which it has to have a marker."""
    return sum(part.counts.ok for part in _writes(opened, target))


def _sets(rows: Sequence[tuple[object, ...]]) -> int:
    """The sum of `markers.applied_counts`. PostgreSQL sums to numeric, which asyncpg gives as Decimal("2E+4") for 20,000."""
    return sum(int(Decimal(str(row[1]))) for row in rows)
