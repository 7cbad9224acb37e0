"""The name of a table, before a database is asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.drivers import open_driver
from bulkq.errors import RefusedError, UsageError
from bulkq.lifecycle.backfill.describe_table import describe

if TYPE_CHECKING:
    from tests.support.sqlite_files import SqliteFile


@pytest.mark.parametrize("over", ["", ".", "a.", "a..b", "a.b.c.d", '"a".'])
async def test_what_is_not_a_name(sqlite_file: SqliteFile, over: str) -> None:
    """A mistake of the user."""
    connection = await open_driver(f"sqlite:///{sqlite_file()}", application_name="test", read_only=False).connect()
    try:
        with pytest.raises(UsageError, match="is not the name of a table: write TABLE or SCHEMA.TABLE"):
            await describe(connection, "postgres", over)
        with pytest.raises(UsageError, match="is not the name of a table"):
            await describe(connection, "sqlite", "a.b.c")
        with pytest.raises(RefusedError, match="tables of redshift cannot be changed in ranges"):
            await describe(connection, "redshift", over)
    finally:
        await connection.close()
