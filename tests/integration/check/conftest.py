"""A folder of checks."""

from __future__ import annotations

from pathlib import Path

import pytest

# --- selection ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with checks, as the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checks" / "deep").mkdir(parents=True)
    (tmp_path / "checks" / "a.sql").write_text(
        "-- name: one\n-- @tags nightly, users\nselect 1;\n-- name: two\nselect 2;\n-- name: pair\n-- @expect same as helper\nselect 3;\n"
        "-- name: helper\nselect 3;\n"
    )
    (tmp_path / "checks" / "deep" / "b.sql").write_text("-- @tags users\nselect 1")
    (tmp_path / "other.sql").write_text("-- name: total\nselect 1")
    return tmp_path
