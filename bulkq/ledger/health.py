"""Questions about a ledger's health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from bulkq.ledger.schema import POSTGRES_SCHEMA, metadata

if TYPE_CHECKING:
    from bulkq.ledger.database_connection import LedgerDatabase

MOST_PROBLEMS = 20


async def check_integrity(database: LedgerDatabase) -> list[str]:
    """What SQLite's own check finds; PostgreSQL looks after itself."""
    if not database.sqlite:
        return []
    async with database.reading() as connection:
        found = (await connection.exec_driver_sql(f"PRAGMA integrity_check({MOST_PROBLEMS})")).scalars().all()
    return [] if found == ["ok"] else [str(line) for line in found]


async def count_rows(database: LedgerDatabase) -> dict[str, int]:
    """Rows per table."""
    async with database.reading() as connection:
        return {
            name: int(await connection.scalar(select(func.count()).select_from(table)) or 0)
            for name, table in metadata.tables.items()
        }


async def size_bytes(database: LedgerDatabase) -> int:
    """What it takes on disk, indexes and the write-ahead log included."""
    path = database.place.path
    if path is not None:
        files = [path.with_name(path.name + suffix) for suffix in ("", "-wal")]
        return sum(file.stat().st_size for file in files if file.exists())
    query = text(
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c "
        "WHERE c.relnamespace = to_regnamespace(:name) AND c.relkind = 'r'"
    )
    async with database.reading() as connection:
        return int(await connection.scalar(query, {"name": POSTGRES_SCHEMA}) or 0)
