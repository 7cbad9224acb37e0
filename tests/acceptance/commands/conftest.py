"""A folder with a database, queries and parameter sets."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.support.shop import QUERIES, SETUP

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database, queries and parameter sets."""
    (tmp_path / "q.sql").write_text(QUERIES)
    (tmp_path / "ids.csv").write_text("id\n1\n2\n3\n")
    database = sqlite3.connect(tmp_path / "app.db")
    database.executescript(SETUP)
    database.close()
    return tmp_path
