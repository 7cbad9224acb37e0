"""Exactly once, over every driver: a batch is applied with its marker or not at all, whatever is cut, killed or tried twice."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import pytest
import pytest_asyncio

from bulkq import markers
from bulkq.drivers import open_driver
from bulkq.errors import AlreadyApplied, DatabaseError, NotOwner, RefusedError
from bulkq.model import Claim, Decoding, Limits, Outcome, Phase, Query
from bulkq.model.states import ROWS_UNEXPECTED
from bulkq.policy import retry
from bulkq.query import inline
from tests.support.databases import DRIVERS, KINDS, fresh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from bulkq.protocols import Connection, Statement
    from tests.support.databases import Database
    from tests.support.servers.proxy import Proxy

T = TypeVar("T")

SCHEMA = "create table items (id integer primary key, n integer not null default 0 check (n < 1000))"
WRITES = Limits(timeout_s=20, lock_timeout_s=5, read_only=False)
IMPATIENT = replace(WRITES, lock_timeout_s=0.3)
BUMP = "update items set n = n + cast(:by as integer) where id = cast(:id as integer)"
ROWS = 400
BUSY = {"55P03", "SQLITE_BUSY", "40001"}
READ_ONLY = {"25006", "SQLITE_READONLY"}
OWNER = "host:1:it's me"
RUN = "20261122-1"


@dataclass(frozen=True)
class Target:
    """One database with the table `items`, run row and marker table, looked at from outside of the driver."""

    kind: str
    url: str
    base: Database
    tables: markers.MarkerTables

    @property
    def direct(self) -> str:
        """For asyncpg, around every pooler and proxy."""
        return self.base.url("postgresql")

    @property
    def dialect(self) -> str:
        """As `bulkq.markers` knows it."""
        return KINDS[self.base.kind].dialect

    @property
    def locks(self) -> bool:
        """Whether sessions of a server hold locks that others wait for: PostgreSQL."""
        return self.base.kind == "postgresql"

    def taking_over(self, owner: str) -> tuple[str, ...]:
        """What makes `owner` the owner of the run."""
        return markers.taking_over(self.tables, RUN, owner, self.dialect)

    def claim(self, first: int, last: int, *, owner: str = OWNER) -> Claim:
        """Of the sets from `first` to `last`."""
        return Claim(RUN, owner, 0, first, last, self.tables)

    async def fetch(self, sql: str) -> list[tuple[object, ...]]:
        """Rows of `sql`, which lasts, by the database library itself."""
        return await asyncio.to_thread(self.base.execute, sql)

    async def markers(self) -> list[tuple[object, ...]]:
        """Of each: first, last, rows."""
        quote = self.tables.markers[-1]
        return await self.fetch(f"select first, last, {quote}rows{quote} from {self.tables.markers} order by first")

    async def total(self) -> object:
        """How often the rows were changed, all together."""
        ((found,),) = await self.fetch("select sum(n) from items")
        return found

    async def connect(self, *, read_only: bool = False) -> Connection:
        """A session of the driver."""
        return await open_driver(self.url, application_name="bulkq/test", read_only=read_only).connect()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """A session that is closed at the end."""
        connection = await self.connect()
        try:
            yield connection
        finally:
            await connection.close()


async def made(kind: str, url: str, base: Database) -> Target:
    """The tables, made by the driver as a run makes them."""
    dialect = KINDS[base.kind].dialect
    schema = "public" if base.kind == "postgresql" else None
    target = Target(kind, url, base, markers.tables(schema, None, dialect))
    series = f"with recursive s(i) as (select 1 union all select i + 1 from s where i < {ROWS}) select i from s"
    await asyncio.to_thread(base.execute, SCHEMA, f"insert into items (id) {series}")
    async with target.connected() as connection:
        found = await connection.administer(
            (*markers.create(target.tables, dialect), markers.begin(target.tables, RUN, OWNER))
        )
    assert found == []
    return target


@pytest_asyncio.fixture(
    params=["pgbouncer", *(name for name, driver in DRIVERS.items() if driver.claims)],
    loop_scope="session",
)
async def target(request: pytest.FixtureRequest) -> Target:
    """A fresh database per test."""
    kind = request.param
    driver = DRIVERS["asyncpg" if kind == "pgbouncer" else kind]
    base = fresh(driver.kind, request)
    if base.kind == "sqlite":
        base.execute("pragma journal_mode = wal")
    url = base.url(driver.scheme)
    through = request.getfixturevalue("pgbouncer").through(url) if kind == "pgbouncer" else url
    return await made(kind, through, base)


@pytest_asyncio.fixture(loop_scope="session")
async def connection(target: Target) -> AsyncIterator[Connection]:
    """A session."""
    async with target.connected() as session:
        yield session


async def prepared(connection: Connection, sql: str | Query = BUMP) -> Statement:
    """Shorter to write; values are Python's."""
    query = inline(sql) if isinstance(sql, str) else sql
    return await connection.prepare(query, Decoding.PYTHON, typed=False, identifiers={})


def sets(first: int, last: int) -> list[tuple[str, str]]:
    """Each changes the row of its number by one."""
    return [("1", str(i)) for i in range(first, last + 1)]


async def apply(
    connection: Connection, target: Target, first: int, last: int, *, owner: str = OWNER, limits: Limits = WRITES
) -> int:
    """One claimed batch; the rows that it changed."""
    statement = await prepared(connection)
    claim = target.claim(first, last, owner=owner)
    return (await connection.attempt(statement, sets(first, last), limits, claim=claim)).changed


# --- claims ---------------------------------------------------------------------------------------------------------


async def test_a_batch_leaves_its_marker(connection: Connection, target: Target) -> None:
    """The change and its marker, with the number of rows, are there together; a set that finds nothing counts nothing."""
    statement = await prepared(connection)
    batch = [*sets(1, 20), ("1", "-5")]
    reply = await connection.attempt(statement, batch, WRITES, claim=target.claim(1, 21))
    assert reply.changed == 20
    assert [list(column) for column in reply.values] == [[1] * 20 + [0]]
    assert await target.total() == 20
    assert await target.markers() == [(1, 21, 20)]


async def test_a_batch_that_changes_nothing_is_applied_too(connection: Connection, target: Target) -> None:
    """Its marker says 0 rows, and a second attempt finds it."""
    statement = await prepared(connection)
    reply = await connection.attempt(statement, [("1", "-5")], WRITES, claim=target.claim(1, 1))
    assert reply.changed == 0
    with pytest.raises(AlreadyApplied) as caught:
        await connection.attempt(statement, [("1", "-5")], WRITES, claim=target.claim(1, 1))
    assert (caught.value.last, caught.value.rows) == (1, 0)


async def test_answers_of_a_claimed_write(connection: Connection, target: Target) -> None:
    """RETURNING gives its rows, and they are counted in the marker."""
    if target.dialect == "mysql":
        pytest.skip("an UPDATE gives no rows")
    statement = await prepared(connection, f"{BUMP} returning id, n")
    reply = await connection.attempt(statement, sets(1, 3), WRITES, claim=target.claim(1, 3))
    assert list(zip(reply.positions, *reply.values, strict=True)) == [(0, 1, 1), (1, 2, 1), (2, 3, 1)]
    assert await target.markers() == [(1, 3, 3)]


async def test_a_statement_that_runs_as_it_is_can_be_claimed(connection: Connection, target: Target) -> None:
    """DDL, which no driver can wrap, is applied once too."""
    statement = await prepared(connection, "create table once (a integer)")
    if target.dialect == "mysql":
        with pytest.raises(RefusedError, match="may commit by itself"):
            await connection.attempt(statement, [()], WRITES, claim=target.claim(1, 1))
        return
    await connection.attempt(statement, [()], WRITES, claim=target.claim(1, 1))
    with pytest.raises(AlreadyApplied):
        await connection.attempt(statement, [()], WRITES, claim=target.claim(1, 1))
    assert await target.markers() == [(1, 1, 0)]


async def test_the_same_claim_again_changes_nothing(connection: Connection, target: Target) -> None:
    """What the marker says comes out, also where the second batch is cut otherwise, and the session goes on."""
    await apply(connection, target, 1, 10)
    with pytest.raises(AlreadyApplied) as caught:
        await apply(connection, target, 1, 7)
    assert (caught.value.last, caught.value.rows, caught.value.phase) == (10, 10, Phase.CLAIMING)
    assert not caught.value.connection_lost
    assert caught.value.__cause__ is None
    assert await target.total() == 10
    assert await apply(connection, target, 11, 20) == 10


async def test_parts_and_firsts_are_claims_of_their_own(connection: Connection, target: Target) -> None:
    """Another part of the run has numbers of its own."""
    statement = await prepared(connection)
    for part in (0, 1):
        claim = replace(target.claim(1, 5), part=part)
        await connection.attempt(statement, sets(1, 5), WRITES, claim=claim)
    assert await target.total() == 10


async def test_another_owner_gets_nothing(connection: Connection, target: Target) -> None:
    """Who has lost the run is told who has it, and changes nothing; what is applied is said first."""
    await apply(connection, target, 1, 10)
    with pytest.raises(NotOwner) as caught:
        await apply(connection, target, 11, 20, owner="other:2")
    assert (caught.value.owner, caught.value.phase) == (OWNER, Phase.CLAIMING)
    with pytest.raises(AlreadyApplied):
        await apply(connection, target, 1, 10, owner="other:2")
    assert await target.total() == 10
    assert await target.markers() == [(1, 10, 10)]


async def test_a_run_that_is_gone_gets_nothing(connection: Connection, target: Target) -> None:
    """After the end of a run its claims are refused without an owner."""
    await apply(connection, target, 1, 10)
    assert await connection.administer(markers.remove(target.tables, RUN)) == []
    with pytest.raises(NotOwner) as caught:
        await apply(connection, target, 1, 10)
    assert caught.value.owner is None
    assert await target.total() == 10


async def test_a_failing_set_leaves_neither_marker_nor_change(connection: Connection, target: Target) -> None:
    """A batch is whole or not there, and its sets can be claimed again."""
    statement = await prepared(connection)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, [("1", "1"), ("5000", "2"), ("1", "3")], WRITES, claim=target.claim(1, 3))
    assert (caught.value.position, caught.value.phase) == (1, Phase.SENT)
    assert await target.total() == 0
    assert await target.markers() == []
    assert await apply(connection, target, 1, 3) == 3


async def test_missing_tables_are_nobodys_fault(connection: Connection, target: Target) -> None:
    """The error is in the claim: no set of the user's is the culprit."""
    statement = await prepared(connection)
    claim = replace(target.claim(1, 1), tables=markers.tables(None, "nosuch"))
    with pytest.raises(DatabaseError, match="nosuch") as caught:
        await connection.attempt(statement, [("1", "1")], WRITES, claim=claim)
    assert (caught.value.phase, caught.value.position) == (Phase.CLAIMING, None)
    assert not caught.value.connection_lost
    assert await apply(connection, target, 1, 1) == 1


async def test_claims_are_for_writes_in_a_transaction(connection: Connection, target: Target) -> None:
    """Anything else is a mistake in the program."""
    statement = await prepared(connection)
    with pytest.raises(AssertionError):
        await connection.attempt(statement, sets(1, 1), replace(WRITES, read_only=True), claim=target.claim(1, 1))
    assert await target.total() == 0


# --- rivals ---------------------------------------------------------------------------------------------------------


async def test_two_at_once_apply_once(target: Target) -> None:
    """Of rivals with the same claim exactly one applies it, and the others wait and learn that."""

    async def rival(connection: Connection) -> list[int]:
        done = []
        for first in range(1, 101, 10):
            try:
                done.append(await apply(connection, target, first, first + 9))
            except AlreadyApplied as error:
                assert (error.last, error.rows) == (first + 9, 10)
        return done

    connections = [await target.connect() for _ in range(3)]
    done = await asyncio.gather(*map(rival, connections))
    assert sum(map(len, done)) == 10
    assert await target.total() == 100
    assert [rows for _, _, rows in await target.markers()] == [10] * 10
    for connection in connections:
        await connection.close()


class Held:
    """A batch that has been applied and waits, before its COMMIT, until it is let go."""

    def __init__(self, connection: Connection, target: Target) -> None:
        self._loop = asyncio.get_running_loop()
        self.reached = asyncio.Event()
        self.release = threading.Event()
        self._connection, self._target = connection, target

    def before_commit(self, changed: int) -> None:
        """SQLite's: in the thread."""
        self._loop.call_soon_threadsafe(self.reached.set)
        assert self.release.wait(10)

    async def run(self) -> int:
        """The batch 1 to 10."""
        statement = await prepared(self._connection)
        reply = await self._connection.attempt(
            statement, sets(1, 10), WRITES, claim=self._target.claim(1, 10), before_commit=self.before_commit
        )
        return reply.changed


@asynccontextmanager
async def open_claim(target: Target, owner: str = OWNER) -> AsyncIterator[None]:
    """Somebody's transaction with the marker of the batch 1 to 10, open inside; it commits at the end."""
    if not target.locks:
        async with target.connected() as connection:
            held = Held(connection, target)
            task = asyncio.create_task(held.run())
            await held.reached.wait()
            try:
                yield
            finally:
                held.release.set()
            assert await task == 10
        return
    session = await asyncpg.connect(target.direct, server_settings={"application_name": "bulkq/rival"})
    await session.execute("BEGIN")
    assert await session.execute(markers.claim(target.claim(1, 10, owner=owner), "postgres")) == "INSERT 0 1"
    await session.execute("update items set n = n + 1 where id between 1 and 10")
    await session.execute(markers.count(target.claim(1, 10), 10))
    yield
    await session.execute("COMMIT")
    await session.close()


async def test_an_open_rival_is_waited_for(connection: Connection, target: Target) -> None:
    """A claim waits for the lock timeout, says in which phase and for whom, and may be repeated until the rival ends."""
    async with open_claim(target):
        with pytest.raises(DatabaseError) as caught:
            await apply(connection, target, 1, 10, limits=IMPATIENT)
        assert caught.value.phase is Phase.CLAIMING
        assert caught.value.sqlstate in BUSY
        assert (caught.value.position, caught.value.connection_lost) == (None, False)
        if target.kind in {"asyncpg", "pgbouncer"}:
            assert "(bulkq/rival" in (caught.value.hint or "")
        waiting = asyncio.create_task(apply(connection, target, 1, 10))
        _, late = await asyncio.wait([waiting], timeout=0.2)
        assert late
    with pytest.raises(AlreadyApplied) as applied:
        await waiting
    assert (applied.value.last, applied.value.rows) == (10, 10)
    assert await target.total() == 10


async def test_taking_over_waits_for_open_claims(connection: Connection, target: Target) -> None:
    """A new owner comes after every transaction of the old one, sees their markers, and none can follow."""
    take = target.taking_over("new:3")
    async with open_claim(target):
        with pytest.raises(DatabaseError) as caught:
            await connection.administer(take, lock_timeout_s=0.3)
        assert caught.value.sqlstate in BUSY
        assert not caught.value.connection_lost
        if target.kind in {"asyncpg", "pgbouncer"}:
            assert "(bulkq/rival" in (caught.value.hint or "")
        assert await target.fetch(markers.owners(target.tables, RUN)) == [(OWNER,)]
        taking = asyncio.create_task(connection.administer(take, lock_timeout_s=None))
        _, late = await asyncio.wait([taking], timeout=0.2)
        assert late
    assert await taking == [(RUN,)]
    assert await connection.administer([markers.applied(target.tables, RUN)]) == [(0, 1, 10, 10)]
    async with target.connected() as old:
        with pytest.raises(NotOwner) as refused:
            await apply(old, target, 11, 20)
        assert refused.value.owner == "new:3"
    assert await apply(connection, target, 11, 20, owner="new:3") == 10
    assert await target.total() == 20


async def test_taking_over_leaves_other_runs_alone(connection: Connection, target: Target) -> None:
    """An open batch of another run is not waited for, and while the takeover waits, other runs go on."""
    if not target.locks:
        pytest.skip("a transaction locks more than a row there, or nothing")
    other = replace(target.claim(1, 10), run="another")
    await connection.administer([markers.begin(target.tables, "another", OWNER)])
    session = await asyncpg.connect(target.direct)
    await session.execute("BEGIN")
    for statement in markers.claiming(other, "postgres"):
        await session.execute(statement)
    assert await connection.administer(target.taking_over("new:3"), lock_timeout_s=0.5) == [(RUN,)]
    async with open_claim(target, owner="new:3"), target.connected() as busy:
        taking = asyncio.create_task(connection.administer(target.taking_over("new:4"), lock_timeout_s=None))
        _, late = await asyncio.wait([taking], timeout=0.2)
        assert late
        statement = await prepared(busy)
        reply = await busy.attempt(statement, sets(11, 20), IMPATIENT, claim=replace(other, first=11, last=20))
        assert reply.changed == 10
    assert await taking == [(RUN,)]
    await session.execute("ROLLBACK")
    await session.close()


async def test_a_busy_owner_lets_a_takeover_through(connection: Connection, target: Target) -> None:
    """Its batches overlap without end; the takeover comes in the order of asking, and the next batch is refused."""
    if not target.locks:
        pytest.skip("no shared locks that newcomers get past a waiting update")
    firsts = itertools.count(1)

    async def busy() -> None:
        async with target.connected() as lane:
            statement = await prepared(
                lane,
                "update items set n = n + cast(:by as integer) where id = cast(:id as integer) and pg_sleep(0.3) is not null",
            )
            for first in firsts:
                await lane.attempt(statement, sets(first, first), WRITES, claim=target.claim(first, first))

    lanes = []
    for _ in range(4):
        lanes.append(asyncio.create_task(busy()))
        await asyncio.sleep(0.08)  # so that they overlap
    before = len(await target.markers())
    assert await connection.administer(target.taking_over("new:3"), lock_timeout_s=3) == [(RUN,)]
    assert len(await target.markers()) - before <= 2 * len(lanes), "those that were open, and who asked before it"
    done, _ = await asyncio.wait(lanes, timeout=5)
    assert len(done) == len(lanes)
    assert all(isinstance(lane.exception(), NotOwner) for lane in done)


async def test_a_claim_waits_for_a_takeover(target: Target) -> None:
    """While somebody takes the run over, the old owner's claims wait; afterwards they are refused."""
    if not target.locks:
        pytest.skip("a takeover cannot be held open from outside")
    session = await asyncpg.connect(target.direct)
    await session.execute("BEGIN")
    await session.execute(markers.take_over(target.tables, RUN, "new:3"))
    async with target.connected() as connection:
        waiting = asyncio.create_task(apply(connection, target, 1, 10))
        _, late = await asyncio.wait([waiting], timeout=0.2)
        assert late
        await session.execute("COMMIT")
        with pytest.raises(NotOwner):
            await waiting
    await session.close()
    assert await target.total() == 0


# --- before COMMIT --------------------------------------------------------------------------------------------------


class Stop(Exception):
    """The caller's."""


async def test_before_commit_is_told_what_was_changed(connection: Connection, target: Target) -> None:
    """Its exception comes out as it is, and the batch was never there; without one it is committed."""
    told: list[int] = []

    def stop(changed: int) -> None:
        told.append(changed)
        raise Stop("too many")

    statement = await prepared(connection)
    claim = target.claim(1, 30)
    with pytest.raises(Stop, match="too many"):
        await connection.attempt(statement, sets(1, 30), WRITES, claim=claim, before_commit=stop)
    assert told == [30]
    assert await target.total() == 0
    assert await target.markers() == []
    await connection.attempt(statement, sets(1, 30), WRITES, claim=claim, before_commit=told.append)
    assert told == [30, 30]
    assert await target.total() == 30


async def test_before_commit_may_raise_what_we_raise(connection: Connection, target: Target) -> None:
    """Also an error of our own is passed on untouched, and reads are not asked."""
    ours = DatabaseError("mine", sqlstate=None, phase=Phase.CONNECTING)

    def stop(_changed: int) -> None:
        raise ours

    statement = await prepared(connection)
    with pytest.raises(DatabaseError) as caught:
        await connection.attempt(statement, sets(1, 3), WRITES, before_commit=stop)
    assert caught.value is ours
    assert (ours.phase, ours.position, ours.connection_lost) == (Phase.CONNECTING, None, False)
    look = await prepared(connection, "select id from items where id = cast(:id as integer)")
    reply = await connection.attempt(look, [("1",)], replace(WRITES, read_only=True), before_commit=stop)
    assert [list(column) for column in reply.values] == [[1]]


@pytest.mark.parametrize("sql", [BUMP, f"{BUMP} returning id"])
async def test_expected_rows(connection: Connection, target: Target, sql: str) -> None:
    """The first set that changes another number of rows than expected undoes the batch and is named."""
    if target.dialect == "mysql" and "returning" in sql:
        pytest.skip("an UPDATE gives no rows")
    statement = await prepared(connection, sql)
    limits = replace(WRITES, expect_rows=1)
    with pytest.raises(DatabaseError, match=r"^changed 0 rows, 1 expected$") as caught:
        await connection.attempt(
            statement, [*sets(1, 4), ("1", "-1"), *sets(5, 6), ("1", "-2")], limits, claim=target.claim(1, 8)
        )
    assert (caught.value.sqlstate, caught.value.position, caught.value.phase) == (ROWS_UNEXPECTED, 4, Phase.SENT)
    assert not caught.value.connection_lost
    assert await target.markers() == []
    assert (await connection.attempt(statement, sets(1, 6), limits, claim=target.claim(1, 6))).changed == 6
    with pytest.raises(DatabaseError, match=r"^changed 1 row, 2 expected$") as caught:
        await connection.attempt(statement, sets(1, 6), replace(WRITES, expect_rows=2))
    assert caught.value.position == 0
    assert await target.total() == 6


async def test_expected_rows_of_sets_that_were_sorted(connection: Connection, target: Target) -> None:
    """Where the driver sorts, the position is still the set's own."""
    statement = await prepared(connection)
    limits = replace(WRITES, expect_rows=1, ordered=False)
    with pytest.raises(DatabaseError, match="changed 0 rows") as caught:
        await connection.attempt(statement, [("1", "9"), ("1", "8"), ("1", "-7"), ("1", "1")], limits)
    assert caught.value.position == 2


async def test_reads_expect_nothing(connection: Connection) -> None:
    """A read changes no rows, and is not asked to."""
    statement = await prepared(connection, "select id from items where id = cast(:id as integer)")
    limits = replace(WRITES, expect_rows=1, read_only=True)
    assert len((await connection.attempt(statement, [("1",), ("-1",)], limits)).positions) == 1


# --- our own statements ---------------------------------------------------------------------------------------------


async def test_our_statements_are_one_transaction(connection: Connection, target: Target) -> None:
    """All or nothing; the first that fails is the error, and the session goes on."""
    other = markers.begin(target.tables, "other", OWNER)
    with pytest.raises(DatabaseError) as caught:
        await connection.administer([other, other])
    assert caught.value.phase is Phase.SENT
    assert str(caught.value.sqlstate).startswith(("23", "SQLITE_CONSTRAINT"))
    assert not caught.value.connection_lost
    assert await connection.administer([other, markers.owners(target.tables, "other")]) == [(OWNER,)]
    assert await connection.administer(markers.taking_over(target.tables, "nosuch", "x", target.dialect)) == []


async def test_a_read_only_session_may_look(target: Target) -> None:
    """Whoever may not write can still ask who owns a run."""
    connection = await target.connect(read_only=True)
    assert await connection.administer([markers.owners(target.tables, RUN)]) == [(OWNER,)]
    with pytest.raises(DatabaseError) as caught:
        await connection.administer(target.taking_over("x"))
    assert caught.value.sqlstate in READ_ONLY
    await connection.close()
    assert await target.fetch(markers.owners(target.tables, RUN)) == [(OWNER,)]


async def test_no_setting_is_left_behind(connection: Connection, target: Target) -> None:
    """What an administering or claiming transaction sets ends with it."""
    if target.kind not in {"asyncpg", "pgbouncer"}:
        pytest.skip("asyncpg's")
    names = "synchronous_commit", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"
    items = ", ".join(f"current_setting('{name}')" for name in names)
    before = await target.fetch(f"select {items}")
    await apply(connection, target, 1, 2)
    async with target.connected() as session:
        await session.administer([markers.owners(target.tables, RUN)])
    for _ in range(12):
        stranger = await asyncpg.connect(target.url, statement_cache_size=0)
        assert [tuple(await stranger.fetchrow(f"select {items}"))] == before
        await stranger.close()


# --- what is cut ----------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(target: Target, proxy: Proxy) -> Target:
    """The target through a network that can be broken."""
    if target.kind != "asyncpg":
        pytest.skip("the proxy stands before the server itself")
    return replace(target, url=proxy.through(target.url))


async def test_a_lost_answer_of_commit(broken: Target, target: Target, proxy: Proxy) -> None:
    """The commit happened, nobody told us: unknown, until the same claim settles it."""
    async with broken.connected() as connection:
        await apply(connection, target, 1, 10)
        proxy.cut_after_commit()
        with pytest.raises(DatabaseError) as caught:
            await apply(connection, target, 11, 20)
    assert (caught.value.phase, caught.value.connection_lost) == (Phase.COMMITTING, True)
    assert retry.outcome(caught.value, transaction=True) is Outcome.UNKNOWN
    async with broken.connected() as again:
        with pytest.raises(AlreadyApplied) as applied:
            await apply(again, target, 11, 20)
    assert (applied.value.last, applied.value.rows) == (20, 10)
    assert await target.total() == 20


@pytest.mark.parametrize("text", [b"INSERT INTO", b"COMMIT\0"])
async def test_cut_before_commit(broken: Target, target: Target, proxy: Proxy, text: bytes) -> None:
    """What never reached the server is applied once by the next attempt."""
    async with broken.connected() as connection:
        await prepared(connection)
        proxy.cut_before(text)
        with pytest.raises(DatabaseError) as caught:
            await apply(connection, target, 1, 10)
    phase = Phase.COMMITTING if text.startswith(b"COMMIT") else Phase.CLAIMING
    assert (caught.value.phase, caught.value.connection_lost) == (phase, True)
    async with broken.connected() as again:
        assert await apply(again, target, 1, 10) == 10
    assert await target.total() == 10
    assert await target.markers() == [(1, 10, 10)]


async def test_cut_anywhere(broken: Target, target: Target, proxy: Proxy) -> None:
    """Whichever byte was the last, repeating the claim applies the batch once."""
    random.seed(20261122)
    for first in range(1, ROWS, 10):
        while True:
            async with broken.connected() as connection:
                await prepared(connection)
                side = random.choice(["server", "client"])
                proxy.cut_after_bytes(random.randrange(1, 1200), side)
                try:
                    await apply(connection, target, first, first + 9)
                except AlreadyApplied as error:
                    assert (error.last, error.rows) == (first + 9, 10)
                except DatabaseError as error:
                    assert error.connection_lost
                    await proxy.resume()
                    continue
                await proxy.resume()
                break
    assert await target.total() == ROWS
    assert len(await target.markers()) == ROWS // 10


async def test_administering_says_when_nobody_knows(broken: Target, target: Target, proxy: Proxy) -> None:
    """A lost answer of its COMMIT is in the phase; a cut before it is not."""
    async with broken.connected() as connection:
        proxy.cut_after_commit()
        with pytest.raises(DatabaseError) as caught:
            await connection.administer([markers.begin(target.tables, "other", OWNER)])
        assert (caught.value.phase, caught.value.connection_lost) == (Phase.COMMITTING, True)
    async with broken.connected() as connection:
        assert await connection.administer([markers.owners(target.tables, "other")]) == [(OWNER,)]
        proxy.cut_before(b"synchronous_commit")
        with pytest.raises(DatabaseError) as caught:
            await connection.administer([markers.remove(target.tables, "other")[1]])
        assert (caught.value.phase, caught.value.connection_lost) == (Phase.SENT, True)


# --- what is called back --------------------------------------------------------------------------------------------


WAIT_AT_COMMIT = """\
create function wait() returns trigger language plpgsql as 'begin perform pg_sleep(0.6); return null; end';
create constraint trigger w after update on items deferrable initially deferred for each row
when (new.id = 1) execute function wait()"""


@asynccontextmanager
async def committing(
    target: Target, work: Callable[[], Coroutine[object, object, T]]
) -> AsyncIterator[asyncio.Task[T]]:
    """`work` as a task that is in the middle of a COMMIT."""
    if target.kind not in {"asyncpg", "pgbouncer"}:
        pytest.skip("has no triggers at COMMIT")
    session = await asyncpg.connect(target.direct)
    await session.execute(WAIT_AT_COMMIT)
    task = asyncio.create_task(work())
    asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
    while not await session.fetchval(asleep):
        await asyncio.sleep(0.01)
    await session.close()
    yield task


async def test_called_back_during_a_slow_commit(target: Target) -> None:
    """A commit that takes its time is waited for, and its reply is given: who was called back knows from `cancelling`."""

    async def work() -> tuple[int, int]:
        async with target.connected() as connection:
            changed = await apply(connection, target, 1, 10)
            task = asyncio.current_task()
            assert task is not None
            return changed, task.cancelling()

    async with committing(target, work) as task:
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()
        assert await task == (10, 2)
    assert await target.total() == 10
    assert await target.markers() == [(1, 10, 10)]


async def test_called_back_during_an_endless_commit(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer within the grace: the outcome is unknown and says so, and the same claim settles it."""
    monkeypatch.setattr("bulkq.drivers.asyncpg.commit.GRACE_S", 0.2)

    async def work() -> None:
        async with target.connected() as connection:
            await apply(connection, target, 1, 10)

    async with committing(target, work) as task:
        task.cancel()
        with pytest.raises(DatabaseError, match="no answer within") as caught:
            await task
    error = caught.value
    assert (error.phase, error.confirmed, error.connection_lost) == (Phase.COMMITTING, False, True)
    assert (error.pid is None) is (target.kind == "pgbouncer")
    assert retry.outcome(error, transaction=True) is Outcome.UNKNOWN
    async with target.connected() as again:
        try:
            assert await apply(again, target, 1, 10) == 10
        except AlreadyApplied as applied:
            assert (applied.last, applied.rows) == (10, 10)
    assert await target.total() == 10


async def test_called_back_at_any_moment(target: Target) -> None:
    """Many times: what was told to be applied is applied, nothing else is, and what was changed is what the markers say."""
    random.seed(7)
    connection = await target.connect()
    applied, cancelled, unknown = {1, 3}, 0, set()
    for first in sorted(applied):  # the second one tells how long they take
        began_s = time.monotonic()
        await apply(connection, target, first, first + 1)
        usual_s = time.monotonic() - began_s
    times = 200 if target.kind in {"asyncpg", "pgbouncer", "aiosqlite"} else 60
    for number in range(3, times + 1):
        first = 2 * number - 1
        task = asyncio.create_task(apply(connection, target, first, first + 1))
        await asyncio.sleep(random.random() * 1.5 * usual_s)
        task.cancel()
        await asyncio.wait([task])
        if task.cancelled():
            cancelled += 1
        elif (error := task.exception()) is None:
            applied.add(first)
        else:
            assert isinstance(error, DatabaseError)
            assert error.phase is Phase.COMMITTING
            unknown.add(first)
        if not await usable(connection):
            await connection.close()
            connection = await target.connect()
    await connection.close()
    found = {first for first, _, rows in await target.markers() if rows == 2}
    assert applied <= found <= applied | unknown
    assert len(await target.markers()) == len(found)
    assert await target.total() == 2 * len(found)
    assert cancelled


async def usable(connection: Connection) -> bool:
    """Whether the session still answers."""
    try:
        statement = await prepared(connection, "select 7 as n")
        reply = await connection.attempt(statement, [()], replace(WRITES, read_only=True))
    except DatabaseError as error:
        assert error.connection_lost
        return False
    assert [list(column) for column in reply.values] == [[7]]
    return True
