"""Record one run: marks are collected immediately and made durable in groups.

Every write names the owner: after another process has taken the run over, the next commit fails, and the run here stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Protocol

from bulkq.errors import LedgerError
from bulkq.ledger import row_conversion
from bulkq.ledger.pending_events import EventLog
from bulkq.ledger.pending_row_changes import PendingRun, RowChanges, with_run
from bulkq.ledger.sleepless_clock import sleepless_s
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from bulkq.ledger.location import LedgerLocation
    from bulkq.model import Mark, RecordedPart, RunRecord, SinkPosition
    from bulkq.model.run_event import EventKind

GROUP_S = 0.15
"""From the first mark of a group to its commit; with the commit itself, marks are durable within 200 ms."""

HEARTBEAT_S = 5.0

CONFIRMED_S = 3 * HEARTBEAT_S
"""Seconds after a commit in which no other process can have taken the run over; half of those after which one may."""


@frozen
class CommitGroup:
    """What one commit makes durable."""

    run: str
    owner: str  # who alone may write it
    values: row_conversion.Row  # of the run's own row
    changes: RowChanges
    outputs: Sequence[tuple[int, SinkPosition]]  # (part, position) of those that have grown
    events: Sequence[row_conversion.Row] = ()  # left out if they alone cannot be written

    def gone(self) -> dict[str, list[row_conversion.Row]]:
        """By table, the keys of the rows to delete."""
        found = {"done_ranges": self.changes.undone, "failures": self.changes.resolved}
        return {table: with_run(keys, self.run) for table, keys in found.items() if keys}

    def kept(self) -> dict[str, list[row_conversion.Row]]:
        """By table, the rows to insert, or to put in the place of those with the same key."""
        changes = self.changes
        found = {"done_ranges": changes.done, "failures": changes.failures, "parts": changes.parts}
        kept = {table: with_run(changed, self.run) for table, changed in found.items() if changed}
        return kept | ({"positions": row_conversion.position_rows(self.run, self.outputs)} if self.outputs else {})


class RowWriter(Protocol):
    """Where a recorder writes: `stored` through SQLAlchemy into any ledger, `direct` into a file of this program's revision."""

    async def begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]]
    ) -> None:
        """Insert a new run; durable on return.

        Raises:
            LedgerError: it cannot be written.
            RefusedError: it repeats a run that another one repeats already.
        """
        ...

    async def commit(self, group: CommitGroup) -> None:
        """Write a group; durable on return.

        Raises:
            TakenOver: another process owns the run now.
            LedgerError: it cannot be written.
        """
        ...

    async def beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        """Other runs that wrote to an output of `run`, with its path, newest first."""
        ...

    async def close(self) -> None:
        """Let go of the ledger; a second call does nothing."""
        ...


class Recorder:
    """A ledger as a run needs it, see `bulkq.protocols.Ledger`: one object writes one run at a time.

    Args:
        place: where the ledger is.
        rows: what writes it; closed together with this.
    """

    keeps = True

    def __init__(self, place: LedgerLocation, rows: RowWriter) -> None:
        self.place = place
        self.rows = rows
        self._run = ""
        self._owner = ""
        self._tally: PendingRun | None = None
        self._pending: list[Mark] = []
        self._events = EventLog()
        self._writes = 0  # commits that have begun
        self._written: dict[tuple[int, str], int] = {}  # sink positions as the ledger has them
        self._positions: Callable[[], Sequence[tuple[int, SinkPosition]]] | None = None
        self._fsync: Callable[[], Awaitable[None]] | None = None
        self._on_failure: Callable[[LedgerError], None] | None = None
        self._error: LedgerError | None = None
        self._told = False
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._works: set[asyncio.Task[None]] = set()
        self._elapsed_s = 0.0
        self._since_s = 0.0
        self._confirmed_s = 0.0  # the begin of the last commit that the ledger took: until then the run was ours

    def attach(
        self,
        *,
        positions: Callable[[], Sequence[tuple[int, SinkPosition]]] | None = None,
        fsync: Callable[[], Awaitable[None]] | None = None,
        on_failure: Callable[[LedgerError], None] | None = None,
    ) -> None:
        """Tell how far the outputs are, so that a resume can cut them back to what the ledger knows.

        At each group commit `positions` is called in the same moment in which the marks are collected; so the caller
        writes a batch to its sink and marks it without an `await` in between. Then `fsync` is awaited, then marks and
        positions are committed together.

        Args:
            positions: (part, position) of every output, at present.
            fsync: makes the outputs durable at least that far.
            on_failure: called once, when a commit has failed, so that the run stops at once.
        """
        self._positions, self._fsync, self._on_failure = positions, fsync, on_failure

    async def begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]] = ()
    ) -> None:
        """Record a new run; durable on return.

        Args:
            record: the run.
            sources: paths of its spooled sources.
            outputs: (part, position) of its outputs, before anything is written to them.

        Raises:
            LedgerError: it cannot be written.
            RefusedError: it repeats a run that another one repeats already.
        """
        await self._shielded(self._begin(record, sources, outputs))

    def mark(self, mark: Mark) -> None:
        """Take note of a batch that ended; durable at most 200 ms later.

        Raises:
            LedgerError: an earlier commit failed; nothing more may be sent.
        """
        self._raise()
        assert self._run, "begin or take_over comes before mark"
        self._pending.append(mark)
        self._wake.set()

    def record_event(
        self,
        kind: EventKind,
        text: str,
        *,
        by: str = "",
        data: Mapping[str, object] | None = None,
        soon: bool = True,
    ) -> None:
        """Record an event of the run that was begun or taken over. What cannot be kept is left out: no run fails for it.

        Args:
            kind: what it is about.
            text: one line for people, without values of parameters and without passwords.
            by: `user@host` of the person who caused it; "" for none.
            data: the same for programs, as JSON has it.
            soon: durable at most 200 ms later; False: with the next marks, at most 5 s later.
        """
        if self._run and self._error is None:
            self._events.add(kind, text, by, data)
            if soon:
                self._wake.set()

    async def sync(self) -> None:
        """Make all marks durable now. Lanes that ask while a commit is under way share the next one.

        Raises:
            LedgerError: it, or an earlier commit, failed.
        """
        await self._shielded(self._commit(since=self._writes))

    async def confirm(self) -> None:
        """Return if the run is still this process's. The ledger is asked only if it heard nothing of it for `CONFIRMED_S`.

        A process that was stopped, or whose machine slept, does not know how long. Its statements are late, if a resume has done them.

        Raises:
            TakenOver: another process owns the run now.
            LedgerError: it cannot be written.
        """
        if sleepless_s() - self._confirmed_s >= CONFIRMED_S:
            await self.sync()

    async def beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        """Other runs that wrote to an output of `run`, with its path, newest first."""
        return await self.rows.beside(run)

    async def amend(self, request: str) -> None:
        """Replace the recorded request; durable on return.

        Raises:
            LedgerError: it cannot be written.
        """
        async with self._lock:
            self._raise()
            assert self._tally is not None, "begin or take_over comes before amend"
            values = self._tally.counts() | {"request": request}
            await self.rows.commit(CommitGroup(self._run, self._owner, values, RowChanges(), ()))

    async def finish(self, record: RunRecord) -> None:
        """Record how the run, or this process of it, ended; durable on return, together with all marks.

        Raises:
            LedgerError: it cannot be written.
        """
        await self._shielded(self._finish(record))

    async def close(self) -> None:
        """Make what is noted durable and let go; a second call does nothing.

        Raises:
            LedgerError: the marks are not durable, and this was not reported before.
        """
        await self._shielded(self._close())

    # --- how ------------------------------------------------------------------------------------------------------

    async def _begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]]
    ) -> None:
        async with self._lock:
            await self.rows.begin(record, sources, outputs)
            self._follow(record, record.owner, ())
            self._written = {(part, sink.path): sink.offset for part, sink in outputs}

    def _follow(self, record: RunRecord, owner: str, states: Sequence[RecordedPart]) -> None:
        self._run, self._owner = record.run, owner
        self._tally = PendingRun(record, states)
        self._events = EventLog()
        self._written = {(state.part, sink.path): sink.offset for state in states for sink in state.sinks}
        self._elapsed_s, self._since_s = record.elapsed_s, time.monotonic()
        self._confirmed_s = sleepless_s()
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="bulkq ledger")

    async def _keep(self) -> None:
        """Commit what was marked, in groups; and say from time to time that this process lives."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._wake.wait()
                    await asyncio.sleep(GROUP_S)
            try:
                await self._commit()
            except LedgerError:
                self._told = self._on_failure is not None  # an error raised here is lost; the next call reports it
                return

    async def _commit(self, since: int | None = None) -> None:
        """Commit what was marked, unless a commit that began after number `since` has done it meanwhile."""
        async with self._lock:
            self._raise()
            if self._run and (since is None or self._writes == since):
                await self._write(None)

    async def _finish(self, record: RunRecord) -> None:
        async with self._lock:
            self._raise()
            await self._write(record)
            self._run = ""
            await self._stop()

    async def _close(self) -> None:
        async with self._lock:
            await self._stop()
            try:
                if self._pending and self._error is None:
                    await self._write(None)
            finally:
                self._run = ""
                await self.rows.close()
            if self._error is not None and not self._told:
                self._raise()

    async def _stop(self) -> None:
        """End the keeper task. It is waiting, because this task holds the lock of commits."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None

    async def _write(self, final: RunRecord | None) -> None:
        """One group commit; called with the lock held."""
        assert self._tally is not None
        self._wake.clear()
        self._writes += 1
        begins_s = sleepless_s()
        try:
            # No await between these two: what is marked is written, and what is written later is beyond the position.
            marks, self._pending = self._pending, []
            sinks = self._positions() if self._positions is not None else ()
            moved = [(part, sink) for part, sink in sinks if self._written.get((part, sink.path)) != sink.offset]
            if moved and self._fsync is not None:
                await self._fsync()
            await self._write_group(marks, moved, final)
            self._confirmed_s = begins_s
            self._written.update({(part, sink.path): sink.offset for part, sink in moved})
        except Exception as error:  # noqa: BLE001 - whatever it was, this group is not durable and none may follow
            self._fail(error)
            self._raise()

    async def _write_group(
        self, marks: Sequence[Mark], moved: Sequence[tuple[int, SinkPosition]], final: RunRecord | None
    ) -> None:
        assert self._tally is not None
        changes = self._tally.take(marks)
        if final is None:
            values = self._tally.counts() | {"elapsed_s": self._elapsed_s + time.monotonic() - self._since_s}
        else:
            values = {
                name: value for name, value in row_conversion.run_row(final).items() if name not in {"run", "owner"}
            }
        events = with_run(self._events.take(), self._run)
        await self.rows.commit(CommitGroup(self._run, self._owner, values, changes, moved, events))

    def _fail(self, error: BaseException) -> None:
        self._error = (
            error if isinstance(error, LedgerError) else LedgerError(f"an output could not be synced to disk: {error}")
        )
        self._error.__cause__ = error.__cause__ or error
        self._pending = []
        if self._on_failure is not None:
            self._told = True
            self._on_failure(self._error)

    def _raise(self) -> None:
        if self._error is not None:
            self._told = True
            raise type(self._error)(str(self._error)) from self._error.__cause__

    async def _shielded(self, work: Coroutine[object, object, None]) -> None:
        """Run `work` to its end even if the caller is cancelled, because its marks have left the queue."""
        task = asyncio.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_look_at)
            raise


def _look_at(task: asyncio.Task[None]) -> None:
    """Retrieve the error of work whose caller was cancelled; the ledger keeps it."""
    if not task.cancelled():
        task.exception()
