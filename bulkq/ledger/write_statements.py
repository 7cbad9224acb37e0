"""Statements that write the rows of a run through SQLAlchemy."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, create_engine, delete, event, func, insert, literal, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from bulkq.errors import LedgerError, RefusedError, TakenOver
from bulkq.ledger import owners, query_runs, row_conversion
from bulkq.ledger.schema import DONE, EVENTS, FAILURES, PARTS, POSITIONS, RUNS, metadata
from bulkq.policy.run_group import applies_again, is_applied_once
from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, Engine, Executable, Table
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as SqliteInsert

    from bulkq.ledger.location import LedgerLocation
    from bulkq.ledger.recorder import CommitGroup
    from bulkq.model import RunRecord, SinkPosition

WRITES = "bulkq_writes"
"""Execution option of an engine whose transactions write, see `begin_as_told`."""


class LedgerStatements:
    """The statements of one ledger, built once: to build one takes longer than to execute it.

    Args:
        place: the ledger.
    """

    def __init__(self, place: LedgerLocation) -> None:
        self._place = place
        self._sqlite = place.path is not None
        self._ours = update(RUNS).where(RUNS.c.run == bindparam("this"), RUNS.c.owner == bindparam("we"))
        if not self._sqlite:
            self._ours = self._ours.values(heartbeat_s=read_clock(place))
        self._deletes = {table.name: delete(table).where(_key(table)) for table in (DONE, FAILURES)}
        self._upserts = {table.name: self._upsert(table) for table in (DONE, FAILURES, PARTS, POSITIONS)}

    def begin(
        self,
        connection: Connection,
        record: RunRecord,
        sources: Sequence[str],
        outputs: Sequence[tuple[int, SinkPosition]],
    ) -> None:
        """Insert a new run.

        Raises:
            RefusedError: it repeats a run that another one repeats already, or would apply a shard once more.
        """
        if record.retry_of is not None:
            _refuse_second(connection, record.retry_of)
        if record.group is not None:
            _refuse_again(connection, record, record.group)
        for name, made in row_conversion.first_rows(record, sources, outputs).items():
            statement = insert(metadata.tables[name])
            if name == RUNS.name:
                statement = statement.values(heartbeat_s=read_clock(self._place))
            connection.execute(statement, made)

    def commit(self, connection: Connection, group: CommitGroup) -> None:
        """Write a group.

        Raises:
            TakenOver: another process owns the run now.
            LedgerError: the run is no longer in the ledger.
        """
        values = group.values | {"this": group.run, "we": group.owner}
        if self._sqlite:
            values["heartbeat_s"] = time.time()
        if connection.execute(self._ours, values).rowcount != 1:
            raise explain_lost_run(connection, group.run, self._place)
        for name, keys in group.gone().items():
            connection.execute(self._deletes[name], keys)
        for name, changed in group.kept().items():
            connection.execute(self._upserts[name], changed)
        if group.events:
            with contextlib.suppress(DBAPIError), connection.begin_nested():  # the marks do not depend on them
                connection.execute(insert(EVENTS), group.events)

    def _upsert(self, table: Table) -> Executable:
        """Insert rows, or replace those that are there."""
        statement = _insert_for_sqlite(table) if self._sqlite else _insert_for_postgres(table)
        keys = [column.name for column in table.primary_key]
        rest = {name: statement.excluded[name] for name in table.columns.keys() if name not in keys}  # noqa: SIM118 - a ColumnCollection
        return statement.on_conflict_do_update(index_elements=keys, set_=rest)


def explain_lost_run(connection: Connection, run: str, place: LedgerLocation) -> LedgerError:
    """The error for a run's row that this process may no longer write."""
    owner = connection.scalar(select(RUNS.c.owner).where(RUNS.c.run == run))
    if owner is None:
        return LedgerError(
            f'run {run} is no longer in the ledger "{place.shown}": it was removed with bulkq ledger forget'
        )
    return TakenOver(f"run {run} was taken over by {owners.parse_owner(str(owner))}: this process sends nothing more")


def read_clock(place: LedgerLocation) -> ColumnElement[Any]:
    """Seconds since 1970, by the clock that all who use this ledger share."""
    return literal(time.time()) if place.path is not None else func.extract("epoch", func.clock_timestamp())


def engine_over(connection: sqlite3.Connection) -> Engine:
    """An engine whose transactions write to a ledger file that is open already, and that never closes it."""
    engine = create_engine(
        "sqlite://", creator=lambda: connection, poolclass=StaticPool, execution_options={WRITES: True}
    )
    event.listen(engine, "begin", begin_as_told)
    return engine


def begin_as_told(connection: Connection) -> None:
    """Begin a transaction in SQLite; one that writes takes the lock at once, for after a read it could find it taken."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _refuse_second(connection: Connection, run: str) -> None:
    """Of two retries of one run, begun at the same moment, only one does what has failed."""
    connection.execute(select(RUNS.c.run).where(RUNS.c.run == run).with_for_update())
    other = query_runs.retry_of(connection, run)
    if other is not None:
        raise RefusedError(
            f"run {run} is already retried by run {other.run}: use bulkq retry {run} to continue that one"
        )


def _refuse_again(connection: Connection, record: RunRecord, group: str) -> None:
    """Refuse to apply sets of a group a second time: a job that is started again must continue the run that began it."""
    if not is_applied_once(record):
        return
    if connection.dialect.name != "sqlite":  # where another transaction of this kind has to wait anyway
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"bulkq group {group}"))))
    made = row_conversion.run_record(row_conversion.run_row(record))  # without passwords, as the others are
    for other in query_runs.list_group_runs(connection, group, shards=record.shard is None):
        if applies_again(made, other):
            raise RefusedError(
                f"{_begun(record, other, group)}: bulkq runs {other.run} says how to continue it; to apply its sets once more, "
                "name another --group"
            )


def _begun(record: RunRecord, other: RunRecord, group: str) -> str:
    """Which sets of `record` another run of the group has begun."""
    group = escape_unprintable(group)
    if record.shard == other.shard:
        return f'shard {record.shard} of the group "{group}" was begun by run {other.run}'
    shown = [f"shard {run.shard}" if run.shard else "a whole run" for run in (record, other)]
    return f'sets of {shown[0]} of the group "{group}" were begun by run {other.run} as {shown[1]}'


def _key(table: Table) -> ColumnElement[bool]:
    return and_(*(column == bindparam(column.name) for column in table.primary_key))


# A dialect brings all its libraries along, so only the one that this ledger speaks is imported.


def _insert_for_sqlite(table: Table) -> SqliteInsert:
    from sqlalchemy.dialects.sqlite import insert

    return insert(table)


def _insert_for_postgres(table: Table) -> PostgresInsert:
    from sqlalchemy.dialects.postgresql import insert

    return insert(table)
