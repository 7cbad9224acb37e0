"""JSON as text: what is told to which library. The libraries themselves are asked on a server, see `tests/contract`."""

from __future__ import annotations

import sqlite3

from bulkq.drivers.dbapi.adapters.postgresql_json_text import read_json_as_text


def test_a_library_that_is_not_known_is_left_as_it_is() -> None:
    """Nothing is asked of its connection."""
    connection = sqlite3.connect(":memory:")
    read_json_as_text("another", connection)
    assert connection.execute("select 1").fetchone() == (1,)
    connection.close()
