"""A database whose library cannot cancel a statement."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.support import sleepy_library

# --- what cannot be stopped --------------------------------------------------------------------------------------------


@pytest.fixture
def lazy(tmp_path: Path) -> str:
    """A target whose library cannot cancel anything."""
    sleepy_library.register()
    sqlite3.connect(tmp_path / "lazy.db").close()
    return f"sleepy:///{tmp_path}/lazy.db"
