"""The schema of a ledger and its health: what `bulkq ledger upgrade` and `bulkq ledger check` do."""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module
from typing import TYPE_CHECKING

from bulkq.errors import LedgerError
from bulkq.ledger.import_module import import_for
from bulkq.ledger.location import LedgerMissing, locate
from bulkq.ledger.revision_constants import HEAD
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.ledger.store import StoredLedger


@frozen
class Checkup:
    """A ledger looked at; nothing was changed."""

    ledger: str  # path, or URL without its password
    revision: str | None
    problems: tuple[str, ...]  # lines for people; empty where all is well
    rows: dict[str, int]  # per table
    size_bytes: int


async def read_current_revision(url: str = "auto") -> str:
    """The revision of a ledger, which is left as it is.

    Raises:
        LedgerMissing: there is none.
        LedgerError: it cannot be read.
    """
    ledger = await _as_it_is(url)
    try:
        return await ledger.database.revision() or ""
    finally:
        await ledger.close()


async def upgrade_ledger(url: str = "auto") -> tuple[str | None, str]:
    """Bring a ledger to the revision of this program, or make one.

    Returns:
        The revision before (None: there was no ledger) and after.

    Raises:
        LedgerNewer: it was made by a newer version.
        LedgerError: it cannot be read or written, or another process uses it.
    """
    opening = await import_for(locate(url), "bulkq.ledger.open", "SQLAlchemy and greenlet")
    before: str | None = None
    with contextlib.suppress(LedgerMissing):
        before = await read_current_revision(url)
    ledger = await opening.open_place(locate(url), create=True)
    await ledger.close()
    return before, HEAD


async def check_ledger(url: str = "auto") -> Checkup:
    """Look at a ledger: its integrity, revision, rows, size.

    Raises:
        LedgerMissing: there is none.
        LedgerError: it cannot even be opened.
    """
    ledger = await _as_it_is(url)
    reading = await asyncio.to_thread(import_module, "bulkq.ledger.health")
    problems: list[str] = []
    rows: dict[str, int] = {}
    size = 0
    try:
        revision = await ledger.database.revision()
        if revision != HEAD:
            advice = "install the newer bulkq that created it" if (revision or "") > HEAD else "bulkq ledger upgrade"
            problems.append(f"revision {revision}, this program writes {HEAD}: {advice}")
        try:
            problems += await reading.check_integrity(ledger.database)
            rows, size = await reading.count_rows(ledger.database), await reading.size_bytes(ledger.database)
        except LedgerError as error:
            problems.append(str(error))
    finally:
        await ledger.close()
    return Checkup(ledger.place.shown, revision, tuple(problems), rows, size)


async def _as_it_is(url: str) -> StoredLedger:
    opening = await import_for(locate(url), "bulkq.ledger.open", "SQLAlchemy and greenlet")
    ledger: StoredLedger = await opening.open_place(locate(url), create=False, upgrade=False)
    return ledger
