"""Which process a library was greeted by."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bulkq.drivers.dbapi.adapters.postgresql_pooler import is_between, name_no_statements


@pytest.mark.parametrize(
    ("connection", "pooled"),
    [
        (SimpleNamespace(info=SimpleNamespace(backend_pid=7)), False),
        (SimpleNamespace(info=SimpleNamespace(backend_pid=8)), True),
        (SimpleNamespace(driver_connection=SimpleNamespace(info=SimpleNamespace(backend_pid=8))), True),
        (SimpleNamespace(_backend_key_data=b"\0\0\0\x07KEY!"), False),
        (SimpleNamespace(_backend_key_data=b"\xff\0\0\x07KEY!"), True),
        (SimpleNamespace(info="of another kind"), False),
        (SimpleNamespace(), False),
    ],
)
def test_the_process_of_the_greeting(connection: Any, pooled: bool) -> None:
    """Another process than the one that greeted shows a pooler; a library that does not give it is taken to be direct."""
    assert is_between(connection, 7) is pooled


def test_only_psycopg_prepares_by_name() -> None:
    """It is told not to; other libraries get no attribute."""
    connection: Any = SimpleNamespace(prepare_threshold=5)
    name_no_statements(connection)
    assert connection.prepare_threshold is None
    other: Any = SimpleNamespace()
    name_no_statements(other)
    assert vars(other) == {}
