"""Leftovers where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import SQLITE
from bulkq.dialects.maintenance_catalog import ServerFacts
from bulkq.dialects.sqlite_maintenance import MAINTENANCE
from bulkq.drivers import open_driver
from bulkq.lifecycle.maintain.leftover_indexes import new_leftovers, remove
from bulkq.lifecycle.maintain.target_objects import TargetObjects

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.sqlite_files import SqliteFile


async def test_a_database_without_leftovers_is_not_asked(tmp_path: Path, sqlite_file: SqliteFile) -> None:
    """Nothing is found and nothing is removed."""
    sqlite_file("create table t (id int)")
    connection = await open_driver(f"sqlite:///{tmp_path}/test.db", application_name="test", read_only=False).connect()
    try:
        made = TargetObjects(catalog=MAINTENANCE, server=ServerFacts())
        assert await new_leftovers(connection, made, SQLITE, "t") == []
        assert await remove(connection, made, [], 1.0) == []
    finally:
        await connection.close()
