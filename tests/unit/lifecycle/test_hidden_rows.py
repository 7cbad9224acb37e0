"""Row level security is asked about where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.lifecycle.hidden_rows import find_hidden_rows
from bulkq.query import inline
from tests.support.databases import connected, fresh

if TYPE_CHECKING:
    import pytest


async def test_sqlite_hides_nothing(request: pytest.FixtureRequest) -> None:
    """A database without policies is not asked."""
    base = fresh("sqlite", request)
    async with connected(base, "aiosqlite") as connection:
        assert await find_hidden_rows(connection, [inline("select 1", "sqlite")], "sqlite") == {}
