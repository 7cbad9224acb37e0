"""Options of an SQLite URL, and the next step that SQLite's errors have, on each driver."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.sqlite_files import SqliteFile

FAMILY = """
create table p (id integer primary key);
create table c (id integer primary key, pid integer references p (id) on delete cascade);
insert into p values (1), (2);
insert into c values (10, 1), (11, 1), (12, 2);
"""


@pytest.fixture(params=["sqlite", "sqlite+pysqlite", "sqlite+apsw"])
def scheme(request: pytest.FixtureRequest) -> str:
    """Of each driver."""
    return str(request.param)


def rows(file: Path, sql: str) -> list[tuple[object, ...]]:
    """What the file holds."""
    connection = sqlite3.connect(file)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize(("option", "left"), [("", 3), ("?foreign_keys=off", 3), ("?foreign_keys=on", 1)])
def test_foreign_keys(scheme: str, sqlite_file: SqliteFile, cli: Cli, option: str, left: int) -> None:
    """Deleted rows take their children along where the URL asks for it."""
    file = sqlite_file(FAMILY)
    done = cli(
        "run", "-e", "delete from p where id = :id", "-t", f"{scheme}:///{file}{option}", "--param", "id=1", "--write"
    )
    assert done.code == 0, done.err
    assert rows(file, "select count(*) from c") == [(left,)]


def test_a_file_opened_for_reading(scheme: str, sqlite_file: SqliteFile, cli: Cli) -> None:
    """With mode=ro or immutable=1 reads run, and a write is refused before it begins."""
    file = sqlite_file(FAMILY)
    for option in ("mode=ro", "mode=ro&immutable=1", "immutable=1"):
        url = f"{scheme}:///{file}?{option}"
        assert cli("run", "-e", "select id from p", "-t", url, "--format", "csv").out == b"id\n1\n2\n"
        done = cli("run", "-e", "delete from p where id = 1", "-t", url, "--write")
        assert (done.code, f"remove {option.partition('&')[0]} from the URL" in done.err) == (3, True)
    assert rows(file, "select count(*) from p") == [(2,)]


def test_unknown_options(scheme: str, sqlite_file: SqliteFile, cli: Cli) -> None:
    """An option that is not known is refused with the nearest."""
    done = cli("run", "-e", "select 1", "-t", f"{scheme}:///{sqlite_file()}?foreign_key=on")
    assert done.code == 2
    assert "did you mean foreign_keys?" in done.err


def test_a_checkpoint_in_a_transaction(scheme: str, sqlite_file: SqliteFile, cli: Cli) -> None:
    """It is tried once and says what to write; written so, it runs."""
    url = f"{scheme}:///{sqlite_file('pragma journal_mode = wal; create table t (a)')}"
    done = cli("run", "-e", "pragma wal_checkpoint(truncate)", "-t", url, "--write")
    assert done.code == 1
    assert 'write "-- @transaction off" above the statement' in done.err
    assert "retried=0" in done.err
    assert cli("run", "-e", "-- @transaction off\npragma wal_checkpoint(truncate)", "-t", url, "--write").code == 0


def test_text_that_is_not_utf8(scheme: str, sqlite_file: SqliteFile, cli: Cli) -> None:
    """The cast that shows its bytes is named."""
    url = f"{scheme}:///{sqlite_file('create table t (v); insert into t values (cast(x' + repr('ff41') + ' as text))')}"
    column = "COLUMN" if scheme == "sqlite+apsw" else '"v"'  # APSW does not say which
    assert f"cast({column} as blob) gives its bytes" in cli("run", "-e", "select v from t", "-t", url).err
