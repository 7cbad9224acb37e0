"""A ledger in a database: a `Recorder` that also reads, takes runs over and forgets them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.ledger import query_runs, takeover
from bulkq.ledger.command_mailbox import CommandMailbox
from bulkq.ledger.pending_events import EventLog
from bulkq.ledger.recorder import Recorder
from bulkq.ledger.write_statements import LedgerStatements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.ledger.database_connection import LedgerDatabase
    from bulkq.ledger.recorder import CommitGroup
    from bulkq.model import RecordedPart, RunRecord, RunState, SinkPosition
    from bulkq.model.run_event import RunEvent


class StoredLedger(Recorder):
    """The runs of one database.

    Args:
        database: where they are.
        release: called when it is closed: gives back the lock on the file.
    """

    def __init__(self, database: LedgerDatabase, release: Callable[[], None]) -> None:
        super().__init__(database.place, _StoreWriter(database, release))
        self.database = database

    async def take_over(self, run: str, owner: str) -> None:
        """Become the owner of a run whose process has ended, and continue it.

        Args:
            run: its whole id.
            owner: this process, as `bulkq.ledger.new_owner` names it.

        Raises:
            RefusedError: its process is alive, or may be; the message has host and pid.
            UsageError: there is no such run.
        """
        await self._shielded(self._take_over(run, owner))

    async def forget(self, run: str) -> tuple[str, ...]:
        """Drop a run with all its rows. Return the paths of its spooled sources, which are no longer needed.

        Raises:
            RefusedError: its process is alive, or may be.
            UsageError: there is no such run.
        """
        return await self.database.write(takeover.forget_run, run, self.place)

    @property
    def mailbox(self) -> CommandMailbox | None:
        """Commands to runs from other hosts; None for a file, which only this machine can reach."""
        return None if self.database.sqlite else CommandMailbox(self.database)

    # --- reading --------------------------------------------------------------------------------------------------

    async def find(self, run: str) -> RunRecord:
        """The run whose id is, or alone begins with, `run`.

        Raises:
            UsageError: there is none, with the nearest ids; or several.
        """
        return await self.database.read(query_runs.find_run, run, self.place)

    async def retry_of(self, run: str) -> RunRecord | None:
        """The newest retry of `run`, or None."""
        return await self.database.read(query_runs.retry_of, run)

    async def last(self, *states: RunState) -> RunRecord:
        """The run that was started last, of those in one of `states` (none given: of all).

        Raises:
            UsageError: there is none.
        """
        return await self.database.read(query_runs.find_newest_run, states, self.place)

    async def recent(
        self, limit: int = 20, name: str | None = None, status: str | None = None
    ) -> tuple[RunRecord, ...]:
        """The newest runs, the newest first.

        Args:
            limit: how many at most.
            name: only runs of this name.
            status: only ok, failed, unknown, refused, stopped, or running (which may be dead: see `owner_alive`).
        """
        return await self.database.read(query_runs.list_recent_runs, limit, name, status)

    async def group(self, name: str) -> tuple[RunRecord, ...]:
        """All runs of the group `name`, the newest first."""
        return await self.database.read(query_runs.list_group_runs, name)

    async def state(self, run: str) -> tuple[RecordedPart, ...]:
        """The recorded parts of the run with this id; () if no batch has ended."""
        return await self.database.read(query_runs.read_parts, run)

    async def events(self, run: str, *kinds: str, after: int = 0) -> tuple[RunEvent, ...]:
        """The events of the run with this id, in their order.

        Args:
            run: its whole id.
            kinds: only these, see `bulkq.model.run_event.EventKind`; none given: all.
            after: only those with a higher number.
        """
        return await self.database.read(query_runs.read_events, run, kinds, after)

    async def spools(self, run: str) -> tuple[str, ...]:
        """Paths of the run's spooled sources, in the order given to `begin`."""
        return await self.database.read(query_runs.list_spools, run)

    async def owner_alive(self, record: RunRecord) -> bool:
        """Whether a process is, or may be, at work on this run."""
        return await self.database.read(takeover.silence_s, record, self.place) is not None

    async def _take_over(self, run: str, owner: str) -> None:
        async with self._lock:
            record, states = await self.database.write(takeover.take_over, run, owner, self.place)
            self._follow(record, owner, states)
            self._events = EventLog(1 + await self.database.read(query_runs.last_event, record.run))


class _StoreWriter:
    """Where a stored ledger writes, see `bulkq.ledger.recorder.RowWriter`."""

    def __init__(self, database: LedgerDatabase, release: Callable[[], None]) -> None:
        self._database = database
        self._release = release
        self._writing = LedgerStatements(database.place)

    async def begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]]
    ) -> None:
        """Insert a new run; durable on return."""
        await self._database.write(self._writing.begin, record, sources, outputs)

    async def commit(self, group: CommitGroup) -> None:
        """Write a group; durable on return."""
        await self._database.write(self._writing.commit, group)

    async def beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        """Other runs that wrote to an output of `run`, with its path, newest first."""
        return await self._database.read(query_runs.find_runs_of_same_output, run)

    async def close(self) -> None:
        """Close the connection and give back the lock."""
        try:
            await self._database.close()
        finally:
            self._release()
