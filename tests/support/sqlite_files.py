"""SQLite database files that a script fills."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class SqliteFile:
    """Makes database files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, script: str = "", name: str = "test.db") -> Path:
        """The path of a database on which `script` was executed; the file is new if the name is."""
        path = self._folder / name
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(f"PRAGMA user_version = 0;\n{script}")
        return path
