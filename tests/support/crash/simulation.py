"""A PostgreSQL in memory under a virtual clock: transactions, row locks, run row and markers, and a network that loses answers.

A double of the whole protocol `Driver` and `Connection`, so that worker and runner can be put through thousands of schedules
in seconds. What it knows of PostgreSQL is what `tests/contract/claims` shows of the real one.
"""

from __future__ import annotations

import asyncio
import re
import selectors
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner, TargetError
from bulkq.model import Capabilities, Phase, Reply, Server

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from bulkq.model import (
        AttemptSteps,
        BadValue,
        Claim,
        Column,
        Decoding,
        Limits,
        Mark,
        ParameterSet,
        Query,
        RunRecord,
        SinkPosition,
    )
    from bulkq.model.run_event import EventKind

FAULTS = (
    "cut_before", "claim_57014", "claim_40P01", "cut_in_batch", "commit_lost", "commit_late", "answer_lost", "40001", "40P01", "57014", "57P01",
)  # fmt: skip
OWNER = re.compile(r"UPDATE \S+ SET owner = '(?P<owner>[^']*)' WHERE run = '(?P<run>[^']*)'")
BEGIN = re.compile(r"INSERT INTO \S+ \(run, owner\) VALUES \('(?P<run>[^']*)', '(?P<owner>[^']*)'\)")


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer, so that nothing waits. Nothing left to wait for is an error."""

    def __init__(self) -> None:
        self._now_s = 1000.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        """Virtual seconds."""
        return self._now_s

    def jump(self, by_s: float) -> None:
        """Let time pass."""
        self._now_s += by_s


class Stuck(AssertionError):
    """Everybody waits, and nobody will ever wake them."""


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck
        self._loop.jump(max(0.0, timeout))
        return super().select(0)


@dataclass(eq=False)
class Transaction:
    """Open in the server, whoever still listens to it."""

    sets: Sequence[ParameterSet] = ()
    claim: Claim | None = None
    shares: bool = False  # has the run row's shared lock
    inserted: bool = False  # has the marker, not yet committed
    commit_sent: bool = False
    open: bool = True


@dataclass
class Database:
    """What lasts, and the transactions that are open."""

    chance: random.Random
    bad: frozenset[int] = frozenset()  # sets that a constraint refuses
    owners: dict[str, str] = field(default_factory=dict)
    markers: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    applied: Counter[ParameterSet] = field(default_factory=Counter)
    transactions: list[Transaction] = field(default_factory=list)
    orphans: set[asyncio.Task[None]] = field(default_factory=set)
    taking_over: bool = False

    def begin(self, sets: Sequence[ParameterSet], claim: Claim) -> Transaction:
        """Open a transaction."""
        made = Transaction(sets, claim)
        self.transactions.append(made)
        return made

    async def take(self, transaction: Transaction, patience_s: float) -> None:
        """The marker statement: `INSERT ... SELECT ... FOR SHARE ON CONFLICT DO NOTHING`, and why not."""
        claim = transaction.claim
        assert claim is not None
        ends_s = asyncio.get_running_loop().time() + patience_s
        while self.taking_over:
            await self._wait(ends_s)
        owner = self.owners.get(claim.run)
        if owner == claim.owner:
            transaction.shares = True
            while any(t.inserted and t.open and _key(t) == _key(transaction) for t in self.transactions):
                await self._wait(ends_s)
            if _key(transaction) not in self.markers:
                transaction.inserted = True
                return
        if owner is None:
            raise NotOwner(None, phase=Phase.CLAIMING)
        if _key(transaction) in self.markers:
            raise AlreadyApplied(*self.markers[_key(transaction)], phase=Phase.CLAIMING, ours=owner == claim.owner)
        raise NotOwner(owner, phase=Phase.CLAIMING)

    async def take_over(self, run: str, owner: str, patience_s: float) -> list[tuple[object, ...]]:
        """The update of the run row: it waits for whoever shares it, and keeps newcomers waiting."""
        ends_s = asyncio.get_running_loop().time() + patience_s
        self.taking_over = True
        try:
            while any(t.shares and t.open for t in self.transactions):
                await self._wait(ends_s)
        finally:
            self.taking_over = False
        if run not in self.owners:
            return []
        self.owners[run] = owner
        return [(run,)]

    def end(self, transaction: Transaction, *, commit: bool) -> None:
        """Commit or roll back; once."""
        if not transaction.open:
            return
        transaction.open = False
        self.transactions.remove(transaction)
        if commit:
            assert transaction.inserted
            assert transaction.claim is not None
            self.markers[_key(transaction)] = (transaction.claim.last, len(transaction.sets))
            self.applied.update(transaction.sets)
            doubled = [values for values in transaction.sets if self.applied[values] > 1]
            assert not doubled, f"applied twice: {doubled}"

    def abandon(self, transaction: Transaction) -> None:
        """Its client is gone: what it has sent takes its time, and its COMMIT, if that has arrived, its effect."""
        commit = transaction.commit_sent and transaction.inserted and self.chance.random() < 0.6
        task = asyncio.get_running_loop().create_task(self._late(transaction, commit=commit))
        self.orphans.add(task)
        task.add_done_callback(self.orphans.discard)

    async def _late(self, transaction: Transaction, *, commit: bool) -> None:
        await asyncio.sleep(self.chance.choice([0.0, 0.05, 0.5, 3.0, 8.0]))
        self.end(transaction, commit=commit)

    async def _wait(self, ends_s: float) -> None:
        if asyncio.get_running_loop().time() >= ends_s:
            raise DatabaseError("lock timeout", sqlstate="55P03", phase=Phase.CLAIMING)
        await asyncio.sleep(0.01)


def _key(transaction: Transaction) -> tuple[int, int]:
    assert transaction.claim is not None
    return transaction.claim.part, transaction.claim.first


class Process:
    """One process of bulkq: it may die at any moment, and then none of its calls has an effect any more."""

    def __init__(self, fault_rate: float, chance: random.Random) -> None:
        self.dead = False
        self._fault_rate = fault_rate
        self._chance = chance

    def check(self) -> None:
        """Nothing happens in a dead process."""
        if self.dead:
            raise asyncio.CancelledError

    def fault(self) -> str:
        """What goes wrong with this attempt; "" for nothing."""
        return self._chance.choice(FAULTS) if self._chance.random() < self._fault_rate else ""


@dataclass(eq=False)
class SimulatedStatement:
    """See `bulkq.protocols.Statement`."""

    query: Query
    columns: tuple[Column, ...] = ()
    returns_rows: bool | None = False
    parameter_types: tuple[str, ...] = ("bigint",)
    single: bool = False


class SimulatedConnection:
    """See `bulkq.protocols.Connection`."""

    server = Server("postgresql", "18.0", 180000, pid=1)

    def __init__(self, database: Database, process: Process) -> None:
        self._database = database
        self._process = process
        self._broken = False

    async def prepare(
        self, query: Query, decoding: Decoding, *, typed: bool, identifiers: Mapping[str, str]
    ) -> SimulatedStatement:
        self._process.check()
        return SimulatedStatement(query)

    async def attempt(
        self,
        statement: SimulatedStatement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        *,
        claim: Claim | None = None,
        before_commit: Callable[[int], None] | None = None,
        steps: AttemptSteps | None = None,
    ) -> Reply:
        self._process.check()
        assert claim is not None
        assert steps is None, "only plain plans are simulated"
        assert not self._broken, "a broken connection was used again"
        fault = self._process.fault()
        if fault == "cut_before":
            raise self._lost(Phase.CLAIMING)
        await asyncio.sleep(0.001)
        transaction = self._database.begin(sets, claim)
        try:
            await self._go(transaction, fault, limits, before_commit)
        except asyncio.CancelledError:
            self._database.abandon(transaction) if self._process.dead else self._database.end(transaction, commit=False)
            raise
        except DatabaseError as error:
            if error.connection_lost:
                self._database.abandon(transaction)
            else:
                self._database.end(transaction, commit=False)
            raise
        return Reply((), (), (), changed=len(sets))

    async def _go(
        self, transaction: Transaction, fault: str, limits: Limits, before_commit: Callable[[int], None] | None
    ) -> None:
        if fault.startswith("claim"):
            raise DatabaseError(fault, sqlstate=fault[6:], phase=Phase.CLAIMING)
        await self._database.take(transaction, limits.lock_timeout_s or 1e9)
        for position, values in enumerate(transaction.sets):
            await asyncio.sleep(0.002)
            if values[0] in self._database.bad:
                raise DatabaseError("no", sqlstate="23514", phase=Phase.SENT, position=position)
        if fault in {"cut_in_batch", "57P01"}:
            raise self._lost(Phase.SENT, "57P01" if fault == "57P01" else None)
        if fault in {"40001", "40P01", "57014"}:
            raise DatabaseError(fault, sqlstate=fault, phase=Phase.SENT)
        if before_commit is not None:
            before_commit(len(transaction.sets))
        if fault == "commit_lost":
            raise self._lost(Phase.COMMITTING)
        transaction.commit_sent = True
        if fault == "commit_late":
            raise self._lost(Phase.COMMITTING)
        await asyncio.sleep(0.001)
        self._database.end(transaction, commit=True)
        if fault == "answer_lost":
            raise self._lost(Phase.COMMITTING)

    def _lost(self, phase: Phase, sqlstate: str | None = None) -> DatabaseError:
        self._broken = True
        return DatabaseError(
            "connection lost",
            sqlstate=sqlstate,
            phase=phase,
            connection_lost=True,
            confirmed=phase is not Phase.COMMITTING,
        )

    async def administer(
        self, statements: Sequence[str], *, lock_timeout_s: float | None = 2.0
    ) -> list[tuple[object, ...]]:
        self._process.check()
        await asyncio.sleep(0.001)
        statement = statements[-1]
        assert all(text.startswith("SELECT pg_advisory_xact_lock") for text in statements[:-1]), statements
        if found := OWNER.match(statement):
            return await self._database.take_over(found["run"], found["owner"], lock_timeout_s or 1e9)
        if found := BEGIN.match(statement):
            self._database.owners[found["run"]] = found["owner"]
            return []
        assert statement.startswith("SELECT part, first, last, "), statement
        return [(part, first, *rest) for (part, first), rest in sorted(self._database.markers.items())]

    def stream(self, statement: SimulatedStatement, params: ParameterSet, limits: Limits) -> AsyncIterator[Reply]:
        raise NotImplementedError

    async def copy(
        self, statement: SimulatedStatement, delimiter: str, limits: Limits, write: Callable[[bytes], object]
    ) -> int:
        raise NotImplementedError

    async def check(self, statement: SimulatedStatement, sets: Sequence[ParameterSet]) -> list[BadValue]:
        return []

    async def close(self) -> None:
        """Nothing to give back."""


class SimulatedDriver:
    """See `bulkq.protocols.Driver`."""

    capabilities = Capabilities(
        name="simulated",
        pipelined=True,
        cancels=True,
        copies=False,
        describes=True,
        text_parameters=False,
        isolates_errors=False,
    )
    target = "simulated"

    def __init__(self, database: Database, process: Process, away: float = 0.0) -> None:
        self._database = database
        self._process = process
        self._away = away

    async def connect(self) -> SimulatedConnection:
        self._process.check()
        await asyncio.sleep(0.003)
        if self._database.chance.random() < self._away:
            raise TargetError("refused")
        return SimulatedConnection(self._database, self._process)


class SimulatedLedger:
    """See `bulkq.protocols.Ledger`: what was not committed dies with its process."""

    keeps = True

    def __init__(self, database: Database, process: Process, done: list[Mark]) -> None:
        self._database = database
        self._process = process
        self._done = done  # what is durable, over all processes
        self._pending: list[Mark] = []

    async def begin(
        self, record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]] = ()
    ) -> None:
        """Not needed here."""

    def mark(self, mark: Mark) -> None:
        self._process.check()
        self._pending.append(mark)

    def record_event(self, kind: EventKind, text: str, **how: object) -> None:
        """Not needed here."""

    async def confirm(self) -> None:
        self._process.check()

    async def sync(self) -> None:
        self._process.check()
        marks, self._pending = self._pending, []
        for mark in marks:
            for first, last in mark.ranges:
                missing = [n for n in range(first, last + 1) if not self._database.applied[(n,)]]
                assert not missing, f"the ledger calls done what is not applied: {missing}"
        self._done += marks

    async def keep(self) -> None:
        """Group commits, until cancelled."""
        with suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(0.15)
                await self.sync()

    async def finish(self, record: RunRecord) -> None:
        await self.sync()

    async def close(self) -> None:
        await self.sync()
