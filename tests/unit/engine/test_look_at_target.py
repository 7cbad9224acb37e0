"""The errors of one set that say something about all others; what they stop is shown in tests/integration/run/test_full_disk.py."""

from __future__ import annotations

from bulkq.dialects.sqlstates import NO_ROOM
from bulkq.engine.look_at_target import TEMPORARY


def test_states() -> None:
    """PostgreSQL and SQLite report a full disk by these states, and PostgreSQL names temporary files by this folder."""
    assert {"53100", "SQLITE_FULL"} <= NO_ROOM
    assert TEMPORARY == "pgsql_tmp"
