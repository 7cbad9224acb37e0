"""SQLite database files that a script fills."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

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


def column(path: Path | str, sql: str) -> list[Any]:
    """The first column of the rows that `sql` gives on the database at `path`."""
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(sql)]
