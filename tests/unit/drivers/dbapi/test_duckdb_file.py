"""A file of DuckDB is opened without SQLAlchemy; a URL with other options is left to its dialect."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest
from sqlalchemy import create_engine

from bulkq.drivers.dbapi import duckdb_file, sqlalchemy_urls
from bulkq.errors import MissingDriver

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("url", "path", "mode"),
    [
        ("duckdb:///a.db", "a.db", None),
        ("duckdb:////tmp/a b.db", "/tmp/a b.db", None),
        ("duckdb:///a.db?access_mode=read_only", "a.db", "read_only"),
    ],
)
def test_files(url: str, path: str, mode: str | None) -> None:
    """A path, relative or from the root, as SQLAlchemy reads it."""
    found = duckdb_file.FILE.fullmatch(url)
    assert found is not None
    assert (found["path"], found["mode"]) == (path, mode)
    assert sqlalchemy_urls.ask_sqlalchemy(url).url.database == path


@pytest.mark.parametrize(
    "url",
    [
        *(
            "duckdb://",
            "duckdb:///",
            "duckdb:///:memory:",
            "duckdb:///md:x",
            "duckdb:///a.db?threads=1",
            "duckdb:///a%20b",
        ),
        "duckdb:///a.db?access_mode=read_only&threads=1",
    ],
)
def test_other_urls(url: str) -> None:
    """SQLAlchemy's dialect knows more."""
    assert duckdb_file.FILE.fullmatch(url) is None


def test_other_urls_need_the_dialect(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it is missing, the package that brings it is named."""
    url = "duckdb:///:memory:"
    assert not isinstance(duckdb_file.open(url, application_name="x", read_only=False), duckdb_file.DuckDBDriver)
    monkeypatch.setattr(sqlalchemy_urls, "name_of", lambda _: None)
    with pytest.raises(MissingDriver, match=r"duckdb_engine.*pip install 'bulkq\[duckdb\]'"):
        duckdb_file.open(url, application_name="x", read_only=False)


def test_options_are_added() -> None:
    """The URL itself stays as it is."""
    url = duckdb_file.FileUrl("a", {"a": "1"})
    assert url.update_query_dict({"b": "2"}) == duckdb_file.FileUrl("a", {"a": "1", "b": "2"})
    assert url.host is None


@pytest.mark.parametrize("engine_first", [True, False])
def test_a_process_has_a_file_open_in_two_ways(tmp_path: Path, *, engine_first: bool) -> None:
    """With an engine of SQLAlchemy, in either order; and beside a connection of the library."""
    path, url = str(tmp_path / "a.db"), f"duckdb:///{tmp_path}/a.db"
    engine = create_engine(url)
    if engine_first:
        with engine.connect():
            duckdb_file._connect(path, {}).close()
    else:
        ours = duckdb_file._connect(path, {})
        engine.connect().close()
        ours.close()
    engine.dispose()
    with duckdb.connect(path):
        duckdb_file._connect(path, {}).close()


def test_sqlalchemy_is_not_imported(tmp_path: Path) -> None:
    """Not even for a session."""
    code = (
        "import asyncio, sys; from bulkq.drivers import dialect_of, open_driver; url = sys.argv[1]; assert dialect_of(url) == 'duckdb';"
        " asyncio.run(open_driver(url, read_only=True).connect()); assert not {'sqlalchemy', 'sqlglot'} & set(sys.modules)"
    )
    path = tmp_path / "a.db"
    duckdb.connect(str(path)).close()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, f"duckdb:///{path}"], check=True, env=environment, timeout=30)
