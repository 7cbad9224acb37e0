"""What is said of a file that cannot be opened, and of its folder."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.drivers.sqlite.aiosqlite import open as open_sqlite
from bulkq.errors import TargetError
from tests.support.sqlite_sessions import SCHEMA, connected, outside, rows, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sqlite_files import SqliteFile


# the file


async def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    """Neither reading nor writing makes a database where none is."""
    for read_only in (True, False):
        with pytest.raises(TargetError, match=r'no such file ".*absent.db"') as caught:
            await connected(tmp_path / "absent.db", read_only=read_only)
        assert caught.value.exit_code == 3
    with pytest.raises(TargetError, match="no such file"):
        await connected(tmp_path / "no" / "folder.db")
    assert list(tmp_path.iterdir()) == []


async def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    """A folder, a text file, a pipe and a name that is too long each get their own sentence."""
    (tmp_path / "text.db").write_text("not a database, but longer than the header of one would be\n" * 20)
    os.mkfifo(tmp_path / "pipe.db")
    cases = {
        "": "is a directory",
        "text.db": "not an SQLite database",
        "pipe.db": "not a regular file",
        "x" * 300: "too long",
    }
    for name, words in cases.items():
        with pytest.raises(TargetError, match=words):
            await connected(tmp_path / name)


async def test_a_damaged_file_is_said(path: Path) -> None:
    """A schema that cannot be read stops at connecting."""
    data = bytearray(path.read_bytes())
    data[100:300] = b"\xff" * 200
    path.write_bytes(data)
    with pytest.raises(TargetError, match=r"damaged: .* \.recover"):
        await connected(path)


async def test_a_file_that_stays_locked_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds the file exclusively keeps us out, and the message says how long we waited."""
    monkeypatch.setattr("bulkq.drivers.sqlite.transaction.CONNECT_PATIENCE_S", 0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin exclusive")
    try:
        with pytest.raises(TargetError, match="locked by another process"):
            await connected(path)
    finally:
        other.close()


AS_NOBODY = """
import asyncio, os, sys
sys.path.insert(0, {root!r})
from bulkq.drivers.sqlite.aiosqlite import open
if os.getuid() == 0:
    import aiosqlite, bulkq.drivers.sqlite.transaction
    os.setgid(65534); os.setuid(65534)
async def main():
    connection = await open("sqlite:///" + sys.argv[1], application_name="x", read_only=sys.argv[2] == "ro").connect()
    await connection.close()
try:
    asyncio.run(main())
except Exception as error:
    print(type(error).__name__, error)
else:
    print("opened")
"""


def as_nobody(path: Path, mode: str, root: Path) -> str:
    """What an ordinary user without rights is told."""
    command = [sys.executable, "-c", AS_NOBODY.format(root=str(root)), str(path), mode]
    env = {k: v for k, v in os.environ.items() if not k.startswith("COV")}  # where nobody may write
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=env)
    return done.stdout + done.stderr


@pytest.fixture
def open_path(path: Path) -> Iterator[Path]:
    """A database in a folder that everybody may enter, which `tmp_path` is not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = Path(folder) / "test.db"
        shutil.copyfile(path, copy)
        yield copy
        Path(folder).chmod(0o755)


def test_permissions_are_said(open_path: Path, pytestconfig: pytest.Config) -> None:
    """No right to read or to write is said as that, before a run begins."""
    path = open_path
    path.chmod(0o444)
    assert as_nobody(path, "ro", pytestconfig.rootpath) == "opened\n"
    assert "cannot write" in as_nobody(path, "rw", pytestconfig.rootpath)
    path.chmod(0o000)
    assert "permission denied" in as_nobody(path, "ro", pytestconfig.rootpath)


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_folder_for_no_journal_is_said(open_path: Path, pytestconfig: pytest.Config, mode: str) -> None:
    """A file that may be written in a folder where no journal can be made is refused before a run begins."""
    path = open_path
    outside(path, f"pragma journal_mode = {mode}")
    path.chmod(0o666)
    path.parent.chmod(0o555)
    told = as_nobody(path, "rw", pytestconfig.rootpath)
    assert told.startswith(f'TargetError cannot write "{path}": SQLite keeps a journal beside it')
    path.parent.chmod(0o755)
    for end in ("-journal", "-wal", "-shm"):
        beside = path.with_name(f"{path.name}{end}")
        beside.touch()
        beside.chmod(0o666)
    path.parent.chmod(0o555)
    assert as_nobody(path, "rw", pytestconfig.rootpath) == "opened\n"


def test_wal_without_shared_memory_is_said(open_path: Path, pytestconfig: pytest.Config) -> None:
    """A WAL database in a folder where nothing may be written cannot be read, and the message says what to do."""
    path = open_path
    outside(path, "pragma journal_mode = wal")
    path.chmod(0o444)
    path.parent.chmod(0o555)
    told = as_nobody(path, "ro", pytestconfig.rootpath)
    assert "is in WAL mode" in told
    assert "TargetError" in told


def test_a_journal_that_must_be_rolled_back_is_said(open_path: Path, pytestconfig: pytest.Config) -> None:
    """What a dead writer left cannot be repaired by who may only read."""
    path = open_path
    code = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("pragma cache_size = 1")
c.execute("begin")
c.executemany("insert into t values (?, ?, 1)", ((i, "x" * 3000) for i in range(10, 200)))
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert path.with_name("test.db-journal").stat().st_size
    path.parent.chmod(0o555)
    path.chmod(0o444)
    told = as_nobody(path, "ro", pytestconfig.rootpath)
    assert "must be rolled back first" in told or "permission" in told


async def test_odd_file_names_open(sqlite_file: SqliteFile) -> None:
    """Percent signs, question marks, hashes and blanks are part of the name, not of a URI."""
    made = sqlite_file(SCHEMA, "50% off? #1 é.db")
    url = f"sqlite:///{made.parent}/50%25 off%3F #1 é.db"
    connection = await open_sqlite(url, application_name="x", read_only=True).connect()
    assert connection.server.database == str(made)
    assert rows(await run(connection, "select count(*) from t")) == [(0, 3)]
    await connection.close()
