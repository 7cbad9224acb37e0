"""A table of ten rows."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A table of ten rows."""
    path = tmp_path / "t.db"
    connection = sqlite3.connect(path)
    connection.execute("create table t (id integer primary key, v integer)")
    connection.executemany("insert into t values (?, ?)", [(i, i * i) for i in range(1, 11)])
    connection.commit()
    connection.close()
    return f"sqlite:///{path}"
