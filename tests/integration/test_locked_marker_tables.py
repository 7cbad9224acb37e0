"""A marker table that another session has locked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.maintenance import session
from tests.support.servers.postgres import execute

if TYPE_CHECKING:
    from tests.support.command import Cli


@pytest.mark.parametrize("table", ["bulkq_ranges", pytest.param("bulkq_runs", marks=pytest.mark.long)])
async def test_a_locked_marker_table_needs_patience_and_no_dba(cli: Cli, database: str, table: str) -> None:
    """The message advises to wait, not to create the table and to grant rights on it."""
    execute(database, "create table t (id integer primary key, v integer)", "insert into t values (1, 1)")
    command = ("backfill", "-t", database, "--over", "t", "--set", "v = v + 1", "--lock-timeout", "100ms")
    assert cli(*command).code == 0
    async with session(database) as other, other.transaction():
        await other.execute(f"lock table {table} in access exclusive mode")
        refused = cli(*command)
    assert refused.code == 4
    assert "another session has locked it: wait until it ends" in refused.err, refused.err
    assert "DBA" not in refused.err
