"""Run row and markers in the target: created at the start, taken over by a resume, removed at the end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bulkq import markers
from bulkq.dialects import LOCKED, dialect_for
from bulkq.dialects.sqlstates import NOT_NOW
from bulkq.drivers import dialect_of
from bulkq.errors import DatabaseError, RefusedError, TargetError
from bulkq.model.counts import UNCOUNTED, changed_in_all

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bulkq.model import MarkerTables
    from bulkq.protocols import Connection

LOCK_S = 2.0
"""A takeover waits in steps of this, so that people are told whom it waits for."""

LOCK_NOT_AVAILABLE = LOCKED | NOT_NOW
"""DuckDB does not wait for a lock: it says at once that two transactions cannot both go on."""

NO_SCHEMA = frozenset({"3F000"})
NO_RIGHT_CLASS = "42"
CHOICES = (
    "ask a DBA to create the tables, name others with --marker-table SCHEMA.PREFIX, "
    "or add --idempotent if repeating a set does no harm"
)


async def make_tables(connection: Connection, url: str, wanted: str | None) -> MarkerTables:
    """The marker tables in the target, made where they are not there; with their schema, so that they are found again.

    Raises:
        RefusedError: this role may not make them, or what they would promise is not known to hold in this database.
        TargetError: the connection broke.
    """
    dialect = dialect_of(url)
    if dialect not in markers.KNOWN:
        raise RefusedError(
            f'whether a write is applied exactly once in "{dialect}" is not known, nor how its locks work: '
            "add --idempotent if repeating a set does no harm, else --ledger none, which cannot be resumed"
        )
    if not connection.server.rolls_back:
        raise RefusedError(
            "bulkq could not verify that this database library rolls back a transaction, so bulkq cannot apply a write exactly once: "
            "add --idempotent if repeating a set does no harm, else --ledger none, which cannot be resumed"
        )
    tables = await _named(connection, dialect, wanted)
    rights = markers.missing_rights(tables, dialect)
    if rights:
        await _refuse_missing_rights(connection, tables, rights)
    refused: DatabaseError | None = None
    for _ in range(2):
        try:
            await _administer(connection, [f"SELECT 1 FROM {tables.runs}, {tables.markers} WHERE 1 = 0"])
        except DatabaseError:
            try:
                await _administer(connection, markers.create(tables, dialect))
            except DatabaseError as error:
                # Another run may have made them at this moment: IF NOT EXISTS does not help then, it looks before it waits.
                refused = error
                continue
        if not rights and not dialect_for(dialect).is_file:
            await _try_rights(connection, tables)
        return tables
    raise RefusedError(
        f"exactly-once writes need the table {tables.markers}: {refused}: {next_step(refused, CHOICES)}"
    ) from refused


def next_step(error: DatabaseError | None, otherwise: str) -> str:
    """What to do where a marker table cannot be used: a lock on it needs patience, and no DBA."""
    locked = error is not None and error.sqlstate in LOCKED | NOT_NOW
    return "another session has locked it: wait until it ends, then run the command again" if locked else otherwise


async def make_ranges(
    administer: Callable[[Sequence[str]], Awaitable[object]], tables: MarkerTables, dialect: str
) -> None:
    """Make the table of key ranges where it is not there: CREATE TABLE IF NOT EXISTS would want the right to make one.

    Args:
        administer: executes statements of bulkq in a transaction.
        tables: in the target.
        dialect: of the target.

    Raises:
        DatabaseError: this role may not make it, or the connection broke.
    """
    for again in (True, False):  # another run may make it at this moment
        try:
            await administer([f"SELECT 1 FROM {tables.ranges} WHERE 1 = 0"])
        except DatabaseError as missing:
            if missing.connection_lost:
                raise
            try:
                await administer([markers.create_ranges(tables, dialect)])
            except DatabaseError as error:
                if again and not error.connection_lost:
                    continue
                raise
        return


async def _refuse_missing_rights(connection: Connection, tables: MarkerTables, question: str) -> None:
    """Of tables that are there: a right that is missing would fail every batch, one by one."""
    missing = await _administer(connection, [question])
    if missing:
        raise _lacks(tables, ", ".join(f"{rights} on {table}" for table, rights in missing))


async def _try_rights(connection: Connection, tables: MarkerTables) -> None:
    """Of a database that is not asked for rights: change no row of the markers in the ways that batches change some."""
    try:
        await _administer(connection, markers.change_nothing(tables))
    except DatabaseError as error:
        if (error.sqlstate or "").startswith(NO_RIGHT_CLASS):
            raise _lacks(tables, str(error)) from error
        raise


def _lacks(tables: MarkerTables, what: str) -> RefusedError:
    return RefusedError(
        f"this role lacks rights that exactly-once writes need: {what}: ask a DBA to "
        f"GRANT {markers.RIGHTS} ON {tables.runs}, {tables.markers}, name other tables with --marker-table SCHEMA.PREFIX, "
        "or add --idempotent if repeating a set does no harm"
    )


async def begin(connection: Connection, tables: MarkerTables, run: str, owner: str) -> None:
    """Commit the run row, durably, before the first batch. A row of an earlier try, whose answer was lost, is left as it is.

    Raises:
        RefusedError: this role may not write there.
        TargetError: the connection broke; whether the row was committed is not known, and nothing needs to know.
    """
    try:
        await _administer(connection, [markers.begin(tables, run, owner)])
    except DatabaseError as error:
        with contextlib.suppress(DatabaseError):
            if (owner,) in map(tuple, await _administer(connection, [markers.run_row(tables, run)])):
                return
        raise RefusedError(
            f"exactly-once writes need to write into {tables.runs}: {error}: {next_step(error, CHOICES)}"
        ) from error


async def begin_again(connection: Connection, tables: MarkerTables, run: str, owner: str) -> None:
    """The run row of a target that was away when the run began; one that an earlier resume has made stays as it is.

    Raises:
        RefusedError, TargetError: as `begin`.
    """
    there = await _administer(connection, [markers.run_row(tables, run)])
    if not there:
        await begin(connection, tables, run, owner)


async def take_over(
    connection: Connection, url: str, tables: MarkerTables, run: str, owner: str, say: Callable[[str], None]
) -> Sequence[tuple[object, ...]]:
    """Become the owner, when every transaction of the former one has ended; rows of part, first, last, rows changed.

    Raises:
        RefusedError: the run row is missing, so bulkq cannot determine what was applied.
        TargetError: the connection broke; another resume takes over again.
    """
    statements = markers.taking_over(tables, run, owner, dialect_of(url))
    told = ""
    while True:
        try:
            owned = await _administer(connection, statements)
            break
        except DatabaseError as error:
            if error.sqlstate not in LOCK_NOT_AVAILABLE:
                raise RefusedError(
                    f"the run row of {run} in {tables.runs} cannot be locked or read ({error}), but the run is not finished. "
                    "bulkq cannot determine what was applied, so nothing was sent"
                ) from error
            text = f"waiting for transactions of the run's former process to end ({error.hint or error})"
            if text != told:
                say(text)
                told = text
            await asyncio.sleep(0.1)
    if not owned:
        raise RefusedError(
            f"the run row of {run} is missing from {tables.runs}, but the run is not finished. bulkq cannot determine what was applied, "
            "so nothing was sent"
        )
    return await _administer(connection, [markers.applied(tables, run)])


async def remove(connection: Connection, tables: MarkerTables, run: str, *, ranges: bool = False) -> None:
    """Take markers, run row and, of a backfill, `ranges` away, after `finished` is durable in the ledger.

    Raises:
        TargetError: the connection broke; they may still be there.
    """
    more = (markers.remove_ranges(tables, run),) if ranges else ()
    await _administer(connection, (*more, *markers.remove(tables, run)))


def ranges(rows: Sequence[tuple[object, ...]]) -> Mapping[int, list[tuple[int, int]]]:
    """Applied ranges by part, ascending, neighbours merged."""
    found: dict[int, list[tuple[int, int]]] = {}
    for part, first, last, _ in rows:
        done = found.setdefault(int(str(part)), [])
        if done and int(str(first)) <= done[-1][1] + 1:
            done[-1] = (done[-1][0], max(done[-1][1], int(str(last))))
        else:
            done.append((int(str(first)), int(str(last))))
    return found


def changed(rows: Sequence[tuple[object, ...]]) -> int:
    """Rows that were changed, as the markers tell."""
    return changed_in_all(*(max(UNCOUNTED, int(str(row[3]))) for row in rows))


async def _administer(connection: Connection, statements: Sequence[str]) -> list[tuple[object, ...]]:
    """Our own statements; a broken connection is the target's matter (exit 3), not a statement's."""
    try:
        return await connection.administer(statements, lock_timeout_s=LOCK_S)
    except DatabaseError as error:
        if error.connection_lost:
            raise TargetError(str(error)) from error
        raise


async def _named(connection: Connection, dialect: str, wanted: str | None) -> MarkerTables:
    """Qualified names: the schema is resolved once and kept, since another session may have another search path."""
    schema, _, prefix = (wanted or "").rpartition(".")
    known = dialect_for(dialect)
    if not known.search_path:
        return markers.tables((schema or None) if known.names_schemas else None, prefix or None, dialect)
    if not schema:
        found = await _administer(connection, [f"SELECT {known.current_schema}"])
        schema = str(found[0][0]) if found and found[0][0] else ""
        if not schema:
            raise RefusedError(f"there is no schema in the search path for the marker tables: {CHOICES}")
    return markers.tables(schema, prefix or None)
