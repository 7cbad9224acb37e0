"""What every ledger promises, over every ledger: SQLite through SQLAlchemy and without it, PostgreSQL direct and pooled, and none."""

from __future__ import annotations

import asyncio
import random
import re
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from bulkq.errors import LedgerError, LedgerNewer, RefusedError, UsageError
from bulkq.ledger import (
    LedgerMissing,
    NoLedger,
    file_writer,
    new_owner,
    open_ledger,
    open_recorder,
    owners,
    recorder,
    store,
    takeover,
)
from bulkq.ledger.maintenance import check, current, upgrade
from bulkq.ledger.redact_message import shape_of
from bulkq.ledger.revision import HEAD
from bulkq.ledger.store import StoredLedger
from bulkq.model import Failure, Mark, Outcome, RunRecord, RunState, SinkPosition, SourcePosition
from bulkq.policy.ranges import Ranges
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from bulkq.protocols import Ledger
    from tests.support.servers.pgbouncer import PgBouncer

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


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place without a ledger."""
    if request.param in {"sqlite", "without"}:
        return str(tmp_path / ("ledger.db" if request.param == "sqlite" else WITHOUT))
    database: str = request.getfixturevalue("database")
    if request.param == "pgbouncer":
        pool: PgBouncer = request.getfixturevalue("pgbouncer")
        return pool.through(database)
    return database


class WithoutSQLAlchemy(StoredLedger):
    """Reads as every ledger in a file, and writes as a new run does."""

    def __init__(self, stored: StoredLedger, file: file_writer.File) -> None:
        super().__init__(stored.database, release=lambda: None)
        self._stored = stored
        self._rows = file_writer.DirectRows(stored.place, file)

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
            file = await asyncio.to_thread(file_writer.find, ledger.place)
            assert file is not None
            ledger = WithoutSQLAlchemy(ledger, file)
        try:
            yield ledger
        finally:
            await ledger.close()

    return manager()


# --- every ledger ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*KINDS, "none"])
async def test_a_run_goes_through_every_ledger(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Begin, mark, sync, finish, close; and close once more."""
    ledger: Ledger = NoLedger()
    if kind in {"sqlite", "without"}:
        ledger = await open_ledger(f"sqlite:///{tmp_path}/l.db")
        if kind == "without":
            await ledger.close()
            ledger = await open_recorder(f"sqlite:///{tmp_path}/l.db")
            assert not isinstance(ledger, StoredLedger)
    elif kind != "none":
        database = request.getfixturevalue("database")
        through = request.getfixturevalue("pgbouncer").through(database) if kind == "pgbouncer" else database
        ledger = await open_ledger(through)
    run = record()
    await ledger.begin(run, ["/spool/a"])
    ledger.mark(Mark(0, ((1, 10),), source=position(10)))
    await ledger.sync()
    await ledger.finish(ended(run, ok=10))
    await ledger.close()
    await ledger.close()


# --- what is kept ---------------------------------------------------------------------------------------------------


async def test_begin_is_durable_on_return(url: str) -> None:
    """Another connection sees all of the record, but no password, before anything is sent."""
    run = record(retry_of="01kb4w0001")
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(run, ["/spool/b", "/spool/a"])
        found = await other.find(run.run)
        assert found == replace(run, targets=("postgresql://me:***@db/app", "sqlite:///app.db"))
        assert await other.spools(run.run) == ("/spool/b", "/spool/a")
        assert await other.state(run.run) == ()
        assert await other.owner_alive(found)


async def test_marks_are_durable_within_the_group_time(url: str) -> None:
    """Nobody waits for it, and 200 ms after the mark another process knows; counts are live."""
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(record(), [])
        await asyncio.sleep(0.05)
        start = time.monotonic()
        for n in range(0, 100, 10):
            ledger.mark(Mark(0, ((n + 1, n + 9),), (failure(n + 10),), changed=9, source=position(n + 10)))
        while not await other.state("01kb4x0001"):
            assert time.monotonic() - start < 2.0  # 0.2 s, on a machine that does nothing else
            await asyncio.sleep(0.01)
        (part,) = await other.state("01kb4x0001")
        assert part.done[0] == (1, 9)
        assert len(part.failures) == 10
        known = await other.find("01kb4x0001")
        assert (known.ok, known.failed, known.changed) == (90, 10, 90)
        assert known.elapsed_s > 0


async def test_sync_and_state_bring_back_what_was_marked(url: str) -> None:
    """Ranges are merged, positions are behind nothing that is missing, failures keep all but values and hints."""
    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        ledger.mark(Mark(1, ((1, 5),), source=position(5)))
        ledger.mark(Mark(1, ((11, 15),), source=position(15)))
        ledger.mark(Mark(0, ((1, 3), (5, 6)), (failure(4, outcome=Outcome.UNKNOWN),), changed=5, unanswered=2))
        await ledger.sync()
        first, second = await ledger.state("01kb4x0001")
        assert (first.part, first.done, first.source, first.sinks) == (0, ((1, 3), (5, 6)), None, ())
        assert first.failures == (replace(failure(4, outcome=Outcome.UNKNOWN), params={}, hint=None),)
        assert (second.part, second.done, second.source) == (1, ((1, 5), (11, 15)), position(5))
        ledger.mark(Mark(1, ((6, 10),), source=position(10)))
        await ledger.sync()
        assert (await ledger.state("01kb4x0001"))[1].done == ((1, 15),)
        assert (await ledger.state("01kb4x0001"))[1].source == position(15)
        known = await ledger.find("01kb4x0001")
        assert (known.ok, known.failed, known.unknown, known.changed, known.unanswered) == (20, 0, 1, 5, 2)


async def test_runs_that_wrote_to_one_output_know_of_each_other(url: str) -> None:
    """The ledger tells which other runs had an output of a run, newest first."""
    for at, paths in ((1, ["a", "b"]), (2, ["b"]), (3, ["c"]), (4, ["a"])):
        async with opened(url) as ledger:
            await ledger.begin(
                replace(record(), run=f"01kb4x000{at}", started_at=f"2026-11-22T13:00:0{at}.000+00:00"), []
            )
            ledger.attach(positions=lambda paths=paths: [(1, SinkPosition(path, 7)) for path in paths])
            await ledger.sync()
            if at == 4:
                beside = await ledger.beside("01kb4x0001")
                assert [(path, other.run) for path, other in beside] == [("a", "01kb4x0004"), ("b", "01kb4x0002")]
                assert await ledger.beside("01kb4x0003") == []


async def test_finish_keeps_marks_and_record_together(url: str) -> None:
    """What was noted a moment ago is there, and the record is the caller's."""
    run = record()
    async with opened(url) as ledger:
        await ledger.begin(run, [])
        ledger.mark(Mark(0, ((1, 9),)))
        end = ended(run, RunState.STOPPED, 5, ok=9, skipped=4, retried=2, elapsed_s=1.5)
        await ledger.finish(end)
        found = await ledger.find(run.run)
        assert replace(found, targets=end.targets) == end
        assert (await ledger.state(run.run))[0].done == ((1, 9),)
        assert not await ledger.owner_alive(found)


async def test_close_keeps_what_was_noted(url: str) -> None:
    """Also without `finish`: the process may be about to end."""
    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        ledger.mark(Mark(0, ((1, 9),)))
    async with opened(url) as ledger:
        assert (await ledger.state("01kb4x0001"))[0].done == ((1, 9),)


async def test_any_order_of_marks_is_the_same_in_the_end(url: str) -> None:
    """Groups of any size in any order: rows are merged ranges, the source is at the end of the complete part."""
    chance = random.Random(7)
    batches = [(n, n + 9) for n in range(1, 2000, 10)]
    chance.shuffle(batches)
    marked = Ranges()
    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        for at in range(0, len(batches), 25):
            for first, last in batches[at : at + 25]:
                ledger.mark(Mark(0, ((first, last),), source=position(last)))
                marked.add(first, last)
            await ledger.sync()
            (part,) = await ledger.state("01kb4x0001")
            assert part.done == tuple(marked)
            assert part.source == (position(marked.prefix) if marked.prefix else None)


# --- outputs --------------------------------------------------------------------------------------------------------


async def test_positions_are_those_of_the_moment_of_the_marks(url: str) -> None:
    """Positions hold at least the marks of their commit, are fsynced before it, and what comes later is beyond them."""
    events: list[str] = []
    size = 0

    def positions() -> list[tuple[int, SinkPosition]]:
        events.append(f"at {size}")
        return [(0, SinkPosition("out.csv", size))]

    async def fsync() -> None:
        nonlocal size
        events.append("fsync")
        size += 100
        ledger.mark(Mark(0, ((11, 20),)))  # a lane goes on while the disk works

    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        ledger.attach(positions=positions, fsync=fsync)
        size = 10
        ledger.mark(Mark(0, ((1, 10),)))
        await ledger.sync()
        (part,) = await ledger.state("01kb4x0001")
        assert (part.done, part.sinks) == (((1, 10),), (SinkPosition("out.csv", 10),))
        assert events[:2] == ["at 10", "fsync"]
        ledger.attach()
        await ledger.sync()
        assert (await ledger.state("01kb4x0001"))[0].done == ((1, 20),)


async def test_an_output_that_does_not_get_durable_stops_the_run(url: str) -> None:
    """Marks whose rows may be lost are not kept; the run is told once and can send nothing more."""
    told: list[LedgerError] = []

    async def fsync() -> None:
        raise OSError(5, "input/output error")

    ledger = await open_ledger(url)
    await ledger.begin(record(), [])
    ledger.attach(positions=lambda: [(0, SinkPosition("o", 1))], fsync=fsync, on_failure=told.append)
    ledger.mark(Mark(0, ((1, 10),)))
    with pytest.raises(LedgerError, match="could not be synced"):
        await ledger.sync()
    assert len(told) == 1
    with pytest.raises(LedgerError):
        ledger.mark(Mark(0, ((11, 12),)))
    with pytest.raises(LedgerError):
        await ledger.finish(ended(record()))
    await ledger.close()
    async with opened(url) as again:
        assert await again.state("01kb4x0001") == ()


async def test_a_failed_group_is_told_without_being_asked(url: str) -> None:
    """The keeper's own commit fails: `on_failure` is called; who did not ask for that is told when closing."""
    told = asyncio.Event()
    ledger = await open_ledger(url)
    await ledger.begin(record(), [])
    ledger.attach(positions=lambda: 1 / 0, on_failure=lambda _: told.set())  # type: ignore[arg-type, return-value]
    ledger.mark(Mark(0, ((1, 10),)))
    await asyncio.wait_for(told.wait(), 5)
    await ledger.close()
    silent = await open_ledger(url)
    await silent.begin(record("01kb4x0002"), [])
    silent.attach(positions=lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    silent.mark(Mark(0, ((1, 10),)))
    await asyncio.sleep(recorder.GROUP_S * 2)
    with pytest.raises(LedgerError):
        await silent.close()


# --- finding --------------------------------------------------------------------------------------------------------


async def test_runs_are_found_by_the_beginning_of_their_id(url: str) -> None:
    """One that fits is it; several and none are one line with ids."""
    async with opened(url) as ledger:
        with pytest.raises(UsageError, match="the ledger has no runs yet"):
            await ledger.find("01kb")
        with pytest.raises(UsageError, match="no run in the ledger"):
            await ledger.last()
        for n, run in enumerate(("01kb4x0001", "01kb4x0002", "01kb5y")):
            await ledger.begin(record(run, started_at=f"2026-11-22T10:00:0{n}Z"), [])
            await ledger.finish(ended(record(run, started_at=f"2026-11-22T10:00:0{n}Z"), exit_code=n))
        assert (await ledger.find(" 01KB5 ")).run == "01kb5y"
        assert (await ledger.find("01kb4x0001")).run == "01kb4x0001"
        with pytest.raises(UsageError, match="several runs: 01kb4x0002, 01kb4x0001"):
            await ledger.find("01kb4")
        with pytest.raises(UsageError, match="did you mean 01kb4x0001"):
            await ledger.find("01kb4y0001")
        for nonsense in ("%", "_", "", "zzz"):
            with pytest.raises(UsageError, match="no run"):
                await ledger.find(nonsense)


async def test_runs_are_listed_the_newest_first(url: str) -> None:
    """By name, by how they ended, and so many."""
    async with opened(url) as ledger:
        for n, code in enumerate((0, 1, 3, 4, 5, 130)):
            run = record(f"01kb4x000{n}", started_at=f"2026-11-22T10:00:0{n}Z", name="even" if n % 2 == 0 else "odd")
            await ledger.begin(run, [])
            await ledger.finish(ended(run, RunState.FINISHED if code in (0, 1, 3) else RunState.STOPPED, code))
        await ledger.begin(record("01kb4x0009", started_at="2026-11-22T10:00:09Z"), [])

        async def listed(**how: object) -> str:
            return "".join(r.run[-1] for r in await ledger.recent(**how))  # type: ignore[arg-type]

        assert await listed() == "9543210"
        assert await listed(limit=2) == "95"
        assert await listed(name="even") == "420"
        ends = {"ok": "0", "failed": "1", "unknown": "2", "refused": "3", "stopped": "54", "running": "9"}
        assert {status: await listed(status=status) for status in ends} == ends
        assert (await ledger.last()).run == "01kb4x0009"
        assert (await ledger.last(RunState.STOPPED)).run == "01kb4x0005"


# --- one owner ------------------------------------------------------------------------------------------------------


def dead_owner() -> str:
    """A process of this host that has ended."""
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    text = new_owner().rsplit(":", 3)
    start = owners._start(child.pid)
    child.communicate(b"\n")
    return f"{text[0]}:{child.pid}:{start}:{text[3]}"


async def test_a_dead_run_is_taken_over_and_continued(url: str) -> None:
    """The new owner has the old one's ranges, counts and positions; a failure that goes through now is one no more."""
    async with opened(url) as ledger:
        await ledger.begin(record(owner=dead_owner()), ["/s"])
        ledger.attach(positions=lambda: [(0, SinkPosition("o.csv", 70))])
        ledger.mark(
            Mark(0, ((1, 5),), (failure(6), failure(7, outcome=Outcome.UNKNOWN)), source=position(5), changed=5)
        )
    async with opened(url) as ledger:
        assert not await ledger.owner_alive(await ledger.find("01kb4x0001"))
        await ledger.take_over("01kb4x0001", new_owner())
        ledger.mark(Mark(0, ((7, 10),), changed=4, source=position(10)))
        await ledger.sync()
        (part,) = await ledger.state("01kb4x0001")
        assert part.done == ((1, 5), (7, 10))
        assert [f.n for f in part.failures] == [6]
        assert part.sinks == (SinkPosition("o.csv", 70),)
        known = await ledger.find("01kb4x0001")
        assert (known.ok, known.failed, known.unknown, known.changed) == (9, 1, 0, 9)
        assert await ledger.owner_alive(known)


async def test_a_living_run_is_not_taken_over(url: str) -> None:
    """Exit 4, with host and pid; nothing is changed. It cannot be forgotten either."""
    run = record()
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(run, [])
        for refused in (other.take_over(run.run, new_owner()), other.forget(run.run)):
            with pytest.raises(RefusedError) as caught:
                await refused
            assert str(owners.parse(run.owner)) in str(caught.value)
            assert caught.value.exit_code == 4
        ledger.mark(Mark(0, ((1, 2),)))
        await ledger.sync()
        await ledger.finish(ended(run, RunState.STOPPED, 5))
        await other.take_over(run.run, new_owner())
        known = await other.find(run.run)
        assert (known.state, known.exit_code, known.ended_at) == (RunState.RUNNING, None, None)


async def test_a_run_of_another_host_counts_by_its_heartbeat(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can look at a process there: half a minute of silence is its end."""
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(record(owner="elsewhere:1:2.3.4:5"), [])
        with pytest.raises(
            RefusedError, match=r'may still be running on host "elsewhere", process 1, last heartbeat \ds ago'
        ):
            await other.take_over("01kb4x0001", new_owner())
        monkeypatch.setattr(takeover, "STALE_S", -1.0)
        await other.take_over("01kb4x0001", new_owner())


async def test_the_heartbeat_goes_on_without_marks(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that waits for its target for minutes is alive."""
    monkeypatch.setattr(recorder, "HEARTBEAT_S", 0.05)
    async with opened(url) as ledger:
        await ledger.begin(record(owner="elsewhere:1:2.3.4:5"), [])
        await asyncio.sleep(0.5)
        with pytest.raises(RefusedError, match="last heartbeat 0s ago"):
            await ledger.take_over("01kb4x0001", new_owner())


async def test_five_that_take_over_at_once_are_one(url: str) -> None:
    """One wins, the others are refused."""
    async with opened(url) as ledger:
        await ledger.begin(record(owner=dead_owner()), [])
    ledgers = [await open_ledger(url) for _ in range(5)]
    done = await asyncio.gather(
        *(each.take_over("01kb4x0001", new_owner()) for each in ledgers), return_exceptions=True
    )
    assert sum(result is None for result in done) == 1
    assert sum(isinstance(result, RefusedError) for result in done) == 4
    for each in ledgers:
        await each.close()


async def test_who_was_taken_over_writes_nothing_more(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped and comes back finds that the run is another's, and who that is."""
    monkeypatch.setattr(takeover, "STALE_S", -1.0)
    told: list[LedgerError] = []
    async with opened(url) as old, opened(url) as new:
        await old.begin(record(owner="elsewhere:1:2.3.4:5"), [])
        old.attach(on_failure=told.append)
        await new.take_over("01kb4x0001", new_owner())
        old.mark(Mark(0, ((1, 5),)))
        with pytest.raises(LedgerError, match=r"taken over by host"):
            await old.sync()
        assert len(told) == 1
        assert await new.state("01kb4x0001") == ()


async def test_a_forgotten_run_is_gone(url: str) -> None:
    """Its rows, not those of others; a process that still writes it is told."""
    async with opened(url) as ledger, opened(url) as other:
        for run in (record("01kb4x0001"), record("01kb4x0002")):
            await ledger.begin(run, ["/s1", "/s2"])
            ledger.mark(Mark(0, ((1, 2),), (failure(3),)))
            await ledger.finish(ended(run))
        assert await other.forget("01kb4x0001") == ("/s1", "/s2")
        with pytest.raises(UsageError):
            await other.find("01kb4x0001")
        assert [r.run for r in await other.recent()] == ["01kb4x0002"]
        assert len(await other.state("01kb4x0002")) == 1
        found = await check(url)
        assert (found.rows["runs"], found.rows["spools"], found.rows["failures"]) == (1, 2, 1)


async def test_a_finished_run_stays_finished_when_taken_over(url: str) -> None:
    """What may be left to do is removing markers; dying in that must not make it unfinished."""
    run = record()
    async with opened(url) as ledger:
        await ledger.begin(run, [])
        await ledger.finish(ended(run))
        await ledger.take_over(run.run, new_owner())
        assert (await ledger.find(run.run)).state is RunState.FINISHED


async def test_a_cancelled_sync_is_done_to_its_end(url: str) -> None:
    """The marks of the group were taken: they are written, whoever stopped waiting for it."""
    async with opened(url) as ledger:
        await ledger.begin(record(), [])
        for n in range(1, 40):
            ledger.mark(Mark(0, ((n, n),)))
            waiting = asyncio.create_task(ledger.sync())
            await asyncio.sleep(random.Random(n).random() * 0.01)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await ledger.sync()
        assert (await ledger.state("01kb4x0001"))[0].done == ((1, 39),)


# --- the place ------------------------------------------------------------------------------------------------------


async def test_a_ledger_is_not_made_where_none_is_wanted(url: str) -> None:
    """Reading commands make nothing."""
    with pytest.raises(LedgerMissing, match="no ledger"):
        await open_ledger(url, create=False)
    with pytest.raises(LedgerMissing):
        await current(url)
    assert await upgrade(url) == (None, HEAD)
    assert await upgrade(url) == (HEAD, HEAD)
    assert await current(url) == HEAD
    found = await check(url)
    assert (found.problems, set(found.rows.values())) == ((), {0})
    assert found.size_bytes > 0


async def test_five_that_open_at_once_share_one_ledger(url: str) -> None:
    """Nobody's run is lost."""
    ledgers = await asyncio.gather(*(open_ledger(url) for _ in range(5)))
    await asyncio.gather(*(each.begin(record(f"01kb4x000{i}"), []) for i, each in enumerate(ledgers)))
    assert len(await ledgers[0].recent()) == 5
    for each in ledgers:
        await each.close()


async def test_a_newer_ledger_is_refused(url: str) -> None:
    """One line, exit 4, and nothing in it is changed."""
    await (await open_ledger(url)).close()
    if url.startswith("postgres"):
        await execute(url, "update bulkq_ledger.alembic_version set version_num = '9999'")
    else:
        with sqlite3.connect(url) as connection:
            connection.execute("update alembic_version set version_num = '9999'")
        connection.close()
    with pytest.raises(LedgerNewer, match="newer bulkq") as caught:
        await open_ledger(url)
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    found = await check(url)
    assert found.revision == "9999"
    assert found.problems


async def test_no_value_and_no_password_is_in_it(url: str, tmp_path: Path) -> None:
    """Neither in a table nor in any byte of the files."""
    run = record()
    async with opened(url) as ledger:
        await ledger.begin(run, [])
        words = [
            ("22P02", f'invalid input syntax for type bigint: "{CANARY}"'),
            ("23505", f"duplicate key: Key (email)=({CANARY})"),
            ("P0001", f"{CANARY} is blocked"),
            (None, f"the value of :v cannot be sent as int4: {CANARY}"),
        ]  # fmt: skip
        ledger.mark(Mark(0, (), tuple(failure(n, text, state) for n, (state, text) in enumerate(words, 1))))
        await ledger.finish(ended(run, exit_code=1))
        if url.startswith("postgres"):
            for table in ("runs", "failures", "parts"):
                assert CANARY not in str(await execute(url, f"select * from bulkq_ledger.{table}"))
            return
        files = list(tmp_path.iterdir())
        assert {file.name for file in files} >= {Path(url).name, f"{Path(url).name}-wal"}
        assert not [file for file in files if CANARY.encode() in file.read_bytes()]


async def execute(url: str, sql: str) -> list[object]:
    """Run `sql` without bulkq."""
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


SPEAKING = [
    "select $1::text::bigint",
    "select $1::text::date",
    "select $1::text::jsonb",
    "select $1::text::int[]",
    "select $1::text::numeric(3)",
    "select $1::text::inet",
    "select $1::text::uuid",
    "select xmlparse(document $1::text)",
    "select $1::text::regclass",
    "select to_timestamp($1::text, 'YYYY')",
    "select to_number($1::text, '999')",
    "select 'a' ~ ('(' || $1::text)",
    "select convert_from(decode($1::text, 'hex'), 'utf8')",
    "select set_config($1::text, '1', false)",
    "select nextval($1::text)",
    "select '{}'::jsonb @? $1::text::jsonpath",
    "insert into t values ($1::text)",
    "insert into u values ($1::text), ($1::text)",
    "select 'x'::text at time zone $1::text",
    "select speak($1::text)",
]


async def test_what_real_servers_say_is_masked(database: str) -> None:
    """Messages of PostgreSQL itself that repeat a value lose it; those of functions lose everything."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            "create table t (v varchar(3) check (v <> 'x')); create table u (v text unique);"
            "create function speak(v text) returns void language plpgsql as $$ begin raise exception '% is blocked', v; end $$"
        )
        heard = 0
        for sql in SPEAKING:
            with pytest.raises(asyncpg.PostgresError) as caught:
                await connection.fetch(sql, CANARY)
            text = str(caught.value.args[0])
            heard += CANARY in text
            for params in ({"v": CANARY}, {"v": "***"}):
                assert CANARY not in shape_of(text, caught.value.sqlstate, params)
        assert heard >= 10
    finally:
        await connection.close()


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


async def test_a_server_that_is_not_there_is_one_line() -> None:
    """With the place, without the password."""
    for url in ("postgresql://me:hunter2@127.0.0.1:1/app", "postgresql://me:hunter2@no-such-host.invalid/app?sslmode=disable"):  # fmt: skip
        with pytest.raises(LedgerError, match="ledger") as caught:
            await open_ledger(url)
        assert CANARY not in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "sqlalche" not in str(caught.value)


async def test_a_database_that_is_not_there_is_one_line(database: str) -> None:
    """In the server's words."""
    with pytest.raises(LedgerError, match='database "nowhere" does not exist'):
        await open_ledger(servers.database_url(database, "nowhere"))


async def test_a_role_that_may_make_nothing_is_told_what_a_dba_can_do(database: str) -> None:
    """And can use a schema that was made for it."""
    role = f"ledger_{random.randrange(10**9)}"
    await execute(database, f"create role {role} login password 'right'")
    theirs = re.sub(r"//[^@/]*@", f"//{role}:right@", database)
    try:
        with pytest.raises(LedgerError, match="create schema bulkq_ledger authorization"):
            await open_ledger(theirs)
        await execute(database, f"create schema bulkq_ledger authorization {role}")
        async with opened(theirs) as ledger:
            await ledger.begin(record(), [])
    finally:
        await execute(database, f"drop owned by {role}")
        await execute(database, f"drop role {role}")


async def test_a_server_that_goes_away_stops_the_run(postgres: servers.PostgresServer, database: str) -> None:
    """The commit fails in one line; after the server's return the ledger is as it was."""
    ledger = await open_ledger(database)
    await ledger.begin(record(), [])
    try:
        await asyncio.to_thread(postgres.stop, "crash")
        ledger.mark(Mark(0, ((1, 5),)))
        with pytest.raises(LedgerError) as caught:
            await ledger.sync()
        assert "\n" not in str(caught.value)
        await ledger.close()
    finally:
        await asyncio.to_thread(postgres.start)
    async with opened(database) as again:
        assert (await again.find("01kb4x0001")).ok == 0


async def test_a_server_that_came_back_in_between_is_not_noticed(
    postgres: servers.PostgresServer, database: str
) -> None:
    """A commit looks whether its connection lives, and takes another."""
    async with opened(database) as ledger:
        await ledger.begin(record(), [])
        await asyncio.to_thread(postgres.restart)
        ledger.mark(Mark(0, ((1, 5),)))
        await ledger.sync()
        assert (await ledger.state("01kb4x0001"))[0].done == ((1, 5),)


# --- SQLite files ---------------------------------------------------------------------------------------------------


async def test_only_its_owner_may_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that are made 0700, files 0600, whatever the umask; WAL, and synced fully."""
    import os

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = os.umask(0)
    try:
        async with opened("auto") as ledger:
            await ledger.begin(record(), [])
            folder = tmp_path / "state" / "bulkq"
            modes = {path.name: path.stat().st_mode & 0o777 for path in (folder.parent, folder, *folder.iterdir())}
            async with ledger.database.reading() as connection:
                settings = [
                    (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
                    for name in ("journal_mode", "synchronous")
                ]
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("state", "bulkq"), 0o700) | dict.fromkeys(
        ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"), 0o600
    )
    assert settings == ["wal", 2]


async def test_ten_million_sets_in_random_order_stay_small(tmp_path: Path) -> None:
    """10,000 batches of 1,000 that end out of order: rows are few, and the file is below a megabyte."""
    ledger = await open_ledger(str(tmp_path / "l.db"))
    await ledger.begin(record(), [])
    chance = random.Random(3)
    batches = list(range(10_000))
    for at in range(0, 10_000, 16):
        near = batches[at : at + 16]
        chance.shuffle(near)
        batches[at : at + 16] = near
    for i, batch in enumerate(batches):
        ledger.mark(Mark(0, ((batch * 1000 + 1, batch * 1000 + 1000),), source=position(batch * 1000 + 1000)))
        if i % 50 == 0:
            await ledger.sync()
    await ledger.sync()
    assert (await ledger.find("01kb4x0001")).ok == 10_000_000
    assert (await ledger.state("01kb4x0001"))[0].done == ((1, 10_000_000),)
    await ledger.close()
    assert (tmp_path / "l.db").stat().st_size < 1_000_000


@pytest.fixture
async def filled(tmp_path: Path) -> Path:
    """A ledger with runs in it."""
    path = tmp_path / "filled.db"
    async with opened(str(path)) as ledger:
        for i in range(20):
            run = record(f"01kb4x00{i:02}")
            await ledger.begin(run, ["/s"])
            ledger.mark(Mark(0, tuple((n, n) for n in range(1, 200, 2)), tuple(failure(n) for n in range(2, 20, 2))))
            await ledger.finish(ended(run))
    return path


async def read_everything(path: Path) -> None:
    """What `bulkq runs` and `resume` read."""
    async with opened(str(path)) as ledger:
        for run in await ledger.recent(100):
            await ledger.state(run.run)
            await ledger.find(run.run)


async def test_a_truncated_ledger_is_one_line_and_stays_as_it_is(filled: Path) -> None:
    """Cut at 30 random places: a LedgerError with its path; an error while reading never deletes state."""
    whole = filled.read_bytes()
    chance = random.Random(11)
    for cut in [0, 1, 16, 100, *(chance.randrange(len(whole)) for _ in range(30))]:
        filled.write_bytes(whole[:cut])
        with pytest.raises(LedgerError) as caught:
            await read_everything(filled)
        assert "\n" not in str(caught.value)
        assert str(filled) in str(caught.value)
        assert filled.read_bytes() == whole[:cut]
    filled.write_bytes(whole)
    await read_everything(filled)


async def test_damage_anywhere_is_one_line_or_none(filled: Path) -> None:
    """Random bytes in random pages: whatever is read then, no other error comes out."""
    whole = filled.read_bytes()
    chance = random.Random(12)
    told = 0
    for _ in range(40):
        broken = bytearray(whole)
        at = chance.randrange(100, len(whole) - 512)
        broken[at : at + 512] = chance.randbytes(512)
        filled.write_bytes(broken)
        try:
            await read_everything(filled)
        except (LedgerError, RefusedError) as error:
            told += 1
            assert "\n" not in str(error)
    assert told > 5


@pytest.mark.parametrize("content", [b"", b"id\n1\n2\n", b"SQLite format 3\0 and so on"])
async def test_what_is_no_ledger_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """An empty file, a CSV file, half a header."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="ledger") as caught:
        await open_ledger(str(path))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


async def test_somebodys_database_gets_no_tables(sqlite_file: Callable[[str], Path], tmp_path: Path) -> None:
    """The target given as the ledger by mistake; a folder; a folder that is not there."""
    path = sqlite_file("create table t (a)")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="has no ledger tables"):
        await open_ledger(str(path))
    assert path.read_bytes() == before
    with pytest.raises(LedgerError, match="is not a file"):
        await open_ledger(str(tmp_path))
    with pytest.raises(LedgerError, match="create it first"):
        await open_ledger(str(tmp_path / "no" / "ledger.db"))


async def test_a_locked_ledger_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program keeps a transaction open: after the patience, one line that says so."""
    from bulkq.ledger import database_connection

    monkeypatch.setattr(database_connection, "BUSY_S", 0.1)
    async with opened(str(tmp_path / "l.db")) as ledger:
        other = sqlite3.connect(tmp_path / "l.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(LedgerError, match="another process holds its lock"):
                await ledger.begin(record(), [])
        finally:
            other.close()
        await ledger.begin(record(), [])


async def test_opening_does_not_stop_the_loop(tmp_path: Path) -> None:
    """Other tasks go on while SQLAlchemy is imported; an up-to-date ledger needs no Alembic."""
    script = (
        "import asyncio, sys, time\n"
        "from bulkq.ledger import open_ledger\n"
        "assert 'sqlalchemy' not in sys.modules\n"
        "async def main():\n"
        "    ticks = 0\n"
        "    async def tick():\n"
        "        nonlocal ticks\n"
        "        while True:\n"
        "            await asyncio.sleep(0.005)\n"
        "            ticks += 1\n"
        "    ticker = asyncio.create_task(tick())\n"
        f"    ledger = await open_ledger({str(tmp_path / 'l.db')!r})\n"
        "    ticker.cancel()\n"
        "    await ledger.recent()\n"
        "    await ledger.close()\n"
        "    print(ticks > 10, 'sqlalchemy' in sys.modules, 'alembic' in sys.modules)\n"
        "asyncio.run(main())\n"
    )
    for _ in range(2):  # when it is made, and when it is there
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(store.__file__).parents[2]
        )  # fmt: skip
        assert done.stdout.strip() == "True True False"


NEW_RUN = """
import asyncio, sys
from dataclasses import replace
from bulkq.ledger import open_recorder
from bulkq.model import Failure, Mark, Outcome, RunRecord, RunState, SinkPosition

run = RunRecord(run="01kb4x0001", state=RunState.RUNNING, mode="read", name="n", targets=("t",), request="{{}}",
    fingerprint="{{}}", owner="", started_at="2026-11-22T10:00:00Z")

async def main():
    ledger = await open_recorder({path!r})
    await ledger.begin(run, ["/s"], [(1, SinkPosition("/o", 0))])
    for n in (2, 4, 3, 1):
        ledger.mark(Mark(1, ((n, n),), (Failure(9 + n, "f:1", "t", "q", {{}}, Outcome.UNKNOWN, None, "m", 1),)))
        await ledger.sync()
    ledger.mark(Mark(1, ((10, 10),)))
    await ledger.finish(replace(run, state=RunState.FINISHED, exit_code=3, ok=5))
    await ledger.close()
    print("sqlalchemy" in sys.modules)

asyncio.run(main())
"""


async def test_a_new_run_needs_no_sqlalchemy(tmp_path: Path) -> None:
    """Where the ledger is there, from its beginning to its end; what was written is read as ever."""
    async with opened(str(tmp_path / "l.db")):
        pass
    script = NEW_RUN.format(path=str(tmp_path / "l.db"))
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(store.__file__).parents[2]
    )  # fmt: skip
    assert done.stdout.strip() == "False"
    async with opened(str(tmp_path / "l.db")) as ledger:
        found = await ledger.find("01kb4x0001")
        (part,) = await ledger.state(found.run)
        assert (found.state, found.exit_code, found.ok) == (RunState.FINISHED, 3, 5)
        assert part.done == ((1, 4), (10, 10))
        assert [failed.n for failed in part.failures] == [11, 12, 13]
        assert part.sinks == (SinkPosition("/o", 0),)
        assert await ledger.spools(found.run) == ("/s",)


async def test_outputs_are_on_record_from_the_beginning(url: str) -> None:
    """So that a run which replaces one can say whose it was."""
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(record("01kb4x0001"), [], [(1, SinkPosition("/o", 0)), (0, SinkPosition("/f", 3))])
        await other.begin(record("01kb4x0002"), [], [(1, SinkPosition("/o", 0))])
        assert [(path, run.run) for path, run in await other.beside("01kb4x0002")] == [("/o", "01kb4x0001")]
        assert [(state.part, state.sinks) for state in await ledger.state("01kb4x0001")] == [
            (0, (SinkPosition("/f", 3),)),
            (1, (SinkPosition("/o", 0),)),
        ]


async def test_a_second_retry_of_a_run_is_refused(url: str) -> None:
    """Of two that begin at the same moment, one does what has failed."""
    async with opened(url) as ledger, opened(url) as other:
        await ledger.begin(record("01kb4x0001"), [])
        await ledger.finish(ended(record("01kb4x0001"), exit_code=1))
        await ledger.begin(record("01kb4x0002", retry_of="01kb4x0001"), [])
        with pytest.raises(RefusedError, match="is already retried by run 01kb4x0002"):
            await other.begin(record("01kb4x0003", retry_of="01kb4x0001"), [])
        assert [run.run for run in await other.recent()] == ["01kb4x0002", "01kb4x0001"]
