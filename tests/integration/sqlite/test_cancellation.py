"""Cancelled tasks and closed sessions: no statement, lock or thread is left."""

from __future__ import annotations

import asyncio
import inspect
import random
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import aiosqlite
import pytest

from bulkq.drivers.sqlite.connection import GRACE_S, SqliteConnection
from bulkq.drivers.threads import what_lasts
from bulkq.errors import DatabaseError, TargetError
from bulkq.model import Decoding, Limits, Phase
from tests.support.sqlite_sessions import ENDLESS, READS, WRITES, asked, connected, outside, rows, run

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
    with pytest.raises(DatabaseError, match="answer within") as caught:
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
