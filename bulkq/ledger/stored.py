"""A ledger in a database: marks are noted at once and made durable in groups. Opened by `bulkq.ledger.open_ledger`.

One object writes one run at a time, the one that it began or took over. Every write says whose it is: after somebody else
has taken the run over, the next commit fails, and with it the run here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, insert, select, update

from bulkq.errors import LedgerError, RefusedError, TakenOver
from bulkq.ledger import owners, reading, rows
from bulkq.ledger.grouping import Tally, with_run
from bulkq.ledger.schema import CHECKS, DONE, FAILURES, PARTS, POSITIONS, RUNS, SPOOLS
from bulkq.model import RunState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from bulkq.ledger.engines import Database
    from bulkq.model import Mark, PartState, RunRecord, SinkPosition

GROUP_S = 0.15
"""From the first mark of a group to its commit; with the commit itself, marks are durable within 200 ms."""

HEARTBEAT_S = 5.0
STALE_S = 30.0
"""After six missed heartbeats a process on another host counts as dead. One on this host is looked at itself."""


class StoredLedger:
    """The runs of one database.

    Args:
        database: where they are.
        release: called when it is closed: gives back the lock on the file.
    """

    keeps = True

    def __init__(self, database: Database, release: Callable[[], None]) -> None:
        self.place = database.place
        self.database = database
        self._release = release
        self._run = ""
        self._owner = ""
        self._tally: Tally | None = None
        self._pending: list[Mark] = []
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

    # --- writing --------------------------------------------------------------------------------------------------

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
            on_failure: told once, when a commit has failed, so that the run stops at once.
        """
        self._positions, self._fsync, self._on_failure = positions, fsync, on_failure

    async def begin(self, record: RunRecord, sources: Sequence[str]) -> None:
        """Record a new run; durable on return.

        Raises:
            LedgerError: it cannot be written.
        """
        await self._shielded(self._begin(record, sources))

    def mark(self, mark: Mark) -> None:
        """Take note of a batch that ended; durable at most 200 ms later.

        Raises:
            LedgerError: an earlier commit failed; nothing more may be sent.
        """
        self._raise()
        assert self._run, "begin or take_over comes before mark"
        self._pending.append(mark)
        self._wake.set()

    async def sync(self) -> None:
        """Make all marks durable now.

        Raises:
            LedgerError: it, or an earlier commit, failed.
        """
        await self._shielded(self._commit())

    async def finish(self, record: RunRecord) -> None:
        """Record how the run, or this process of it, ended; durable on return, together with all marks.

        Raises:
            LedgerError: it cannot be written.
        """
        await self._shielded(self._finish(record))

    async def close(self) -> None:
        """Make what is noted durable and let go; a second call does nothing.

        Raises:
            LedgerError: what was noted is not durable, and nobody was told before.
        """
        await self._shielded(self._close())

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
        """Drop a run and all that is known of it; the paths of its spooled sources, which nobody needs any more.

        Raises:
            RefusedError: its process is alive, or may be.
            UsageError: there is no such run.
        """
        async with self.database.writing() as connection:
            record = await reading.find(connection, run, self.place)
            await self._refuse_living(connection, record, "forget it")
            spooled = await _spools(connection, record.run)
            for table in (CHECKS, DONE, FAILURES, PARTS, POSITIONS, SPOOLS, RUNS):
                await connection.execute(delete(table).where(table.c.run == record.run))
        return spooled

    # --- reading --------------------------------------------------------------------------------------------------

    async def find(self, run: str) -> RunRecord:
        """The run whose id is, or alone begins with, `run`.

        Raises:
            UsageError: there is none, with the nearest ids; or several.
        """
        async with self.database.reading() as connection:
            return await reading.find(connection, run, self.place)

    async def beside(self, run: str) -> Sequence[tuple[str, RunRecord]]:
        """Other runs that wrote to an output of `run`, with its path, newest first."""
        async with self.database.reading() as connection:
            return await reading.beside(connection, run)

    async def retry_of(self, run: str) -> RunRecord | None:
        """The newest run that repeats what failed in `run`; None where nobody has tried."""
        async with self.database.reading() as connection:
            return await reading.retry_of(connection, run)

    async def last(self, *states: RunState) -> RunRecord:
        """The run that was started last, of those in one of `states` (none given: of all).

        Raises:
            UsageError: there is none.
        """
        async with self.database.reading() as connection:
            return await reading.newest(connection, states, self.place)

    async def recent(
        self, limit: int = 20, name: str | None = None, status: str | None = None
    ) -> tuple[RunRecord, ...]:
        """The newest runs, the newest first.

        Args:
            limit: how many at most.
            name: only runs of this name.
            status: only ok, failed, unknown, refused, stopped, or running (which may be dead: see `owner_alive`).
        """
        async with self.database.reading() as connection:
            return await reading.recent(connection, limit, name, status)

    async def state(self, run: str) -> tuple[PartState, ...]:
        """What the ledger knows of each part of the run with this id; () where nothing has ended."""
        async with self.database.reading() as connection:
            return await reading.parts(connection, run)

    async def spools(self, run: str) -> tuple[str, ...]:
        """Paths of the run's spooled sources, in the order given to `begin`."""
        async with self.database.reading() as connection:
            return await _spools(connection, run)

    async def owner_alive(self, record: RunRecord) -> bool:
        """Whether a process is, or may be, at work on this run."""
        async with self.database.reading() as connection:
            return await self._silence_s(connection, record) is not None

    # --- how ------------------------------------------------------------------------------------------------------

    async def _begin(self, record: RunRecord, sources: Sequence[str]) -> None:
        async with self._lock:
            row = rows.run_row(record) | {"heartbeat_s": self.database.now()}
            async with self.database.writing() as connection:
                if record.retry_of is not None:
                    await _refuse_second(connection, record.retry_of)
                await connection.execute(insert(RUNS).values(row))
                spools = [{"run": record.run, "place": i, "path": path} for i, path in enumerate(sources)]
                if spools:
                    await connection.execute(insert(SPOOLS), spools)
            self._follow(record, record.owner, ())

    def _follow(self, record: RunRecord, owner: str, states: Sequence[PartState]) -> None:
        self._run, self._owner = record.run, owner
        self._tally = Tally(record, states)
        self._written = {(state.part, sink.path): sink.offset for state in states for sink in state.sinks}
        self._elapsed_s, self._since_s = record.elapsed_s, time.monotonic()
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
                self._told = self._on_failure is not None  # raised here it reached nobody; the next call is told
                return

    async def _commit(self) -> None:
        async with self._lock:
            self._raise()
            if self._run:
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
                await self.database.close()
                self._release()
            if self._error is not None and not self._told:
                self._raise()

    async def _stop(self) -> None:
        """End the keeper, which is waiting: whoever commits holds the lock, and that is us."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None

    async def _write(self, final: RunRecord | None) -> None:
        """One group commit; called with the lock held."""
        assert self._tally is not None
        self._wake.clear()
        try:
            # No await between these two: what is marked is written, and what is written later is beyond the position.
            marks, self._pending = self._pending, []
            sinks = self._positions() if self._positions is not None else ()
            moved = [(part, sink) for part, sink in sinks if self._written.get((part, sink.path)) != sink.offset]
            if moved and self._fsync is not None:
                await self._fsync()
            await self._write_group(marks, moved, final)
            self._written.update({(part, sink.path): sink.offset for part, sink in moved})
        except Exception as error:  # noqa: BLE001 - whatever it was, this group is not durable and none may follow
            self._fail(error)
            self._raise()

    async def _write_group(
        self, marks: Sequence[Mark], moved: Sequence[tuple[int, SinkPosition]], final: RunRecord | None
    ) -> None:
        assert self._tally is not None
        changes = self._tally.take(marks)
        values: rows.Row = {"heartbeat_s": self.database.now()}
        if final is None:
            values |= self._tally.counts() | {"elapsed_s": self._elapsed_s + time.monotonic() - self._since_s}
        else:
            values |= {name: value for name, value in rows.run_row(final).items() if name not in {"run", "owner"}}
        positions = [{"part": part, "path": sink.path, "offset": sink.offset} for part, sink in moved]
        database, run = self.database, self._run
        async with database.writing() as connection:
            ours = update(RUNS).where(RUNS.c.run == run, RUNS.c.owner == self._owner)
            if (await connection.execute(ours.values(values))).rowcount != 1:
                raise await self._lost(connection)
            if changes.undone:
                gone = delete(DONE).where(DONE.c.part == bindparam("part"), DONE.c.first == bindparam("first"))
                await connection.execute(gone.where(DONE.c.run == run), changes.undone)
            if changes.resolved:
                gone = delete(FAILURES).where(FAILURES.c.part == bindparam("part"), FAILURES.c.n == bindparam("n"))
                await connection.execute(gone.where(FAILURES.c.run == run), changes.resolved)
            await database.upsert(connection, DONE, with_run(changes.done, run))
            await database.upsert(connection, FAILURES, with_run(changes.failures, run))
            await database.upsert(connection, PARTS, with_run(changes.parts, run))
            await database.upsert(connection, POSITIONS, with_run(positions, run))

    async def _lost(self, connection: AsyncConnection) -> LedgerError:
        owner = await connection.scalar(select(RUNS.c.owner).where(RUNS.c.run == self._run))
        if owner is None:
            return LedgerError(
                f'run {self._run} is no longer in the ledger "{self.place.shown}": somebody has forgotten it'
            )
        return TakenOver(f"run {self._run} was taken over by {owners.parse(str(owner))}: nothing more is sent")

    async def _take_over(self, run: str, owner: str) -> None:
        async with self._lock:
            async with self.database.writing() as connection:
                record = await reading.find(connection, run, self.place)
                await self._refuse_living(connection, record, f"bulkq resume {record.run}")
                taken = update(RUNS).where(RUNS.c.run == record.run, RUNS.c.owner == record.owner)
                values: rows.Row = {"owner": owner, "heartbeat_s": self.database.now()}
                if record.state is not RunState.FINISHED:  # of a finished one only the markers may be left to remove
                    values |= {"state": str(RunState.RUNNING), "ended_at": None, "exit_code": None}
                if (await connection.execute(taken.values(values))).rowcount != 1:
                    raise RefusedError(f"run {record.run} was taken over by another process in this moment")
                states = await reading.parts(connection, record.run)
            self._follow(record, owner, states)

    async def _refuse_living(self, connection: AsyncConnection, record: RunRecord, then: str) -> None:
        silent_s = await self._silence_s(connection, record)
        if silent_s is None:
            return
        owner = owners.parse(record.owner)
        if owners.life(record.owner) is owners.Life.ALIVE:
            raise RefusedError(f"run {record.run} is alive: {owner}: stop it there, then {then}")
        raise RefusedError(
            f"run {record.run} may be alive: {owner}, last heard of {silent_s:.0f}s ago: stop it there, "
            f"or wait until it has been silent for {STALE_S:g}s, then {then}"
        )

    async def _silence_s(self, connection: AsyncConnection, record: RunRecord) -> float | None:
        """Seconds since the last heartbeat of a run that is, or may be, alive; None for one that is not."""
        life = owners.life(record.owner)
        if record.state is not RunState.RUNNING or life is owners.Life.DEAD:
            return None
        query = select(self.database.now() - RUNS.c.heartbeat_s).where(RUNS.c.run == record.run)
        silent_s = float(await connection.scalar(query) or 0.0)
        return None if life is owners.Life.ELSEWHERE and silent_s > STALE_S else max(0.0, silent_s)

    def _fail(self, error: BaseException) -> None:
        self._error = error if isinstance(error, LedgerError) else LedgerError(f"an output is not durable: {error}")
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
        """Do `work` to its end even where the caller is cancelled: half a commit is none, but what it took is taken."""
        task = asyncio.create_task(work)
        self._works.add(task)
        task.add_done_callback(self._works.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_look_at)
            raise


async def _refuse_second(connection: AsyncConnection, run: str) -> None:
    """Of two retries of one run, begun at the same moment, only one does what has failed."""
    await connection.execute(select(RUNS.c.run).where(RUNS.c.run == run).with_for_update())
    other = await reading.retry_of(connection, run)
    if other is not None:
        raise RefusedError(f"run {run} is being retried by run {other.run}: bulkq retry {run} goes on from that")


async def _spools(connection: AsyncConnection, run: str) -> tuple[str, ...]:
    query = select(SPOOLS.c.path).where(SPOOLS.c.run == run).order_by(SPOOLS.c.place)
    return tuple((await connection.execute(query)).scalars())


def _look_at(task: asyncio.Task[None]) -> None:
    """An error of work that nobody waits for any more is in the ledger's own memory."""
    if not task.cancelled():
        task.exception()
