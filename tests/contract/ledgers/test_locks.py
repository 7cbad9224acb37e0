"""Ledgers in PostgreSQL whose rows another session has locked."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest
from sqlalchemy.util import await_only

from bulkq.errors import LedgerError, TakenOver
from bulkq.ledger import lock_holder, new_owner, takeover
from bulkq.ledger.pending_row_changes import RowChanges
from bulkq.ledger.recorder import CommitGroup
from bulkq.ledger.write_statements import LedgerStatements
from tests.support.ledgers import dead_owner, opened, record

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.support.servers.pgbouncer import PgBouncer

RUN = "01kb4x0001"


@pytest.fixture(params=["postgresql", "pgbouncer"])
def url(request: pytest.FixtureRequest, database: str) -> str:
    """A place without a ledger, on a server."""
    if request.param == "pgbouncer":
        pool: PgBouncer = request.getfixturevalue("pgbouncer")
        return pool.through(database)
    return database


def shorten(monkeypatch: pytest.MonkeyPatch, old: int, new_ms: int) -> None:
    """Give one of the limits of a transaction another length."""
    assert f"'{old}'" in lock_holder.LIMITS
    monkeypatch.setattr(lock_holder, "LIMITS", lock_holder.LIMITS.replace(f"'{old}'", f"'{new_ms}'"))


async def test_a_process_that_stands_still_keeps_no_lock(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is taken over meanwhile. The process that comes back writes once more, and finds that."""
    shorten(monkeypatch, lock_holder.IDLE_MS, 300)
    mine, theirs = dead_owner(), new_owner()
    locked, taken = asyncio.Event(), asyncio.Event()
    tries: list[int] = []
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(record(owner=mine), [])
        statements = LedgerStatements(ledger.place)

        def stand_still(connection: Connection) -> None:
            tries.append(1)
            statements.commit(connection, CommitGroup(RUN, mine, {"changed": 77}, RowChanges(), ()))
            locked.set()
            await_only(taken.wait())

        async def resume() -> None:
            await locked.wait()
            await other.take_over(RUN, theirs)
            taken.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(resume())
            with pytest.raises(TakenOver):
                await ledger.database.write(stand_still)
        known = await other.find(RUN)
        assert (len(tries), known.owner, known.changed) == (2, theirs, 0)


async def test_a_process_that_stood_still_writes_once(url: str, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no other process took the run over, its group is written again after the server ended the session.

    Of a COMMIT that finds the session gone, PgBouncer does not say why: the outcome is not known, and the run stops.
    """
    shorten(monkeypatch, lock_holder.IDLE_MS, 300)
    async with opened(url) as ledger:
        await ledger.begin(record(owner=new_owner()), [])
        owner = (await ledger.find(RUN)).owner
        statements = LedgerStatements(ledger.place)
        for moment in ("in the middle", "before COMMIT", *(["stopped"] if url == database else [])):
            tries: list[int] = []

            def stand_still(connection: Connection, moment: str = moment, tries: list[int] = tries) -> None:
                tries.append(1)
                statements.commit(connection, CommitGroup(RUN, owner, {"changed": len(tries)}, RowChanges(), ()))
                if len(tries) == 1 and moment == "stopped":
                    time.sleep(0.8)  # as a signal does: the event loop stands still as well
                elif len(tries) == 1:
                    await_only(asyncio.sleep(0.8))
                    if moment == "in the middle":
                        takeover.silence_s(connection, record(owner="elsewhere:1:2.3.4:5"), ledger.place)

            await ledger.database.write(stand_still)
            assert (len(tries), (await ledger.find(RUN)).changed) == (2, 2)


async def test_the_session_with_the_lock_is_named(url: str, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With process, application and the time since when, and how to end it; afterwards the run goes on."""
    shorten(monkeypatch, lock_holder.LOCK_WAIT_MS, 200)
    async with opened(url) as ledger:
        await ledger.begin(record(owner=dead_owner()), [])
        holder = await asyncpg.connect(database, server_settings={"application_name": "pg\x1bsql"})
        try:
            await holder.execute("begin; update bulkq_ledger.runs set name = name")
            with pytest.raises(LedgerError) as caught:
                await ledger.take_over(RUN, new_owner())
            pid = holder.get_server_pid()
        finally:
            await holder.close()
        told = str(caught.value)
        assert f"session {pid} of the server (user " in told
        assert "idle in transaction since 2" in told
        assert 'application_name "pg' in told
        assert told.endswith(f"end its process, or run select pg_terminate_backend({pid}), then try again")
        await ledger.take_over(RUN, new_owner())
