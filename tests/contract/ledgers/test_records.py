"""Runs on record: found, listed, forgotten, without values and passwords."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.ledger import (
    NoLedger,
    open_ledger,
    open_recorder,
)
from bulkq.ledger.store import StoredLedger
from bulkq.ledger.upgrade_and_check import check_ledger
from bulkq.model import Mark, RunState, SinkPosition
from tests.support.ledgers import CANARY, KINDS, ended, execute, failure, opened, position, record

if TYPE_CHECKING:
    from bulkq.protocols import Ledger


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
        found = await check_ledger(url)
        assert (found.rows["runs"], found.rows["spools"], found.rows["failures"]) == (1, 2, 1)


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
