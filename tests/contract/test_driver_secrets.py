"""A secret value that the database repeats in its message is in no report, over every driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.servers.mariadb import MariaDB
    from tests.support.sqlite_files import SqliteFile

SECRET = b"Hunter'2"
HEAD = "-- @param v text secret\n"
POSTGRES = "select cast(cast(:v as text) as int)"
JSON_PATH = "select json_extract('{}', :v)"


def _refused(cli: Cli, url: str, text: str, tmp_path: Path, *more: str) -> None:
    """Run `text`, which quotes its parameter in an error, and look for the value everywhere."""
    (tmp_path / "v.csv").write_bytes(b"v\n" + SECRET + b"\n")
    done = cli(
        *("run", "-e", HEAD + text, "-t", url, "-p", "v.csv", "--failures", "f.jsonl", "--report", "json:r.json"),
        *("--debug", "--report", "html:r.html", *more),
    )
    assert done.code == 1, done.err
    assert "***" in done.err
    told = done.err.encode() + b"".join((tmp_path / name).read_bytes() for name in ("f.jsonl", "r.json", "r.html"))
    assert b"unter" not in told


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_postgresql(driver: str, postgres_url: str, cli: Cli, tmp_path: Path) -> None:
    """Of a bad number."""
    _refused(cli, postgres_url.replace("postgresql", driver, 1), POSTGRES, tmp_path)


@pytest.mark.parametrize("driver", ["sqlite", "sqlite+pysqlite", "sqlite+apsw"])
def test_sqlite(driver: str, sqlite_file: SqliteFile, cli: Cli, tmp_path: Path) -> None:
    """Of a path in JSON."""
    _refused(cli, f"{driver}:///{sqlite_file('create table t (id)')}", JSON_PATH, tmp_path)


def test_duckdb(cli: Cli, tmp_path: Path) -> None:
    """Of a bad number."""
    pytest.importorskip("duckdb").connect(str(tmp_path / "d.duckdb")).close()
    _refused(cli, f"duckdb:///{tmp_path / 'd.duckdb'}", "select cast(:v as int)", tmp_path)


def test_mariadb(mariadb_database: tuple[MariaDB, str], cli: Cli, tmp_path: Path) -> None:
    """Of a key that is there already."""
    server, name = mariadb_database
    server.execute(name, "create table t (v varchar(20) unique)")
    server.execute(name, "insert into t values ('Hunter''2')")
    _refused(
        cli, f"mysql+pymysql://root@127.0.0.1:{server.port}/{name}", "insert into t values (:v)", tmp_path, "--write"
    )
