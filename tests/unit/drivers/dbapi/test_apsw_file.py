"""SQLite files through APSW: its cursors as PEP 249 has them, the options of its URLs, and encrypted files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import pytest

from bulkq.drivers import open_driver
from bulkq.drivers.dbapi.apsw_file import Apsw, ApswConnection
from bulkq.errors import MissingDriver, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

MADE = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
TABLE = "create table t (id integer primary key, v)"


@pytest.fixture
def connection(tmp_path: Path) -> ApswConnection:
    """One to a new file."""
    return ApswConnection((tmp_path / "a.db").as_uri(), MADE)


def test_rows_that_a_statement_changed(connection: ApswConnection) -> None:
    """A statement that changes no rows has none of the statement before it."""
    cursor = connection.cursor()
    counts = []
    for statement in (
        TABLE,
        "insert into t values (1, 0), (2, 0), (3, 0)",
        "create index v on t (v)",
        "with two as (select 2 as id) update t set v = 1 where id = (select id from two)",
        "update t set v = 1 where id = 9",
        "delete from t",
    ):
        cursor.execute(statement)
        counts.append(cursor.rowcount)
    assert counts == [0, 3, 0, 1, 0, 3]
    cursor.execute("select 1")
    assert cursor.rowcount == -1


def test_returning_counts_when_its_rows_are_read(connection: ApswConnection) -> None:
    """APSW has executed the statement up to its first row before."""
    connection.cursor().execute(TABLE)
    cursor = connection.cursor()
    cursor.execute("insert into t values (1, 'a'), (2, 'b') returning id", None)
    assert (cursor.fetchmany(1), cursor.fetchmany(5), cursor.rowcount) == ([(1,)], [(2,)], 2)


def test_columns_of_an_empty_result(connection: ApswConnection) -> None:
    """They are known, though APSW forgets them; a statement without a result has none."""
    cursor = connection.cursor()
    cursor.execute(TABLE)
    assert cursor.description is None
    cursor.execute("select id as number, v from t")
    assert [column[0] for column in cursor.description or ()] == ["number", "v"]
    assert cursor.fetchmany(3) == []
    cursor.close()


def test_the_ends_of_a_transaction(connection: ApswConnection) -> None:
    """They do nothing where none is open."""
    connection.commit()
    connection.rollback()
    cursor = connection.cursor()
    cursor.execute("begin")
    assert connection.in_transaction
    cursor.execute(TABLE)
    connection.rollback()
    assert not connection.in_transaction
    cursor.execute("select count(*) from sqlite_master")
    assert cursor.fetchmany(1) == [(0,)]


def test_the_place_of_a_mistake_counts_characters(connection: ApswConnection) -> None:
    """SQLite counts bytes."""
    text = "select 'größer', nope"
    with pytest.raises(apsw.SQLError) as refused:
        connection.cursor().execute(text)
    assert Apsw().trouble(refused.value).at == text.index("nope")


def test_what_errors_are_called(connection: ApswConnection) -> None:
    """As the other SQLite drivers call them; one that is retried has its SQLSTATE."""
    known = Apsw()
    cursor = connection.cursor()
    cursor.execute(TABLE)
    cursor.execute("insert into t values (1, cast(x'ff' as text))")
    with pytest.raises(apsw.ConstraintError) as twice:
        cursor.execute("insert into t values (1, 1)")
    cursor.execute("select v from t")
    with pytest.raises(UnicodeDecodeError) as bad:
        cursor.fetchmany(1)
    assert known.trouble(twice.value).sqlstate == "SQLITE_CONSTRAINT_PRIMARYKEY"
    assert "not valid UTF-8" in known.trouble(bad.value).message
    assert known.trouble(apsw.BusyError("database is locked")).sqlstate == "55P03"
    assert known.trouble(ValueError("something else")).sqlstate is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite+apsw://a.db", "write sqlite\\+apsw:///FILE"),
        ("sqlite+apsw://key@/a.db", "write sqlite\\+apsw:///FILE"),
        ("sqlite+apsw:///a.db?foreign_key=on", "did you mean foreign_keys"),
        ("sqlite+apsw:///a.db?timeout=1", "use --lock-timeout"),
        ("sqlite+apsw://:k@/a.db?cipher=a'b", "cipher takes a name or a number"),
    ],
)
def test_a_url_that_cannot_be_meant(url: str, said: str) -> None:
    """It is refused before anything is connected."""
    with pytest.raises(UsageError, match=said):
        open_driver(url, read_only=True)


def test_a_key_that_would_be_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package without ciphers would open a file that is not encrypted."""
    monkeypatch.delattr(apsw, "mc_version")
    with pytest.raises(MissingDriver, match="pip install apsw-sqlite3mc"):
        open_driver("sqlite+apsw://:key@/a.db", read_only=True)


def test_an_encrypted_file(tmp_path: Path, cli: Cli) -> None:
    """Reads and exactly-once writes work with its key and cipher, and with nothing else."""
    path = tmp_path / "e.db"
    pragmas = ("PRAGMA cipher = 'sqlcipher'", "PRAGMA legacy = '4'", "PRAGMA key = 'it''s/here'")
    made = ApswConnection(path.as_uri(), MADE, pragmas)
    for statement in (TABLE, "insert into t values (1, 0), (2, 0)"):
        made.cursor().execute(statement)
    made.close()
    url = f"sqlite+apsw://:it's%2Fhere@/{path}?cipher=sqlcipher&legacy=4"
    write = ("run", "-e", "update t set v = v + :n where id = :id", "-p", "range:id=1..2", "--param", "n=5", "--write")
    done = cli(*write, "-t", url)
    assert (done.code, done.counts["changed"], "exactly once" in done.err) == (0, "2", True), done.err
    read = cli("run", "-e", "select sum(v) as v from t", "-t", url, "--format", "csv")
    assert read.out == b"v\n10\n", read.err
    assert cli("maintain", "vacuum", "-t", url).code == 0
    (cli.folder / "bulkq.toml").write_text(
        f'[targets.e]\nurl = "sqlite+apsw:///{path}?cipher=sqlcipher&legacy=4"\npassword = {{ env = "KEY" }}\n'
    )
    assert cli("run", "-e", "select 1", "-t", "e", env={"KEY": "it's/here"}).code == 0
    keyless = cli("run", "-e", "select 1", "-t", url.replace(":it's%2Fhere@", ""))
    assert (keyless.code, "needs a key" in keyless.err) == (3, True), keyless.err
    for other in (url.replace("here", "there"), url.replace("legacy=4", "legacy=3"), f"sqlite+apsw:///{path}"):
        wrong = cli("run", "-e", "select 1", "-t", other)
        assert (wrong.code, "is not an SQLite database, or it is encrypted" in wrong.err) == (3, True), wrong.err
    assert b"SQLite format 3" not in path.read_bytes()
