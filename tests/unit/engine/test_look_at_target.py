"""The errors of one set that say something about all others; what they stop is shown in tests/integration/run/test_full_disk.py."""

from __future__ import annotations

from bulkq.dialects.sqlstates import NO_ROOM
from bulkq.engine.look_at_target import TEMPORARY


def test_states() -> None:
    """A full disk is one, also SQLite's, and temporary files are told by the name of their folder."""
    assert {"53100", "SQLITE_FULL"} <= NO_ROOM
    assert TEMPORARY == "pgsql_tmp"
