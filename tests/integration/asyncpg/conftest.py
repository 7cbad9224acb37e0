"""A session of the asyncpg driver, and another session on the same database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest_asyncio

from tests.support.asyncpg_sessions import SCHEMA, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.protocols import Connection


@pytest_asyncio.fixture(loop_scope="session")
async def url(database: str) -> str:
    """A database with the schema above."""
    session = await asyncpg.connect(database)
    await session.execute(SCHEMA)
    await session.close()
    return database


@pytest_asyncio.fixture(loop_scope="session")
async def connection(url: str) -> AsyncIterator[Connection]:
    """A session of the driver on the database with the schema."""
    async with connected(url) as session:
        yield session


@pytest_asyncio.fixture(loop_scope="session")
async def outside(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else on the same database."""
    session = await asyncpg.connect(url)
    yield session
    await session.close()
