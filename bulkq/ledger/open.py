"""Open the ledger at a location: create it, upgrade it, or report that it is newer than the program."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from sqlalchemy import text

from bulkq.errors import LedgerError
from bulkq.ledger import database_connection, file_create, file_upgrade
from bulkq.ledger.explain_errors import describe_damage
from bulkq.ledger.import_module import import_for
from bulkq.ledger.location import LedgerMissing
from bulkq.ledger.revision_constants import APPLICATION_ID, HEAD, VERSION_TABLE
from bulkq.ledger.schema import POSTGRES_SCHEMA, metadata
from bulkq.ledger.store import StoredLedger

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bulkq.ledger.database_connection import LedgerDatabase
    from bulkq.ledger.location import LedgerLocation


async def open_place(place: LedgerLocation, *, create: bool, upgrade: bool = True) -> StoredLedger:
    """The ledger at `place`, of this program's revision.

    Args:
        place: where.
        create: create the ledger if it does not exist.
        upgrade: False: leave one of an older revision as it is.

    Raises:
        LedgerMissing: there is none and `create` is False.
        LedgerNewer: it was made by a newer version.
        LedgerError: it cannot be read or written.
    """
    if place.path is None:
        return await _open_postgres(place, create=create, upgrade=upgrade)
    return await _open_sqlite(place, create=create, upgrade=upgrade)


async def _open_sqlite(place: LedgerLocation, *, create: bool, upgrade: bool) -> StoredLedger:
    lock = await asyncio.to_thread(file_create.prepare_file, place, create=create)
    database: LedgerDatabase | None = None
    try:
        await _import_library(place, "greenlet", "aiosqlite", "sqlalchemy.dialects.sqlite.aiosqlite")
        database = database_connection.open_file(place)
        revision = await database.revision()
        _refuse_foreign(place, revision)
        if revision != HEAD and upgrade:
            await database.close()
            await asyncio.to_thread(file_upgrade.upgrade_file, place, lock)
            database = database_connection.open_file(place)
    except BaseException:
        if database is not None:
            await database.close()
        lock.close()
        raise
    return StoredLedger(database, release=lock.close)


async def _open_postgres(place: LedgerLocation, *, create: bool, upgrade: bool) -> StoredLedger:
    await _import_library(place, "greenlet", "sqlalchemy.dialects.postgresql.asyncpg", "asyncpg")
    database = await database_connection.open_server(place)
    try:
        revision = await database.revision()
        if revision is None:
            await _create(database, create=create)
        elif revision != HEAD and upgrade:
            await _upgrade(database, revision)
    except BaseException:
        await database.close()
        raise
    return StoredLedger(database, release=lambda: None)


async def _import_library(place: LedgerLocation, *modules: str) -> None:
    """Import what the ledger at `place` needs.

    Raises:
        LedgerError: a package is missing, or fails in its import.
    """
    for module in modules:
        await import_for(place, module, module.rpartition(".")[2])


def _refuse_foreign(place: LedgerLocation, revision: str | None) -> None:
    """Refuse a database that is not a ledger, perhaps the target itself; bulkq creates nothing in it."""
    if revision is None:
        raise describe_damage(place, "is a database, but has no ledger tables")


async def _create(database: LedgerDatabase, *, create: bool) -> None:
    """Create the schema in one transaction. A second process waits for the first and finds it done."""
    if not create:
        raise LedgerMissing(f'no ledger in "{database.place.shown}": the first run creates it')
    async with database.writing() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": APPLICATION_ID})
        known = {"name": POSTGRES_SCHEMA}
        if await connection.scalar(text("SELECT to_regclass(:name || '.alembic_version')"), known) is not None:
            return
        # IF NOT EXISTS would want the right to make schemas even where a DBA has made this one.
        if await connection.scalar(text("SELECT to_regnamespace(:name)"), known) is None:
            await connection.execute(text(f"CREATE SCHEMA {POSTGRES_SCHEMA}"))
        await connection.run_sync(_make_tables)


def _make_tables(connection: Connection) -> None:
    """Make all that a new ledger has, without Alembic, which takes longer to import than this takes; a test holds them equal."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(text(VERSION_TABLE.format(schema=f"{POSTGRES_SCHEMA}.")))
    connection.execute(
        text(f"INSERT INTO {POSTGRES_SCHEMA}.alembic_version (version_num) VALUES (:head)"), {"head": HEAD}
    )


async def _upgrade(database: LedgerDatabase, revision: str) -> None:
    migrating = await asyncio.to_thread(import_module, "bulkq.ledger.migrate")
    migrating.refuse_unknown(revision, database.place)
    async with database.writing() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": APPLICATION_ID})
        await connection.run_sync(migrating.migrate)
    if await database.revision() != HEAD:
        raise LedgerError(f'ledger "{database.place.shown}" could not be upgraded to {HEAD}: reinstall bulkq')
