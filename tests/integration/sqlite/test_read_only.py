"""A read-only session changes no byte, and refusals say why."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError
from bulkq.model import Phase
from tests.support.sqlite_sessions import WRITES, connected, rows, run

if TYPE_CHECKING:
    from bulkq.drivers.sqlite.connection import SqliteConnection


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file of a folder, by its bytes; what belongs to the shared memory of WAL does not count."""
    files = [p for p in folder.iterdir() if not p.name.endswith("-shm")]
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


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
        "pragma user_version = 1": "may change data",
    }
    for sql, words in cases.items():
        with pytest.raises(DatabaseError, match=words) as caught:
            await run(db, sql)
        assert (caught.value.sqlstate, caught.value.phase) == ("SQLITE_AUTH", Phase.PREPARING)
    await db.close()


async def test_a_read_only_file_refuses_writes(path: Path) -> None:
    """The driver's `read_only` wins over an attempt's limits, with SQLite's own error."""
    db = await connected(path, read_only=True)
    with pytest.raises(DatabaseError, match="readonly") as caught:
        await run(db, "delete from t", [()], WRITES)
    assert caught.value.sqlstate == "SQLITE_READONLY"
    await db.close()
