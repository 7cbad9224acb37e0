"""The durable record of runs: `open_ledger`, and `open_recorder` for one that only begins a run.

location, open, no_record                         which ledger; opened, or none; import_module for what it needs
file_create, sqlite3_tables                       a new file: its folder, settings and tables; file_upgrade replaces an older one
upgrade_and_check, migrate                        what `bulkq ledger upgrade` and `bulkq ledger check` do: its revision, what is a problem
health                                            the questions of the latter about its tables
database_connection, file_lock_and_revision, revision_constants    its connection, its lock
schema                                            the tables
recorder                                          one run while it works: marks in groups, counts as of now; `pending_row_changes`
                                                  and `pending_events` wait for the next group
store, query_runs, newest_runs                    what is read: runs by id, name, status or group
takeover, owners, sleepless_clock                 whose a run is
check_results                                     verdicts, and their history
command_mailbox                                   commands from other hosts
write_statements, row_conversion                  through SQLAlchemy; check_row_conversion for verdicts
sqlite3_row_writer, sqlite3_check_history         the same for a file, without SQLAlchemy
redact_message                                    no values in recorded messages
explain_errors, lock_holder                       errors of the ledger's own database; the session that it waits for

Importing this costs nothing: SQLAlchemy takes a sixth of a second and is imported by `open_ledger`, in a thread, while the event
loop goes on; `open_recorder` does without it where it can. Alembic is imported only for a ledger of another revision.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bulkq.ledger.import_module import import_for
from bulkq.ledger.location import LedgerMissing, locate
from bulkq.ledger.no_record import EventsOnly, NoLedger
from bulkq.ledger.owners import new_owner

if TYPE_CHECKING:
    from bulkq.ledger.check_results import CheckHistory
    from bulkq.ledger.sqlite3_check_history import DirectCheckHistory
    from bulkq.ledger.store import StoredLedger
    from bulkq.protocols import Ledger

__all__ = ["EventsOnly", "LedgerMissing", "NoLedger", "find_check_history", "new_owner", "open_ledger", "open_recorder"]


async def open_ledger(url: str = "auto", *, create: bool = True) -> StoredLedger:
    """Open a ledger, making or upgrading it where need be.

    Args:
        url: `auto` ($XDG_STATE_HOME/bulkq/ledger.db), a path, `sqlite:///FILE` or `postgresql://...`.
        create: False: one that is not there is an error.

    Raises:
        UsageError: `url` is not understood.
        LedgerMissing: there is none and `create` is False.
        LedgerNewer: it was made by a newer version.
        LedgerError: it cannot be read or written.
    """
    place = locate(url)
    opening = await import_for(place, "bulkq.ledger.open", "SQLAlchemy and greenlet")
    opened: StoredLedger = await opening.open_place(place, create=create)
    return opened


async def open_recorder(url: str = "auto") -> Ledger:
    """Open a ledger for a new run, making or upgrading it where need be.

    Args:
        url: as `open_ledger` takes it; or `none`: nothing is recorded.

    Raises:
        UsageError: `url` is not understood.
        LedgerNewer: it was made by a newer version.
        LedgerError: it cannot be read or written.
    """
    if url == "none":
        return NoLedger()
    from bulkq.ledger import sqlite3_row_writer
    from bulkq.ledger.recorder import Recorder

    place = locate(url)
    if place.path is not None:
        file = await asyncio.to_thread(sqlite3_row_writer.find_ready_file, place)
        if file is not None:
            return Recorder(place, sqlite3_row_writer.DirectRows(place, file))
    return await open_ledger(url)


def find_check_history(ledger: Ledger) -> CheckHistory | DirectCheckHistory | None:
    """The results of checks in `ledger`, which `open_recorder` has opened; None if it keeps nothing."""
    if not ledger.keeps:
        return None
    from bulkq.ledger.recorder import Recorder
    from bulkq.ledger.sqlite3_row_writer import DirectRows

    assert isinstance(ledger, Recorder)
    if isinstance(ledger.rows, DirectRows):
        from bulkq.ledger.sqlite3_check_history import DirectCheckHistory

        return DirectCheckHistory(ledger.rows)
    from bulkq.ledger.check_results import CheckHistory
    from bulkq.ledger.store import StoredLedger

    assert isinstance(ledger, StoredLedger)
    return CheckHistory(ledger.database)
