"""Writes, locks, and commits that fail or wait."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Limits, Phase
from tests.support.sqlite_sessions import ENDLESS, READS, WRITES, asked, connected, outside, rows, run

if TYPE_CHECKING:
    from bulkq.drivers.sqlite.connection import SqliteConnection


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
