"""The Python API on SQLite and PostgreSQL: rows in order, failures, summaries, and nothing left behind."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
import threading
from typing import TYPE_CHECKING

import pytest

import bulkq
from tests.support import targets
from tests.support.targets import ENDLESS, Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

LOOKUP = "select id, square from numbers where id = :id"


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """A target of each kind with a thousand numbers."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("database")
    made = targets.make(request.param, tmp_path, database, None)
    made.numbers(1_000)
    return made


async def test_rows_in_the_order_of_the_sets(target: Target) -> None:
    """Rows come in the order of the sets, by position and by name."""
    async with bulkq.open(target.url, concurrency=4) as db:
        async with db.run(LOOKUP, ({"id": n} for n in range(1_000, 0, -1)), timeout=5) as rows:
            got = [row async for row in rows]
        assert [row["id"] for row in got] == list(range(1_000, 0, -1))
        assert got[0][1] == got[0]["square"] == 1_000_000
        assert dict(got[0]) == got[0].asdict() == {"id": 1_000, "square": 1_000_000}
        assert (got[0].id, got[0].square, tuple(got[0]), list(got[0].keys())) == (
            1_000,
            1_000_000,
            (1_000, 1_000_000),
            ["id", "square"],
        )
        assert dict(pickle.loads(pickle.dumps(got[0]))) == dict(copy.deepcopy(got[0])) == dict(got[0])
        with pytest.raises(AttributeError, match="there are id, square"):
            _ = got[0].nope
        assert rows.summary is not None
        assert (rows.summary.ok, rows.summary.exit_code) == (1_000, 0)
        with pytest.raises(KeyError, match="there are id, square"):
            got[0]["nope"]


async def test_a_plain_async_for(target: Target) -> None:
    """Without `async with`, iterating is enough."""
    async with bulkq.open(target.url) as db:
        assert [tuple(row) async for row in db.run("select 1 as one")] == [(1,)]


async def test_asynchronous_sets(target: Target) -> None:
    """Sets may come from an asynchronous iterator, and are consumed lazily."""

    async def sets() -> object:
        for n in range(1, 6):
            await asyncio.sleep(0)
            yield {"id": n}

    async with bulkq.open(target.url) as db, db.run(LOOKUP, sets()) as rows:  # type: ignore[arg-type]
        assert [row["id"] async for row in rows] == [1, 2, 3, 4, 5]


def test_another_event_loop_is_refused(target: Target) -> None:
    """The connections belong to the loop of `bulkq.open`. The database can then still be left, and used in its own loop."""

    async def one() -> list[int]:
        return [row.one async for row in db.run("select 1 as one")]

    async def write() -> None:
        await db.execute("select 1 as one", write=True)

    with asyncio.Runner() as runner:
        opened = bulkq.open(target.url)
        db = runner.run(opened.__aenter__())  # as the cells of a notebook do
        assert runner.run(one()) == [1]
        for other in (one, write):
            with pytest.raises(bulkq.UsageError, match="opened in another event loop"):
                asyncio.run(other())
        assert runner.run(one()) == [1]
        runner.run(opened.__aexit__(None, None, None))


async def test_failures_raise_after_the_last_row(target: Target) -> None:
    """Every good row is given first, then `RunFailed` with the summary."""
    query = (
        "select 1 / (:d - 2) as q" if not target.sqlite else "select json(case when :d = 2 then 'x' else '1' end) as q"
    )
    query = query.replace(":d - 2", "cast(:d as integer) - 2")
    got = []
    async with bulkq.open(target.url, concurrency=2) as db:
        with pytest.raises(bulkq.RunFailed, match=r"1 of \d parameter sets failed; set 2: \[\w+\] ") as caught:
            async for row in db.run(query, [{"d": 1}, {"d": 2}, {"d": 3}]):
                got.append(row["q"])  # noqa: PERF401 - a comprehension would lose them with the exception
        assert len(got) == 2
        assert [failure.n for failure in caught.value.summary.failures] == [2]
        async with db.run(query, [{"d": 2}], on_error="collect") as rows:
            assert [row async for row in rows] == []
        assert rows.summary is not None
        assert rows.summary.failed == 1


async def test_execute_gives_the_summary(target: Target) -> None:
    """`execute` writes where it is allowed to, and counts."""
    update = "update numbers set touched = touched + 1 where id = :id"
    async with bulkq.open(target.url) as db:
        with pytest.raises(bulkq.RefusedError, match="UPDATE changes data: add write=True$"):
            await db.execute(update, [{"id": 1}])
        with pytest.raises(bulkq.RefusedError, match=r'every row: add allow=\["unbounded"\], write=True$'):
            await db.execute("delete from numbers")
        with pytest.raises(bulkq.RefusedError, match=r'every row: add allow=\["unbounded"\]$'):
            await db.execute("delete from numbers", write=True)
        summary = await db.execute(update, [{"id": n} for n in range(1, 101)], write=True)
    assert (summary.ok, summary.changed) == (100, 100)
    assert target.execute("select sum(touched) from numbers") == [(100,)]


async def test_leaving_early_stops_the_run(target: Target) -> None:
    """Leaving the block cancels what is in flight: no task, no thread, no statement is left."""
    endless = ENDLESS["sqlite" if target.sqlite else "postgresql"]
    query = f"select case when cast(:id as integer) = 1 then 1 else ({endless}) end as n"
    before = len(asyncio.all_tasks())
    async with bulkq.open(target.url, concurrency=4) as db:
        async with db.run(query, ({"id": n} for n in range(1, 1_000)), timeout=60) as rows:
            async for row in rows:
                assert row["n"] == 1
                break
        assert rows.summary is not None
        assert rows.summary.exit_code == 5
    assert target.active() == 0
    assert len(asyncio.all_tasks()) == before
    assert not [thread for thread in threading.enumerate() if "aiosqlite" in thread.name.lower()]


async def test_two_runs_at_once(target: Target) -> None:
    """Runs of one database do not disturb each other."""
    async with bulkq.open(target.url, concurrency=2) as db:

        async def squares(first: int) -> list[object]:
            return [row["square"] async for row in db.run(LOOKUP, ({"id": n} for n in range(first, first + 200)))]

        one, two = await asyncio.gather(squares(1), squares(301))
    assert (len(one), len(two), two[0]) == (200, 200, 301 * 301)


async def test_errors_are_bulkqs(target: Target) -> None:
    """A missing key, an unknown column and a bad URL are errors of ours, in one line."""
    async with bulkq.open(target.url) as db:
        with pytest.raises(bulkq.ParameterError, match="id"):
            await db.execute(LOOKUP, [{"key": 1}])
        with pytest.raises(bulkq.RunFailed) as caught:
            async for _ in db.run("select nope from numbers"):
                pass
        assert "nope" in caught.value.summary.failures[0].message
    with pytest.raises(bulkq.UsageError, match="nosuch"):
        async with bulkq.open("nosuch://x"):
            pass


class Mine(Exception):
    """An error of the caller's own program."""


def plain(count: int) -> Iterator[dict[str, object]]:
    """Sets that end with an error."""
    yield from ({"id": n} for n in range(1, count + 1))
    raise Mine("no more")


async def streamed(count: int) -> AsyncIterator[dict[str, object]]:
    """The same, asynchronously."""
    for one in plain(count):
        yield one


@pytest.mark.parametrize("sets", [plain, streamed])
@pytest.mark.parametrize("count", [0, 3, 900])
async def test_an_error_of_the_sets_is_the_callers_own(
    target: Target, sets: Callable[[int], Iterator[dict[str, object]]], count: int
) -> None:
    """What the iterable raises comes out as itself, in reads and writes, when what came before it was done."""
    update = "update numbers set touched = touched + 1 where id = :id"
    got = []
    async with bulkq.open(target.url, concurrency=4) as db:
        with pytest.raises(Mine, match=r"^no more$"):
            async with db.run(LOOKUP, sets(count)) as rows:
                async for row in rows:
                    got.append(row["id"])  # noqa: PERF401 - a comprehension would lose them with the exception
        with pytest.raises(Mine, match=r"^no more$"):
            await db.execute(LOOKUP, sets(count))
        with pytest.raises(Mine, match=r"^no more$"):
            await db.execute(update, sets(count), write=True)
        async with db.run(LOOKUP, sets(count)):
            pass  # who leaves before the last row wants to know no more
    assert got == list(range(1, count + 1))
    assert target.execute("select sum(touched) from numbers") == [(count,)]


async def test_an_unreachable_target() -> None:
    """A target that is not there is a `TargetError` from the first row."""
    async with bulkq.open("postgresql://nobody@127.0.0.1:1/x") as db:
        with pytest.raises(bulkq.TargetError, match="refused"):
            async for _ in db.run("select 1"):
                pass
        with pytest.raises(bulkq.TargetError):
            await db.execute("select 1")


async def test_a_crash_in_the_block_ends_everything(target: Target) -> None:
    """An exception in the caller's block comes out as it is, and the run is stopped."""
    endless = ENDLESS["sqlite" if target.sqlite else "postgresql"]
    with pytest.raises(ZeroDivisionError):
        async with bulkq.open(target.url) as db, db.run(f"{endless} -- x", timeout=60):
            raise ZeroDivisionError
    assert target.active() == 0


def test_queries_from_a_file(tmp_path: Path) -> None:
    """`load` gives the queries of a file by name."""
    path = tmp_path / "q.sql"
    path.write_text("-- name: one(id: bigint)\nselect :id;\n-- name: two\nselect 2;\n", encoding="utf-8")
    loaded = bulkq.load(path)
    assert list(loaded) == ["one", "two"]
    assert loaded["one"].parameters[0].type == "bigint"
    with pytest.raises(bulkq.UsageError, match='^no such file: ".*none.sql"$'):
        bulkq.load(tmp_path / "none.sql")
    with pytest.raises(bulkq.UsageError, match='^cannot read ".*": is a directory$'):
        bulkq.load(tmp_path)


async def test_a_closed_database_says_so(target: Target) -> None:
    """After `bulkq.open` was left, a run is refused in one line and nothing leaks."""
    async with bulkq.open(target.url) as db:
        pass
    with pytest.raises(bulkq.UsageError, match="was left"):
        await db.execute("select 1")


@pytest.mark.parametrize("wrong", [5, None, b"select 1"])
async def test_what_is_no_query(target: Target, wrong: str) -> None:
    """Whatever is no text, no query, no target and no path is an error of ours, in one line that shows it."""
    shown = re.escape(repr(wrong))
    async with bulkq.open(target.url) as db:
        with pytest.raises(bulkq.UsageError, match=f"^query={shown}: SQL text, or a Query from bulkq.load$"):
            await db.execute(wrong)
        with pytest.raises(bulkq.UsageError, match=f"^query={shown}: "):
            db.run(wrong)
        with pytest.raises(bulkq.UsageError, match="^expected parameter sets, found "):
            await db.execute("select 1", wrong)  # type: ignore[arg-type]
        with pytest.raises(bulkq.UsageError, match=f'^allow={shown}: some of "unbounded", '):
            await db.execute("select 1", allow=wrong)
    with pytest.raises(bulkq.UsageError, match=f"^target={shown}: a URL, or the name "):
        async with bulkq.open(wrong):
            pass
    with pytest.raises(bulkq.UsageError, match=f"^path={shown}: the path of a .sql file$"):
        bulkq.load(wrong)


@pytest.mark.parametrize(
    "wrong", [{"timeout": 0}, {"timeout": "5s"}, {"timeout": float("nan")}, {"retries": -1}, {"on_error": "x"}]
)
async def test_wrong_arguments(target: Target, wrong: dict[str, object]) -> None:
    """A wrong argument is an error of ours that shows its value."""
    async with bulkq.open(target.url) as db:
        with pytest.raises(bulkq.UsageError, match=next(iter(wrong))):
            db.run("select 1", **wrong)  # type: ignore[arg-type]
