"""Read the ids of the newest runs, quickly and without a change to the ledger: no file is made, no revision is upgraded."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from bulkq.ledger.location import locate
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.exit_codes import name_status

if TYPE_CHECKING:
    from pathlib import Path

BUSY_S = 0.2

_QUERY = "SELECT run, mode, name, started_at, state, exit_code FROM runs ORDER BY started_at DESC, run DESC LIMIT ?"


@frozen
class NewestRun:
    """A run by its id, with the fields that distinguish it from others."""

    run: str
    mode: str
    name: str
    started_at: str  # ISO, UTC
    state: str
    exit_code: int | None

    @property
    def described(self) -> str:
        """`write, failed, norm_phone, 2026-11-22 13:05`."""
        how = self.state if self.exit_code is None else str(name_status(self.exit_code))
        return ", ".join(part for part in (self.mode, how, self.name, self.started_at[:16].replace("T", " ")) if part)


async def newest_runs(url: str, limit: int) -> list[NewestRun]:
    """Return the newest runs of the ledger `--ledger URL`, the newest first; [] if there is no ledger.

    Raises:
        UsageError: `url` is not a ledger.
        LedgerError: the ledger cannot be read.
        sqlite3.Error: the same, of a ledger file.
    """
    place = locate(url)
    if place.path is not None:
        return _of_file(place.path, limit)
    from bulkq.ledger.open import open_place

    ledger = await open_place(place, create=False, upgrade=False)
    try:
        found = await ledger.recent(limit)
    finally:
        await ledger.close()
    return [NewestRun(one.run, one.mode, one.name, one.started_at, str(one.state), one.exit_code) for one in found]


def _of_file(path: Path, limit: int) -> list[NewestRun]:
    """Read a ledger file. Without a write-ahead log no process has it open, and it is read as immutable: SQLite would make a log."""
    if not path.is_file():
        return []
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY_S)) as database:
        return [NewestRun(*row) for row in database.execute(_QUERY, (limit,))]
