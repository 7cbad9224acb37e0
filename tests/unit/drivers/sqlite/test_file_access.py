"""Why a file cannot be opened, without a database."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers.sqlite import file_access
from bulkq.errors import TargetError

if TYPE_CHECKING:
    from pathlib import Path


def test_why_not_open_falls_back_on_sqlites_words(tmp_path: Path) -> None:
    """What is not known keeps SQLite's message."""
    assert "disk on fire" in file_access.why_not_open(tmp_path / "x.db", sqlite3.OperationalError("disk on fire"), 1.0)


def test_why_not_open_says_the_next_step(tmp_path: Path) -> None:
    """SQLite cannot open a file for several reasons; the file and its neighbours tell which."""

    def why() -> str:
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorname = "SQLITE_CANTOPEN"
        return file_access.why_not_open(path, error, 1.0)

    path = tmp_path / "x.db"
    assert why() == f'cannot open "{path}": unable to open database file'
    path.write_bytes(b"SQLite format 3\0\x10\x00\x01\x01")
    path.with_name("x.db-journal").touch()
    assert '"x.db-journal" must be rolled back first' in why()
    path.write_bytes(b"SQLite format 3\0\x10\x00\x02\x02")
    assert f'get permission to write in "{tmp_path}"' in why()


def test_permissions_are_asked_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No right to read, or to write where the run writes, is said before SQLite is asked."""
    path = tmp_path / "x.db"
    path.touch()
    file_access.must_be_usable(path, write=True)
    monkeypatch.setattr("os.access", lambda _, mode: mode == os.R_OK)
    file_access.must_be_usable(path, write=False)
    with pytest.raises(TargetError, match="cannot write"):
        file_access.must_be_usable(path, write=True)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(TargetError, match="cannot read"):
        file_access.must_be_usable(path, write=False)
