"""A target for claims, and a session on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.claims import Target, made
from tests.support.databases import DRIVERS, fresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from bulkq.protocols import Connection


@pytest_asyncio.fixture(
    params=["pgbouncer", *(name for name, driver in DRIVERS.items() if driver.claims)],
    loop_scope="session",
)
async def target(request: pytest.FixtureRequest) -> Target:
    """A fresh database per test."""
    kind = request.param
    driver = DRIVERS["asyncpg" if kind == "pgbouncer" else kind]
    base = fresh(driver.kind, request)
    if base.kind == "sqlite":
        base.execute("pragma journal_mode = wal")
    url = base.url(driver.scheme)
    through = request.getfixturevalue("pgbouncer").through(url) if kind == "pgbouncer" else url
    return await made(kind, through, base)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(target: Target) -> AsyncIterator[Connection]:
    """A session."""
    async with target.connected() as session:
        yield session
