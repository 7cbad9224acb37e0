"""`Database.backfill`: a table is changed by ranges, verified, recorded, cancelled; wrong arguments are refused."""

from __future__ import annotations

import asyncio
import logging
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

import bulkq
from bulkq.ledger import open_ledger
from bulkq.model import RunState
from tests.support import targets
from tests.support.targets import ENDLESS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.targets import Target

ROWS = 2_000


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A target of each kind with numbers."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("database")
    made = targets.make(request.param, tmp_path, database, None)
    made.numbers(ROWS)
    return made


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    """The path of a ledger."""
    return str(tmp_path / "ledger.db")


async def test_set_and_delete(target: Target, ledger: str) -> None:
    """Each row is changed once, `changed` counts rows, and the run has connections of its own."""
    async with bulkq.open(target.url) as db:
        async with db.run("select count(*) as n from numbers") as rows:
            assert [row.n async for row in rows] == [ROWS]
        summary = await db.backfill(
            "numbers", set=["touched = touched + 1"], where="touched = 0", max_rows=300, name="touch", ledger=ledger
        )
        assert (summary.status, summary.changed, summary.failed) == (bulkq.Status.OK, ROWS, 0)
        assert summary.ok >= ROWS // 300
        summary = await db.backfill("numbers", delete=True, where="id > 1500", key="id", ledger="none")
        assert (summary.changed, summary.mode) == (500, "unrecorded")
    assert target.execute("select count(*), sum(touched) from numbers") == [(1_500, 1_500)]


async def test_a_query_with_parameters(target: Target, ledger: str) -> None:
    """A statement of its own, with values beside the range; `@over` names the table."""
    query = "-- @over numbers\nupdate numbers set touched = :t where :range and id <= :most"
    async with bulkq.open(target.url) as db:
        summary = await db.backfill(query=query, param={"t": 7, "most": "10"}, upper="open", ledger=ledger)
    assert summary.changed == 10
    assert target.execute("select sum(touched) from numbers") == [(70,)]


async def test_a_function(tmp_path: Path, ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows go through a function of a module in the current folder, and the query takes what it gives."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hundreds.py").write_text(
        "def count(rows): return [{'id': r['id'], 't': r['id'] // 100} for r in rows]"
    )
    made = targets.make("sqlite", tmp_path, "", None)
    made.numbers(ROWS)
    select, query = "select id from numbers where :range and id > :n", "update numbers set touched = :t where id = :id"
    async with bulkq.open(made.url) as db:
        summary = await db.backfill(
            "numbers", select=select, map="hundreds:count", query=query, param={"n": 1_000}, ledger=ledger
        )
    assert (summary.status, summary.changed) == (bulkq.Status.OK, 1_000)
    assert made.execute("select sum(touched) from numbers") == [(sum(n // 100 for n in range(1_001, 2_001)),)]


async def test_rows_that_are_left(target: Target, ledger: str) -> None:
    """A verification that finds rows raises `RunFailed`, or gives the status incomplete."""
    async with bulkq.open(target.url) as db:
        with pytest.raises(bulkq.RunFailed, match="2000 rows of .*numbers`? are left$") as caught:
            await db.backfill("numbers", set="touched = 0", where="touched = 0", ledger=ledger)
        assert caught.value.summary.status is bulkq.Status.INCOMPLETE
        verify = "select id from numbers where id < 3 order by id"
        summary = await db.backfill(
            "numbers", set="touched = 1", verify=verify, ledger=ledger, on_error="collect", concurrency=1
        )
    assert (summary.exit_code, summary.reason) == (1, "the verification gave 2 rows, the first: 1")
    assert summary.resume == f"bulkq resume {summary.run} --again"


async def test_a_failed_range(target: Target, ledger: str) -> None:
    """Ranges that the database refuses are counted, and the others are done."""
    target.execute("create unique index once on numbers (square)")
    async with bulkq.open(target.url) as db:
        with pytest.raises(bulkq.RunFailed, match="parameter sets failed") as caught:
            await db.backfill(
                "numbers", set="square = case when id in (5, 6) then -1 else square end", ledger=ledger, max_rows=100
            )
    summary = caught.value.summary
    assert (summary.failed, summary.resume) == (1, f"bulkq retry {summary.run}")
    assert target.execute("select count(*) from numbers where square < 0") == [(0,)]


async def test_cancelling_stops_the_verification(target: Target, ledger: str) -> None:
    """A verification that takes long is cancelled on the server. The run is stopped, and a resume verifies again."""
    endless = ENDLESS["sqlite" if target.sqlite else "postgresql"]
    verifying = asyncio.Event()
    handler = logging.Handler()
    handler.emit = lambda record: verifying.set() if "verifying" in record.getMessage() else None  # type: ignore[method-assign]
    log = logging.getLogger("bulkq")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        async with bulkq.open(target.url) as db:
            task = asyncio.create_task(db.backfill("numbers", set="touched = 1", verify=endless, ledger=ledger))
            async with asyncio.timeout(30):
                await verifying.wait()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
    assert target.active() == 0
    stored = await open_ledger(ledger)
    try:
        assert (await stored.last()).state is RunState.STOPPED
    finally:
        await stored.close()


async def test_cancelling_stops_the_run(target: Target, ledger: str, tmp_path: Path) -> None:
    """A cancelled task leaves a stopped run in the ledger, and the database open for others."""
    hold = tmp_path / "hold"
    hold.touch()
    begun = asyncio.Event()
    handler = logging.Handler()
    handler.emit = lambda _: begun.set()  # type: ignore[method-assign]
    log = logging.getLogger("bulkq")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        async with bulkq.open(target.url) as db:
            task = asyncio.create_task(
                db.backfill("numbers", set="touched = 1", throttle=f"file:{hold}", ledger=ledger)
            )
            await asyncio.wait_for(begun.wait(), 20)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await db.execute("update numbers set touched = 2 where id = 1", write=True)).changed == 1
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
    with pytest.raises(bulkq.UsageError, match="bulkq.open was left"):
        await db.backfill("numbers", set="touched = 1", ledger=ledger)
    assert target.execute("select sum(touched) from numbers") == [(2,)]
    stored = await open_ledger(ledger)
    try:
        assert (await stored.last()).state is RunState.STOPPED
    finally:
        await stored.close()


async def test_a_bound_stops_the_run(target: Target, ledger: str) -> None:
    """`max_affected` is in the advice as it is written in Python, with the command that continues."""
    async with bulkq.open(target.url) as db:
        with pytest.raises(
            bulkq.RefusedError, match=r"max_affected allows 5: rolled back: bulkq resume \w+ continues$"
        ):
            await db.backfill("numbers", set="touched = 1", max_affected=5, ledger=ledger)
    assert target.execute("select sum(touched) from numbers") == [(0,)]


SET: dict[str, object] = {"over": "numbers", "set": "touched = 1"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "no table: give over=TABLE"),
        ({"over": "numbers"}, "nothing to do with numbers: give set, delete, or query with a statement"),
        ({"over": "numbers", "delete": True}, 'delete without where deletes every row: write where="true"'),
        (SET | {"delete": True}, "delete and set: give set, delete, or query"),
        (SET | {"select": "select id from numbers where :range"}, "select needs a function for its rows: give map"),
        (SET | {"map": "m:f"}, "map needs the rows of a range: give select="),
        (SET | {"capture": 1}, "capture=1: True or False"),
        (SET | {"allow": "all"}, "allow='all': some of"),
        (SET | {"delete": 1}, "delete=1: True or False"),
        (SET | {"query": "delete from numbers where :range"}, "query has the statement"),
        (SET | {"over": 5}, "over=5: a text"),
        (SET | {"lock": 1}, "lock=1: True or False"),
        (SET | {"map_timeout": 0}, "map_timeout=0: seconds"),
        (SET | {"map": "m:f"}, 'map needs the rows of a range: give select="select'),
        (SET | {"select": "select 1", "map": "m:f"}, "give query$"),
        (SET | {"set": 5}, "set=5: a text, or a list of texts"),
        (SET | {"set": "touched"}, 'set="touched" is not an assignment'),
        (SET | {"set": "id = 1"}, 'set="id = 1": "id" is in the key'),
        (SET | {"key": [1]}, r"key=\[1\]: a text, or a list of texts"),
        (SET | {"key": "nope"}, 'has no column "nope"'),
        (SET | {"over": "numbrs"}, r'there is no table "numbrs" \(did you mean "numbers"\?\)'),
        (SET | {"param": {"q": 1}}, 'param q: numbers has no ":q"'),
        (SET | {"param": ["q"]}, r"param=\['q'\]: a dict such as"),
        (SET | {"param": {"q": True}}, "param q=True: a text, a number, a date or a UUID"),
        (SET | {"target_time": "5s"}, "target_time='5s': seconds, more than 0 and less than 3600"),
        (SET | {"min_rows": 0}, "min_rows=0: a number, 1 or more"),
        (SET | {"min_rows": 9, "max_rows": 2}, "min_rows=9 is more than max_rows=2"),
        (SET | {"max_affected": -1}, "max_affected=-1: a number, 1 or more"),
        (SET | {"upper": "up"}, 'upper=\'up\': "fixed" or "open"'),
        (SET | {"ledger": None}, 'ledger=None: "auto", a path, a URL, or "none"'),
        (SET | {"ledger": "oracle://x"}, "a ledger is an SQLite file or a PostgreSQL database"),
        (SET | {"verify": "delete from numbers"}, "verify: DELETE is not a query: write SELECT"),
        (SET | {"verify": "select :n"}, 'verify: ":n" would have no value'),
        (SET | {"concurrency": 0}, "concurrency=0: must be at least 1"),
        (SET | {"lock_timeout": 0}, "lock_timeout=0: seconds, more than 0"),
        (SET | {"on_error": "x"}, "on_error='x'"),
        ({"over": "numbers", "query": 5}, "query=5: SQL text, or a Query from bulkq.load"),
        (
            {"over": "numbers", "query": "update numbers set touched = 1 where id = 1"},
            "where the range of the key goes",
        ),
        (
            {"over": "numbers", "query": "update numbers set touched = :t where :range"},
            r'":t" has no value: give it with param=\{"t": ...\}',
        ),
    ],
)
async def test_wrong_arguments(tmp_path: Path, ledger: str, wrong: dict[str, object], message: str) -> None:
    """Messages are those of the command line, with the names of the arguments; nothing is sent or recorded."""
    made = targets.make("sqlite", tmp_path, "", None)
    made.numbers(3)
    async with bulkq.open(made.url) as db:
        with pytest.raises(bulkq.UsageError, match=message):
            await db.backfill(**{"ledger": ledger, **wrong})  # type: ignore[arg-type]
    assert made.execute("select sum(touched) from numbers") == [(0,)]


async def test_a_verification_that_cannot_be_executed(target: Target, ledger: str) -> None:
    """The database is asked about it before the first range."""
    async with bulkq.open(target.url) as db:
        with pytest.raises(bulkq.UsageError, match="^verify: .*nothing"):
            await db.backfill("numbers", set="touched = 1", verify="select nothing from numbers", ledger=ledger)
    assert target.execute("select sum(touched) from numbers") == [(0,)]


async def test_what_was_there_is_kept(tmp_path: Path, ledger: str) -> None:
    """`capture` keeps the rows as they were."""
    made = targets.make("sqlite", tmp_path, "", None)
    made.numbers(30)
    async with bulkq.open(made.url) as db:
        await db.backfill("numbers", set="touched = 9", where="touched = 0 and id <= 3", capture=True, ledger=ledger)
    assert made.execute("select sum(touched) from numbers") == [(27,)]
    assert made.execute("select count(*) from sqlite_master where name like 'bulkq_images%'") != [(0,)]


async def test_values_of_parameters(tmp_path: Path, ledger: str) -> None:
    """Dates and UUIDs are passed as their texts."""
    made = targets.make("sqlite", tmp_path, "", None)
    made.execute("create table t (id integer primary key, d text, u text)", "insert into t (id) values (1)")
    values = {"d": date(2026, 5, 1), "u": UUID(int=7)}
    async with bulkq.open(made.url) as db:
        await db.backfill("t", query="update t set d = :d, u = :u where :range", param=values, ledger=ledger)
    assert made.execute("select d, u from t") == [("2026-05-01", str(UUID(int=7)))]


async def test_a_protected_target(tmp_path: Path, ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A protected target is changed only if it was opened with its name."""
    made = targets.make("sqlite", tmp_path, "", None)
    made.numbers(3)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bulkq.toml").write_text(f'[targets.prod]\nurl = "{made.url}"\nprotected = true\n', encoding="utf-8")
    async with bulkq.open("prod") as db:
        with pytest.raises(bulkq.RefusedError, match='is protected: open it with confirm="prod"'):
            await db.backfill("numbers", set="touched = 1", ledger=ledger)
    async with bulkq.open("prod", confirm="prod") as db:
        assert (await db.backfill("numbers", set="touched = 1", ledger=ledger)).changed == 3


async def test_undo(target: Target, ledger: str, tmp_path: Path) -> None:
    """Rows get their old values back; those that have changed since stay, and are an error unless they are collected."""
    async with bulkq.open(target.url) as db:
        done = await db.backfill(
            "numbers", set="touched = id", where="id <= 100", capture=True, verify="select 0", ledger=ledger
        )
        target.execute("update numbers set touched = -1 where id = 7")
        undone = await db.undo(done.run, ledger=ledger, on_error="collect")
        assert (undone.exit_code, undone.changed, undone.failures[0].params) == (1, 99, {"id": "7"})
        with pytest.raises(bulkq.RunFailed):
            await db.undo(done.run, ledger=ledger)
        with pytest.raises(bulkq.UsageError, match="is itself an undo"):
            await db.undo(undone.run, ledger=ledger)
    assert target.execute("select count(*) from numbers where touched = 0") == [(ROWS - 1,)]
