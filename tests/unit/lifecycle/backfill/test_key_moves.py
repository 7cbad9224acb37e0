"""Which columns of a key triggers change."""

from __future__ import annotations

import pytest

from bulkq.lifecycle.backfill.key_moves import is_in_key, trigger_texts
from bulkq.model.key_range import KeyColumn, TableKey
from tests.support.databases import connected, fresh

KEY = TableKey("t", (KeyColumn("A", "integer", aliases=("rowid",)), KeyColumn("b", "integer")))


@pytest.mark.parametrize(("column", "found"), [("B", True), ("ROWID", True), ("c", False)])
def test_is_in_key(column: str, found: bool) -> None:
    """Also by its other names, without case."""
    assert is_in_key(KEY, column) is found


async def test_trigger_texts(request: pytest.FixtureRequest) -> None:
    """SQLite's schema has the texts of all triggers."""
    text = "CREATE TRIGGER g after update on t begin update t set a = 1; end"
    base = fresh("sqlite", request)
    base.execute("create table t (a, b)", text)
    async with connected(base, "aiosqlite") as connection:
        assert await trigger_texts(connection, "sqlite") == [("g", "t", text)]
        assert await trigger_texts(connection, "postgresql") == []
