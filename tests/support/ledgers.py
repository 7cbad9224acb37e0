"""Ledgers of every kind, and what is written into them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg

from bulkq.ledger import new_owner, open_ledger, owners, sqlite3_row_writer
from bulkq.ledger.store import StoredLedger
from bulkq.model import Failure, Outcome, RunRecord, RunState, SourcePosition

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager


CANARY = "hunter2"
WITHOUT = "without.db"
KINDS = ["sqlite", "without", "postgresql", "pgbouncer"]


def record(run: str = "01kb4x0001", **changes: object) -> RunRecord:
    """A run that begins."""
    made = RunRecord(
        run=run,
        state=RunState.RUNNING,
        mode="write",
        name="users.sql:touch",
        targets=(f"postgresql://me:{CANARY}@db/app", "sqlite:///app.db"),
        request='{"queries": ["ä"]}',
        fingerprint='{"sql": "x"}',
        owner=new_owner(),
        started_at="2026-11-22T10:00:00Z",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def ended(run: RunRecord, state: RunState = RunState.FINISHED, exit_code: int = 0, **changes: object) -> RunRecord:
    """The same run at its end."""
    return replace(run, state=state, exit_code=exit_code, ended_at="2026-11-22T10:01:00Z", **changes)  # type: ignore[arg-type]


def failure(n: int, message: str = "division by zero", state: str | None = "22012", outcome: Outcome = Outcome.ROLLED_BACK) -> Failure:  # fmt: skip
    """A failed set with a value in it."""
    return Failure(n, f"f.csv:{n + 1}", "sqlite:///app.db", "touch", {"v": CANARY}, outcome, state, message, 2, CANARY)


def position(n: int) -> SourcePosition:
    """The source behind set n."""
    return SourcePosition(n, n * 7, n + 1, "abcd")


class WithoutSQLAlchemy(StoredLedger):
    """Reads as every ledger in a file, and writes as a new run does."""

    def __init__(self, stored: StoredLedger, file: sqlite3_row_writer.LedgerFile) -> None:
        super().__init__(stored.database, release=lambda: None)
        self._stored = stored
        self._rows = sqlite3_row_writer.DirectRows(stored.place, file)

    async def close(self) -> None:
        try:
            await super().close()
        finally:
            await self._stored.close()


def opened(url: str) -> AbstractAsyncContextManager[StoredLedger]:
    """The ledger at `url`, closed at the end."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def manager():  # type: ignore[no-untyped-def]
        ledger = await open_ledger(url)
        if url.endswith(WITHOUT):
            file = await asyncio.to_thread(sqlite3_row_writer.find_ready_file, ledger.place)
            assert file is not None
            ledger = WithoutSQLAlchemy(ledger, file)
        try:
            yield ledger
        finally:
            await ledger.close()

    return manager()


# --- one owner ------------------------------------------------------------------------------------------------------


def dead_owner() -> str:
    """A process of this host that has ended."""
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    text = new_owner().rsplit(":", 3)
    start = owners._start(child.pid)
    child.communicate(b"\n")
    return f"{text[0]}:{child.pid}:{start}:{text[3]}"


async def execute(url: str, sql: str) -> list[object]:
    """Run `sql` without bulkq."""
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()
