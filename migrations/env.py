"""Alembic's environment. Called by `bulkq.ledger.migrate` with a connection, and by `alembic` when a revision is written.

A developer names the database with `alembic -x url=sqlite+aiosqlite:///ledger.db ...`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from bulkq.ledger.schema import POSTGRES_SCHEMA, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCRATCH = "sqlite+aiosqlite:///ledger-scratch.db"


def migrate(connection: Connection) -> None:
    """Run the revisions on `connection`; who opened its transaction ends it."""
    postgres = connection.dialect.name == "postgresql"
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=POSTGRES_SCHEMA if postgres else None,
        render_as_batch=not postgres,  # SQLite alters little of a table in place
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_migrate() -> None:
    """For `alembic` on the command line: a database of its own."""
    engine = create_async_engine(
        context.get_x_argument(as_dictionary=True).get("url", SCRATCH),
        poolclass=NullPool,
        execution_options={"schema_translate_map": {None: POSTGRES_SCHEMA}},
    )
    if engine.dialect.name == "sqlite":
        engine = engine.execution_options(schema_translate_map=None)
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    asyncio.run(connect_and_migrate())
