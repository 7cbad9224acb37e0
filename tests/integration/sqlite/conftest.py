"""A database file with a table, and a session on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.sqlite_sessions import SCHEMA, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulkq.drivers.sqlite.connection import SqliteConnection
    from tests.support.sqlite_files import SqliteFile


@pytest.fixture
def path(sqlite_file: SqliteFile) -> Path:
    """A database."""
    return sqlite_file(SCHEMA)


@pytest_asyncio.fixture(loop_scope="session")
async def db(path: Path) -> AsyncIterator[SqliteConnection]:
    """A connection that may write."""
    connection = await connected(path)
    yield connection
    await connection.close()
