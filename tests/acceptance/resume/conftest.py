"""A folder with a database, queries and parameter sets."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.interrupted_runs import QUERIES, ROWS, SETUP

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database of counters, queries and parameter sets."""
    (tmp_path / "q.sql").write_text(QUERIES)
    (tmp_path / "ids.csv").write_text("id\n" + "".join(f"{i}\n" for i in range(1, ROWS + 1)))
    with closing(sqlite3.connect(tmp_path / "app.db")) as database:
        database.executescript(SETUP)
        database.execute("create table j(id integer primary key, v text)")
        database.executemany("insert into j values (?, ?)", [(i, '{"x": 1}' if i % 2 else "{") for i in range(1, 7)])
        database.commit()
    return tmp_path
