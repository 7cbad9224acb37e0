"""What only the SQLite driver does, on real files; what it shares with others is in tests/contract/test_drivers.py."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import aiosqlite
import pytest
import pytest_asyncio

from bulkq import query as queries
from bulkq.drivers.sqlite.aiosqlite import open as open_sqlite
from bulkq.drivers.sqlite.connection import GRACE_S, SqliteConnection
from bulkq.drivers.threads import what_lasts
from bulkq.errors import BulkqError, DatabaseError, TargetError, UsageError
from bulkq.model import Decoding, Limits, Phase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from bulkq.model import Query, Reply
    from tests.support.sqlite_files import SqliteFile

SCHEMA = """
create table t (id integer primary key, v text, n integer check (n >= 0));
create table child (id integer primary key, parent integer references t deferrable initially deferred);
create index by_v on t (v);
create view shown as select id, v from t;
insert into t values (1, 'one', 10), (2, 'two', 20), (3, 'three', 30);
"""
ENDLESS = "with recursive c(i) as (select 1 union all select i + 1 from c) select count(*) as n from c where i < 0"
READS = Limits(timeout_s=5)
WRITES = Limits(timeout_s=5, read_only=False)


@pytest.fixture
def path(sqlite_file: SqliteFile) -> Path:
    """A database."""
    return sqlite_file(SCHEMA)


async def connected(path: Path, *, read_only: bool = False) -> SqliteConnection:
    """A connection to it."""
    return await open_sqlite(f"sqlite:///{path}", application_name="test", read_only=read_only).connect()


@pytest_asyncio.fixture(loop_scope="session")
async def db(path: Path) -> AsyncIterator[SqliteConnection]:
    """A connection that may write."""
    connection = await connected(path)
    yield connection
    await connection.close()


def asked(sql: str) -> Query:
    """A query."""
    names = "".join(f"-- @param {name} ident\n" for name in re.findall(r":\{(\w+)\}", sql))
    return queries.inline(names + sql, "sqlite")


async def run(
    db: SqliteConnection,
    sql: str | Query,
    sets: Sequence[tuple[object, ...]] = ((),),
    limits: Limits = READS,
    *,
    typed: bool = False,
    identifiers: Mapping[str, str] | None = None,
) -> Reply:
    """Prepare and attempt."""
    query = asked(sql) if isinstance(sql, str) else sql
    statement = await db.prepare(query, Decoding.PYTHON, typed=typed, identifiers=identifiers or {})
    return await db.attempt(statement, sets, limits)


def rows(reply: Reply) -> list[tuple[object, ...]]:
    """Rows with the position before."""
    return list(zip(reply.positions, *reply.values, strict=True))


def outside(path: Path, sql: str) -> list[tuple[object, ...]]:
    """What another program sees."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file of a folder, by its bytes; what belongs to the shared memory of WAL does not count."""
    files = [p for p in folder.iterdir() if not p.name.endswith("-shm")]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


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
    monkeypatch.setattr("bulkq.drivers.sqlite.handle.CONNECT_PATIENCE_S", 0.2)
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
    import aiosqlite, bulkq.drivers.sqlite.handle
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


# reading changes nothing


ATTACKS = [
    "insert into t values (9, 'x', 1)",
    "with x as (select 1) insert into t select 9, 'x', 1 from x",
    "update t set v = 'x' returning id",
    "delete from t",
    "create table z (a)",
    "create temp table z (a)",
    "drop table t",
    "pragma user_version = 5",
    "pragma journal_mode = wal",
    "pragma query_only = 0",
    "pragma writable_schema = 1",
    "pragma wal_checkpoint(truncate)",
    "pragma wal_checkpoint",
    "pragma optimize",
    "pragma incremental_vacuum",
    "pragma main.application_id = 7",
    "attach 'other.db' as other",
    "attach database ':memory:' as other",
    "detach main",
    "vacuum",
    "vacuum into 'copy.db'",
    "reindex",
    "analyze",
    "begin immediate",
    "commit",
    "rollback",
    "savepoint x",
    "select load_extension('x')",
    "select writefile('x', 'y')",
]


@pytest.mark.parametrize("opened_read_only", [True, False])
@pytest.mark.parametrize("journal", ["delete", "wal"])
async def test_reading_changes_no_byte(
    path: Path, monkeypatch: pytest.MonkeyPatch, journal: str, opened_read_only: bool
) -> None:
    """Nothing that a read-only run may be asked to execute changes a file, makes one, or loosens the guard."""
    monkeypatch.chdir(path.parent)
    keeper = sqlite3.connect(path)  # keeps the -wal file from coming and going
    keeper.execute(f"pragma journal_mode = {journal}")
    keeper.execute("select * from t").fetchall()
    before = fingerprint(path.parent)
    db = await connected(path, read_only=opened_read_only)
    for attack in ATTACKS:
        try:
            reply = await run(db, attack)
            stopped = bool(reply.errors)
        except DatabaseError as error:
            stopped = not error.connection_lost
        assert stopped, attack
        assert fingerprint(path.parent) == before, attack
    assert rows(await run(db, "select count(*) from t")) == [(0, 3)]
    assert rows(await run(db, "select * from pragma_query_only")) == [(0, 1)]
    await db.close()
    keeper.close()


async def test_questions_may_be_asked(db: SqliteConnection) -> None:
    """Pragmas that only tell, EXPLAIN, and table-valued pragmas work in a read-only run."""
    assert rows(await run(db, "pragma table_info(child)"))[0][2] == "id"
    assert rows(await run(db, "pragma integrity_check")) == [(0, "ok")]
    assert rows(await run(db, "pragma user_version")) == [(0, 0)]
    reply = await run(db, "explain query plan select * from t where id = 1")
    assert [c.name for c in reply.columns] == ["id", "parent", "notused", "detail"]
    assert rows(await run(db, "select name from pragma_table_info('t') where pk")) == [(0, "id")]


async def test_refusals_say_why(path: Path) -> None:
    """What our own rules refuse is said in our words, at preparing."""
    db = await connected(path, read_only=True)
    cases = {
        "attach 'x' as y": "one database file",
        "commit": "by bulkq",
        "pragma user_version = 1": "changes something",
    }
    for sql, words in cases.items():
        with pytest.raises(DatabaseError, match=words) as caught:
            await run(db, sql)
        assert (caught.value.sqlstate, caught.value.phase) == ("SQLITE_AUTH", Phase.PREPARING)
    await db.close()


# what is learned before execution


async def test_preparing_executes_nothing(db: SqliteConnection, path: Path) -> None:
    """Neither a write nor an endless query runs while it is prepared."""
    started = time.monotonic()
    for sql in (
        "delete from t",
        "insert into t values (7, 'x', 1) returning id",
        ENDLESS,
        "pragma user_version = 3",
        "vacuum",
    ):
        await db.prepare(asked(sql), Decoding.TEXT, typed=False, identifiers={})
    assert time.monotonic() - started < 2
    assert outside(path, "select count(*) from t") == [(3,)]
    assert outside(path, "pragma user_version") == [(0,)]


@pytest.mark.parametrize(
    ("sql", "columns", "returns_rows"),
    [
        ("select id, v as name from t", ["id", "name"], True),
        ("select id from t order by id limit 3 -- three", ["id"], True),
        ("values (1, 2)", ["column1", "column2"], True),
        ("select 1 as a, 2 as a", ["a", "a"], True),
        ("with x as (select 1 as y) select y, count(*) from x", ["y", "count(*)"], True),
        ("select v from t union select :x order by 1", ["v"], True),
        (ENDLESS, ["n"], True),
        ("update t set v = :v", ["rowcount"], False),
        ("create table z (a)", ["rowcount"], False),
        ("delete from t returning id", [], True),
        ("pragma table_info(t)", [], None),
    ],
)
async def test_columns_are_known(db: SqliteConnection, sql: str, columns: list[str], returns_rows: bool | None) -> None:
    """Columns of a query, and whether it returns rows, are told without executing it."""
    statement = await db.prepare(asked(sql), Decoding.TEXT, typed=False, identifiers={})
    assert [c.name for c in statement.columns] == columns
    assert statement.returns_rows is returns_rows
    assert not statement.single


@pytest.mark.parametrize(
    ("sql", "words", "offset"),
    [
        ("select * from t whre id = :id", "syntax error", 21),
        ("select id,\n  nosuch from t where id = :id", "no such column: nosuch", 13),
        ("select :a, :b, nope(:a)", "no such function: nope", 15),
        ("select * from absent", "no such table: absent", 14),
        ("select (1", "incomplete input", 9),
        ("select id from t where id = :id and", "incomplete input", 35),
    ],
)
async def test_mistakes_have_their_place(db: SqliteConnection, sql: str, words: str, offset: int) -> None:
    """SQLite's message and, where it names a word, the offset in the author's text."""
    with pytest.raises(DatabaseError, match=words) as caught:
        await run(db, sql, [("1",)])
    assert (caught.value.sqlstate, caught.value.phase, caught.value.offset) == ("SQLITE_ERROR", Phase.PREPARING, offset)


async def test_identifiers(db: SqliteConnection, path: Path) -> None:
    """Names of the catalog are known in any case and behind `main.`; others get a hint; broken views do not matter."""
    outside(path, "create view broken as select * from gone")
    for name in ("t", "T", "shown", "by_v", "main.t", "sqlite_master"):
        sql = "select 1 from :{x}" if name != "by_v" else "select 1 from t indexed by :{x} where v = 'one'"
        await db.prepare(asked(sql), Decoding.TEXT, typed=False, identifiers={"x": name})
    with pytest.raises(DatabaseError, match='"chld"') as caught:
        await run(db, "select 1 from :{x}", [("chld",)], identifiers={"x": "chld"})
    assert caught.value.hint == "did you mean child?"
    with pytest.raises(DatabaseError, match="no such column"):  # of another table: a name, never a string
        await run(db, "select :{x} from t", [("parent",)], identifiers={"x": "parent"})


async def test_statements_are_not_kept_for_ever(db: SqliteConnection) -> None:
    """Identifiers that change with every set do not fill the memory."""
    query = asked("select :{x} from t")
    for i in range(200):
        await db.prepare(query, Decoding.TEXT, typed=False, identifiers={"x": "id", f"y{i}": "id"})
    assert len(db._statements) <= 64


# reading


async def test_one_bad_set_does_not_spoil_the_others(db: SqliteConnection) -> None:
    """Errors of sets are told beside the answers of the others, each at its position."""
    sql = "select abs(:n) + 0 as x, json_extract(:j, '$.a') as y"
    sets = [(1, "{}"), (-(2**63), "{}"), (2**63, "{}"), (2, "nonsense"), (3, '{"a": 5}'), ("\ud800", "{}")]
    reply = await run(db, sql, sets)
    assert rows(reply) == [(0, 1, None), (4, 3, 5)]
    assert [(e.position, e.sqlstate) for e in reply.errors] == [
        (1, "SQLITE_ERROR"),
        (2, None),
        (3, "SQLITE_ERROR"),
        (5, None),
    ]
    assert "integer overflow" in reply.errors[0].message
    assert ":n is an integer of more than 64 bits" in reply.errors[1].message
    assert "malformed JSON" in reply.errors[2].message
    assert "lone surrogate" in reply.errors[3].message


async def test_columns_are_found_with_the_rows_where_they_were_not_known(db: SqliteConnection) -> None:
    """A pragma tells its columns only when it runs."""
    reply = await run(db, "pragma table_info(t)", [(), ()])
    assert [c.name for c in reply.columns] == ["cid", "name", "type", "notnull", "dflt_value", "pk"]
    assert list(reply.positions) == [0, 0, 0, 1, 1, 1]


async def test_only_the_runaway_ends_with_its_timeout(db: SqliteConnection) -> None:
    """Each set has its own time: the endless one ends, those before and after it are answered."""
    sql = "with recursive c(i) as (select 1 union all select i + 1 from c where i < :n) select count(*) from c"
    reply = await run(db, sql, [(10,), (10**12,), (20,), (10**12,), (30,)], Limits(timeout_s=0.3))
    assert rows(reply) == [(0, 10), (2, 20), (4, 30)]
    assert [(e.position, e.sqlstate, e.message) for e in reply.errors] == [
        (1, "SQLITE_INTERRUPT", "timed out after 0.3s"),
        (3, "SQLITE_INTERRUPT", "timed out after 0.3s"),
    ]


async def test_timeouts_hit_only_what_timed_out(db: SqliteConnection) -> None:
    """Statements whose time is near the limit: whoever is interrupted took that long, and nobody else is."""
    sql = "with recursive c(i) as (select 1 union all select i + 1 from c where i < :n) select count(*) from c"
    random.seed(4)
    sets = [(random.choice([5, 5, 5, 5, 5, 5, 400_000]),) for _ in range(300)]
    reply = await run(db, sql, sets, Limits(timeout_s=0.02))
    interrupted = {e.position for e in reply.errors}
    assert all(sets[p] == (400_000,) for p in interrupted)
    assert {p for p, *_ in rows(reply)} | interrupted == set(range(300))


async def test_none_means_no_timeout(db: SqliteConnection) -> None:
    """Without a limit a longer query runs to its end."""
    sql = "with recursive c(i) as (select 1 union all select i + 1 from c where i < 300000) select count(*) from c"
    assert rows(await run(db, sql, [()], Limits(timeout_s=None, lock_timeout_s=None))) == [(0, 300000)]


async def test_blobs_nulls_and_numbers_come_as_they_are(db: SqliteConnection) -> None:
    """Every storage class arrives as its Python type."""
    reply = await run(db, "select x'00ff', null, 1.5, 9223372036854775807, 'é'")
    assert rows(reply) == [(0, b"\x00\xff", None, 1.5, 2**63 - 1, "é")]


async def test_python_values_are_stored(db: SqliteConnection, path: Path) -> None:
    """The typed API may give what SQLite has no type for."""
    sets = [(10, datetime(2026, 11, 22, tzinfo=UTC)), (11, Decimal("2.50")), (12, UUID(int=7)), (13, True)]
    reply = await run(db, "insert into t (id, v) values (:id, :v)", sets, WRITES, typed=True)
    assert reply.changed == 4
    stored = [v for (v,) in outside(path, "select v from t where id >= 10 order by id")]
    assert stored == ["2026-11-22 00:00:00+00:00", "2.50", "00000000-0000-0000-0000-000000000007", "1"]


async def test_a_read_waits_for_a_writer_and_then_says_so(path: Path) -> None:
    """A locked database is SQLITE_BUSY for the whole batch after the lock timeout, and works when the lock is gone."""
    db = await connected(path, read_only=True)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin exclusive")
    started = time.monotonic()
    statement = await prepared_while_free(db, other)
    with pytest.raises(DatabaseError, match=r"locked by another connection \(waited 0.3s\)") as caught:
        await db.attempt(statement, [()], Limits(lock_timeout_s=0.3))
    assert caught.value.sqlstate == "SQLITE_BUSY"
    assert caught.value.position is None
    assert 0.25 < time.monotonic() - started < 3
    other.close()
    assert rows(await db.attempt(statement, [()], READS)) == [(0, 3)]
    await db.close()


async def prepared_while_free(db: SqliteConnection, other: sqlite3.Connection):
    """Let go of the lock for as long as it takes to prepare."""
    other.execute("rollback")
    statement = await db.prepare(asked("select count(*) from t"), Decoding.TEXT, typed=False, identifiers={})
    other.execute("begin exclusive")
    return statement


# writing


async def test_a_write_is_one_transaction_of_ours(db: SqliteConnection) -> None:
    """BEGIN IMMEDIATE, the statements, COMMIT: nothing else is begun or committed behind our back."""
    seen: list[str] = []
    await db._hop(lambda: db._handle.raw.set_trace_callback(seen.append))
    await run(db, "insert into t (id) values (:id)", [("10",), ("11",)], WRITES)
    with pytest.raises(DatabaseError):
        await run(db, "insert into t (id) values (:id)", [("12",), ("10",)], WRITES)
    await run(db, "create table z (a)", [()], WRITES)
    await db._hop(lambda: db._handle.raw.set_trace_callback(None))
    words = [text.split()[0].upper() for text in seen if not text.startswith(("EXPLAIN", "PRAGMA query_only", "--"))]
    asked_about, done, undone = "BEGIN ROLLBACK", "BEGIN INSERT INSERT COMMIT", "BEGIN INSERT INSERT ROLLBACK"
    assert " ".join(words) == f"{asked_about} {done} {asked_about} {undone} {asked_about} BEGIN CREATE COMMIT"
    assert "BEGIN IMMEDIATE" in seen


async def test_rows_are_counted(db: SqliteConnection) -> None:
    """Plain DML, DML behind WITH, DDL, and statements whose triggers change more."""
    assert (await run(db, "update t set v = 'x' where id <= :id", [("2",), ("0",)], WRITES)).values == ([2, 0],)
    sql = "with x as (select 2 as id) update t set v = 'y' where id in (select id from x) or id = :id"
    assert (await run(db, sql, [("3",), ("2",)], WRITES)).values == ([2, 1],)
    assert (await run(db, "create table z (a)", [()], WRITES)).changed == 0
    await run(db, "create trigger tr after update on t begin insert into z values (1), (2); end", [()], WRITES)
    assert (await run(db, "update t set v = 'z'", [()], WRITES)).changed == 3
    reply = await run(db, "replace into t (id, v) values (:id, 'r') returning id, v", [("1",), ("20",)], WRITES)
    assert rows(reply) == [(0, 1, "r"), (1, 20, "r")]
    assert reply.changed == 2
    assert (await run(db, "select id from t", [()], WRITES)).changed == 0
    assert rows(await run(db, "pragma user_version = 4", [()], WRITES)) == []


@pytest.mark.parametrize(
    "how", ["insert or rollback into t (id) values (:id)", "insert into t (id, v) values (:id, 'boom')"]
)
async def test_statements_that_roll_back_everything(db: SqliteConnection, path: Path, how: str) -> None:
    """ON CONFLICT ROLLBACK and RAISE(ROLLBACK) undo the batch, and it is reported as undone, not half done."""
    when = "when new.v = 'boom' and new.id = 1"
    trigger = f"create trigger tr before insert on t {when} begin select raise(rollback, 'no'); end"
    await run(db, trigger, [()], WRITES)
    with pytest.raises(DatabaseError) as caught:
        await run(db, how, [("50",), ("1",), ("51",)], WRITES)
    assert caught.value.position == 1
    assert (caught.value.sqlstate or "").startswith("SQLITE_CONSTRAINT")
    assert outside(path, "select count(*) from t") == [(3,)]
    assert rows(await run(db, "select count(*) from t")) == [(0, 3)]


async def test_a_transaction_that_ends_by_itself_is_in_doubt(
    db: SqliteConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should a statement ever end our transaction, its batch is neither done nor undone."""
    statement = await db.prepare(asked("update t set v = 'x'"), Decoding.TEXT, typed=False, identifiers={})
    changed = db._session._changed

    def sly(known):
        count = changed(known)
        db._handle.wait_for("COMMIT", 0.0)
        return count

    monkeypatch.setattr(db._session, "_changed", sly)
    with pytest.raises(DatabaseError, match="ended the transaction") as caught:
        await db.attempt(statement, [(), ()], WRITES)
    assert (caught.value.phase, caught.value.sqlstate, caught.value.position) == (Phase.COMMITTING, None, 0)


async def test_a_write_that_times_out_is_undone(db: SqliteConnection, path: Path) -> None:
    """An interrupted UPDATE undoes the whole batch and names its set."""
    sql = f"update t set n = ({ENDLESS}) where id = :id and :go"
    with pytest.raises(DatabaseError, match=r"timed out after 0\.2s") as caught:
        await run(db, sql, [(1, 0), (2, 1), (3, 0)], Limits(timeout_s=0.2, read_only=False), typed=True)
    assert (caught.value.position, caught.value.phase, caught.value.sqlstate) == (1, Phase.SENT, "SQLITE_INTERRUPT")
    assert outside(path, "select sum(n) from t") == [(60,)]


async def test_values_that_cannot_be_encoded_undo_a_write(db: SqliteConnection, path: Path) -> None:
    """The set is named, and nothing of the batch is there."""
    with pytest.raises(DatabaseError, match=":id is an integer of more than 64 bits") as caught:
        await run(db, "insert into t (id) values (:id)", [(70,), (2**64,)], WRITES, typed=True)
    assert (caught.value.position, caught.value.phase) == (1, Phase.ENCODING)
    assert outside(path, "select count(*) from t") == [(3,)]


async def test_a_deferred_constraint_fails_at_commit(path: Path) -> None:
    """What is refused at COMMIT is undone, and known to be."""
    db = await connected(path)
    await db._hop(lambda: db._handle.wait_for("PRAGMA foreign_keys = 1", 0.0))
    with pytest.raises(DatabaseError, match="FOREIGN KEY") as caught:
        await run(db, "insert into child values (:id, 99)", [("1",)], WRITES)
    assert (caught.value.phase, caught.value.confirmed, caught.value.position) == (Phase.COMMITTING, True, None)
    assert outside(path, "select count(*) from child") == [(0,)]
    await db.close()


async def test_a_commit_waits_for_readers(path: Path) -> None:
    """In rollback-journal mode a reader delays COMMIT: within the lock timeout it is done, after it nothing is left."""
    db = await connected(path)
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("begin")
    other.execute("select * from t").fetchall()
    with pytest.raises(DatabaseError, match="locked") as caught:
        await run(db, "update t set v = 'x'", [()], Limits(lock_timeout_s=0.2, read_only=False))
    assert (caught.value.sqlstate, caught.value.phase) == ("SQLITE_BUSY", Phase.COMMITTING)
    assert other.execute("select v from t where id = 1").fetchall() == [("one",)]
    asyncio.get_running_loop().call_later(0.3, lambda: other.execute("rollback"))
    assert (await run(db, "update t set v = 'x'", [()], WRITES)).changed == 3
    other.close()
    await db.close()


@pytest.mark.parametrize("journal", ["delete", "wal"])
async def test_writers_and_readers_wait_for_each_other(path: Path, journal: str) -> None:
    """Four writers and four readers on one file: every batch goes through, and the journal mode is what it was."""
    outside(path, f"pragma journal_mode = {journal}")
    patient = Limits(lock_timeout_s=20, read_only=False)

    async def write(lane: int) -> None:
        db = await connected(path)
        for i in range(10):
            await run(db, "insert into t (v) values (:v)", [(f"{lane}-{i}",), (f"{lane}-{i}",)], patient)
        await db.close()

    async def read() -> None:
        db = await connected(path, read_only=True)
        for _ in range(10):
            ((_, count),) = rows(await run(db, "select count(*) from t", [()], Limits(lock_timeout_s=20)))
            assert isinstance(count, int)
            assert count % 2 == 1
        await db.close()

    await asyncio.gather(*(write(i) for i in range(4)), *(read() for _ in range(4)))
    assert outside(path, "select count(*) from t") == [(83,)]
    assert outside(path, "pragma journal_mode") == [(journal,)]


async def test_outside_of_a_transaction(db: SqliteConnection, path: Path) -> None:
    """VACUUM and VACUUM INTO need `@transaction off`; a failure there is told as one after the point of no return."""
    query = queries.load("-- name: v\n-- @mode maintenance\n-- @transaction off\nvacuum;", "v.sql")[0]
    statement = await db.prepare(query, Decoding.TEXT, typed=False, identifiers={})
    assert statement.single
    await db.attempt(statement, [()], Limits(read_only=False, transaction=False))
    into = queries.load(f"-- name: v\n-- @transaction off\nvacuum into '{path.parent}/copy.db';", "v.sql")[0]
    await run(db, into, [()], Limits(read_only=False, transaction=False))
    assert outside(path.parent / "copy.db", "select count(*) from t") == [(3,)]
    with pytest.raises(DatabaseError, match="already exists") as caught:
        await run(db, into, [()], Limits(read_only=False, transaction=False))
    assert caught.value.phase is Phase.COMMITTING


async def test_a_read_only_file_refuses_writes(path: Path) -> None:
    """The driver's `read_only` wins over an attempt's limits, with SQLite's own error."""
    db = await connected(path, read_only=True)
    with pytest.raises(DatabaseError, match="readonly") as caught:
        await run(db, "delete from t", [()], WRITES)
    assert caught.value.sqlstate == "SQLITE_READONLY"
    await db.close()


# streams


async def test_a_stream_has_one_deadline_and_its_reader_has_time(db: SqliteConnection) -> None:
    """The statement's own time is counted over all pieces; what the reader takes between them is not."""
    sql = "with recursive c(i) as (select 1 union all select i + 1 from c where i < :n) select i from c"
    statement = await db.prepare(asked(sql), Decoding.TEXT, typed=True, identifiers={})
    seen = 0
    async for piece in db.stream(statement, (12_000,), Limits(timeout_s=1.5)):
        seen += len(piece.positions)
        await asyncio.sleep(0.7)
    assert seen == 12_000
    with pytest.raises(DatabaseError, match="timed out"):
        async for _ in db.stream(statement, (10**12,), Limits(timeout_s=0.3)):
            pass
    assert rows(await run(db, "select count(*) from t")) == [(0, 3)]


async def test_a_stream_of_nothing_has_columns(db: SqliteConnection) -> None:
    """One piece comes even where no row does."""
    statement = await db.prepare(asked("select id, v from t where 0"), Decoding.TEXT, typed=False, identifiers={})
    pieces = [piece async for piece in db.stream(statement, (), READS)]
    assert [[c.name for c in p.columns] for p in pieces] == [["id", "v"]]
    pragma = await db.prepare(asked("pragma table_info(t)"), Decoding.TEXT, typed=False, identifiers={})
    assert [len(p.columns) async for p in db.stream(pragma, (), READS)] == [6]


async def test_a_stream_that_writes_has_committed(db: SqliteConnection, path: Path) -> None:
    """Rows of RETURNING come after the commit."""
    statement = await db.prepare(asked("delete from t returning id"), Decoding.TEXT, typed=False, identifiers={})
    async for piece in db.stream(statement, (), WRITES):
        assert len(piece.positions) == 3
        assert outside(path, "select count(*) from t") == [(0,)]


# cancelling and ending


async def test_cancelled_at_any_moment(path: Path) -> None:
    """Whenever a task is cancelled: a batch that was committed says so, the others left nothing, and the next is not hit."""
    outside(path, "delete from t")
    db = await connected(path)
    statement = await db.prepare(asked("insert into t (v) values (:v)"), Decoding.TEXT, typed=False, identifiers={})
    random.seed(11)
    sure = cancelled = 0
    for _ in range(150):
        task = asyncio.create_task(db.attempt(statement, [("x",)] * 300, WRITES))
        await asyncio.sleep(random.random() * 0.004)
        task.cancel()
        try:
            await task
            sure += 1
        except asyncio.CancelledError:
            cancelled += 1
    await db.attempt(statement, [("x",)] * 300, WRITES)
    await db.close()
    ((count,),) = outside(path, "select count(*) from t")
    assert count == (sure + 1) * 300
    assert cancelled


async def test_cancelling_ends_the_statement(db: SqliteConnection) -> None:
    """A cancelled endless query ends at once, and the session goes on."""
    statement = await db.prepare(asked(ENDLESS), Decoding.TEXT, typed=False, identifiers={})
    task = asyncio.create_task(db.attempt(statement, [(), (), ()], Limits(timeout_s=None)))
    await asyncio.sleep(0.1)
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 1
    assert rows(await run(db, "select count(*) from t")) == [(0, 3)]


async def test_cancelling_ends_the_wait_for_a_lock(db: SqliteConnection, path: Path) -> None:
    """Somebody who waits for a lock without limit can be called back."""
    other = sqlite3.connect(path, isolation_level=None)
    statement = await db.prepare(asked("delete from t"), Decoding.TEXT, typed=False, identifiers={})
    other.execute("begin immediate")
    task = asyncio.create_task(db.attempt(statement, [()], Limits(lock_timeout_s=None, read_only=False)))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    other.close()
    assert rows(await run(db, "select count(*) from t")) == [(0, 3)]


async def test_cancelling_twice_waits_all_the_same(db: SqliteConnection) -> None:
    """The second call does not leave the thread alone with the statement: the session goes on."""
    task = asyncio.create_task(run(db, ENDLESS, [()], Limits(timeout_s=None)))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rows(await run(db, "select count(*) from t")) == [(0, 3)]


async def test_cancelled_before_commit_nothing_lasts(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds up a batch longer than the grace, and is called back, has not committed, and will not."""
    monkeypatch.setattr("bulkq.drivers.sqlite.connection.GRACE_S", 0.1)
    db = await connected(path)
    reached, release = threading.Event(), threading.Event()

    def hold(_changed: int) -> None:
        reached.set()
        release.wait(5)

    statement = await db.prepare(asked("delete from t"), Decoding.TEXT, typed=False, identifiers={})
    task = asyncio.create_task(db.attempt(statement, [()], WRITES, before_commit=hold))
    while not reached.is_set():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(DatabaseError) as caught:
        await db.attempt(statement, [()], WRITES)
    assert caught.value.connection_lost
    release.set()
    monkeypatch.undo()
    await db.close()
    assert outside(path, "select count(*) from t") == [(3,)]


async def test_cancelled_while_commit_waits_for_a_reader(path: Path) -> None:
    """A COMMIT that could not be done yet is given up: cancelled, and undone."""
    db = await connected(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin")
    other.execute("select * from t").fetchall()
    task = asyncio.create_task(run(db, "delete from t", [()], Limits(lock_timeout_s=None, read_only=False)))
    while not db._handle.committing:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    other.close()
    assert rows(await run(db, "select count(*) from t")) == [(0, 3)]
    await db.close()


async def test_cancelled_outside_of_a_transaction(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted within the grace, the statement has undone itself; else nobody knows what lasts, and it is said so."""
    db = await connected(path)
    await db._hop(lambda: db._handle.raw.create_function("nap", 1, time.sleep))
    query = replace(asked("insert into t (v) select nap(:s)"), transaction=False)
    statement = await db.prepare(query, Decoding.TEXT, typed=True, identifiers={})
    task = asyncio.create_task(db.attempt(statement, [(0.3,)], WRITES))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rows(await run(db, "select count(*) from t")) == [(0, 3)]
    monkeypatch.setattr("bulkq.drivers.sqlite.connection.GRACE_S", 0.1)
    task = asyncio.create_task(db.attempt(statement, [(0.5,)], WRITES))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(DatabaseError, match="no answer within") as caught:
        await task
    error = caught.value
    assert (error.phase, error.confirmed, error.connection_lost) == (Phase.COMMITTING, False, True)
    monkeypatch.undo()
    await db.close()


async def test_a_commit_in_doubt_is_not_hidden_by_a_cancellation() -> None:
    """What the disk said is worth more than that nobody waits."""
    doubt = DatabaseError("disk I/O error", sqlstate="SQLITE_IOERR", phase=Phase.COMMITTING, confirmed=False)
    hop: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    hop.set_exception(doubt)
    with pytest.raises(DatabaseError) as caught:
        what_lasts(hop, GRACE_S)
    assert caught.value is doubt


async def test_no_thread_is_left(path: Path, tmp_path: Path) -> None:
    """Closed, closed in the middle of a query, and never opened: the thread is gone each time."""
    before = set(threading.enumerate())
    db = await connected(path)
    task = asyncio.create_task(run(db, ENDLESS, [()], Limits(timeout_s=None)))
    await asyncio.sleep(0.1)
    await db.close()
    with pytest.raises(DatabaseError):
        await task
    await db.close()
    for _ in range(3):
        with pytest.raises(TargetError):
            await connected(tmp_path / "absent.db")
    assert set(threading.enumerate()) == before


async def test_a_closed_connection_says_so(path: Path) -> None:
    """Whatever is asked of it."""
    db = await connected(path)
    statement = await db.prepare(asked("select 1 as x"), Decoding.TEXT, typed=False, identifiers={})
    await db.close()
    with pytest.raises(DatabaseError) as caught:
        await db.attempt(statement, [()], READS)
    assert caught.value.connection_lost
    with pytest.raises(DatabaseError):
        db._handle.__class__(path, read_only=True).raw  # noqa: B018


STUCK = """
import asyncio, sys, time
sys.path.insert(0, {root!r})
from bulkq import query
from bulkq.drivers.sqlite.aiosqlite import open
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits
LONG = "replace(hex(zeroblob({{}})), '0', 'a')"
SQL = "select instr(" + LONG.format(1000000) + ", " + LONG.format(500000) + " || 'b')"
async def main():
    db = await open("sqlite:///" + sys.argv[1], application_name="x", read_only=True).connect()
    slow = await db.prepare(query.inline(SQL), Decoding.TEXT, typed=False, identifiers={{}})
    task = asyncio.create_task(db.attempt(slow, [()], Limits(timeout_s=None)))
    used_s = time.process_time()
    while time.process_time() - used_s < 0.3:  # until SQLite is at work: nothing else takes the processor
        await asyncio.sleep(0.01)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled")
    try:
        await db.attempt(slow, [()], Limits(timeout_s=None))
    except DatabaseError as error:
        print("lost", error.connection_lost)
    await db.close()
asyncio.run(main())
print("end")
"""


def test_a_statement_that_cannot_be_interrupted_does_not_hold_the_process(
    path: Path, pytestconfig: pytest.Config
) -> None:
    """One endless step of SQLite: the task ends after the grace, the connection is given up, the process ends."""
    code = STUCK.format(root=str(pytestconfig.rootpath))
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout.split("\n")[:3] == ["cancelled", "lost True", "end"], done.stderr
    assert done.returncode == 0


async def test_the_private_names_of_aiosqlite(path: Path) -> None:
    """What we use beside its interface: a call runs in the connection's thread and goes on when nobody waits."""
    connection = aiosqlite.Connection(lambda: sqlite3.connect(path), iter_chunk_size=64)
    assert list(inspect.signature(connection._execute).parameters) == ["fn", "args", "kwargs"]
    assert isinstance(connection._thread, threading.Thread)
    connection._thread.daemon = True
    await connection
    done = threading.Event()

    def work() -> str:
        time.sleep(0.1)
        done.set()
        return threading.current_thread().name

    assert await connection._execute(work) == connection._thread.name
    done.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await connection._execute(work)
    assert not done.is_set()
    stopped = connection.stop()
    assert stopped is not None
    await stopped
    assert done.is_set()
    connection._thread.join(1)
    assert not connection._thread.is_alive()


async def test_what_sqlite_has_not(db: SqliteConnection) -> None:
    """No COPY, no conversion to check, and no statement of another driver."""
    statement = await db.prepare(asked("select 1 as x"), Decoding.TEXT, typed=False, identifiers={})
    with pytest.raises(UsageError):
        await db.copy(statement, ",", READS, lambda _: None)
    assert await db.check(statement, [("x",)]) == []
    with pytest.raises(TypeError):
        await db.attempt(object(), [()], READS)  # type: ignore[arg-type]
    assert issubclass(DatabaseError, BulkqError)
