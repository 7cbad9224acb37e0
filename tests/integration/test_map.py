"""`--map`: rows through a Python function in other processes; its failures are those of their parameter sets."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

import bulkq
from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.errors import UsageError
from bulkq.model import RunSummary, Target
from bulkq.model.own_error_states import MAP_FAILED
from bulkq.model.run import make_run
from bulkq.tasks.run import run

if TYPE_CHECKING:
    from pathlib import Path

FUNCTIONS = '''
import os, time
from datetime import date

def double(rows):
    """More rows, other columns, any Python values."""
    for row in rows:
        yield {"id": row["id"] * 2, "pid": os.getpid(), "day": date(2026, 11, 22), "tags": ["a", None]}

def none(rows):
    if rows[0]["id"] != 3:
        return rows

def empty(rows):
    return []

def bad(rows):
    if rows[0]["id"] == 3:
        raise ValueError("three is bad")
    return rows

def slow(rows):
    if rows[0]["id"] == 3:
        time.sleep(60)
    return rows

def dies(rows):
    if rows[0]["id"] == 3:
        os._exit(9)
    return rows

def leaves(rows):
    if rows[0]["id"] == 3:
        raise SystemExit(7)
    return rows

def interrupts(rows):
    if rows[0]["id"] == 3:
        raise KeyboardInterrupt
    return rows

def prints(rows):
    print("printed", rows[0]["id"])
    return rows

async def later(rows):
    return rows

def odd(rows):
    return [(1, 2)]

not_a_function = 7
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with functions and a database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    sqlite3.connect(tmp_path / "here.db").close()
    return tmp_path


async def go(
    function: str, sql: str = "select :id as id", sets: int = 20, **more: object
) -> tuple[RunSummary, list[dict[str, object]]]:
    """The summary and the rows of a run over `sets` numbers."""
    out = io.BytesIO()
    asked = {"ledger": "none", "targets": (Target(url="sqlite:///here.db"),), "concurrency": 2, "format": "jsonl"}
    request = make_run(
        queries=(queries.inline(sql, "sqlite"),),
        params=(f"range:id=1..{sets}",) if ":id" in sql else (),
        map=f"functions:{function}",
        **{**asked, **more},  # type: ignore[arg-type]
    )
    summary = await run(request, control=Control(), stdout=out)
    return summary, [json.loads(line) for line in out.getvalue().decode().splitlines()]


async def test_rows_are_what_the_function_gives(here: Path) -> None:
    """In the order of the sets, with its own columns, from another process; values are written as any others."""
    summary, rows = await go("double", include=("n",))
    assert (summary.exit_code, summary.ok, summary.rows) == (0, 20, 20)
    assert [(row["_n"], row["id"]) for row in rows] == [(n, 2 * n) for n in range(1, 21)]
    assert {row["day"] for row in rows} == {"2026-11-22"}
    assert rows[0]["tags"] == ["a", None]
    assert os.getpid() not in {row["pid"] for row in rows}
    summary, rows = await go("empty")
    assert (summary.exit_code, summary.ok, rows) == (0, 20, [])


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("bad", "ValueError: three is bad"),
        ("slow", "took longer than 1s and was killed"),
        ("dies", "its process died"),
        ("leaves", "SystemExit: 7"),
        ("none", "returned None: return the rows, or an empty list"),
        ("interrupts", "KeyboardInterrupt"),
    ],
)
async def test_only_the_culprit_fails(here: Path, function: str, words: str) -> None:
    """An exception, a call that never ends, a process that dies: the set of it fails, all the others are answered."""
    began_s = time.monotonic()
    summary, rows = await go(function, map_timeout_s=1.0, map_timeout_given=True, batch=5, batch_given=True)
    assert time.monotonic() - began_s < 30
    assert (summary.exit_code, summary.ok, summary.failed) == (1, 19, 1)
    (failure,) = summary.failures
    assert (failure.n, failure.sqlstate, failure.message) == (3, MAP_FAILED, f"--map functions:{function}: {words}")
    assert [row["id"] for row in rows] == [n for n in range(1, 21) if n != 3]


async def test_a_big_answer_goes_through_in_pieces(here: Path) -> None:
    """Memory does not grow with the answer; when a later piece fails, nothing of it stands in the output."""
    numbers = "with recursive r(id) as (select {} union all select id + 1 from r where id < {}) select id from r"
    summary, rows = await go("double", numbers.format(1, 12_000), output=str(here / "out.jsonl"))
    assert (summary.exit_code, rows) == (0, [])
    with (here / "out.jsonl").open() as file:
        assert [json.loads(line)["id"] for line in file] == list(range(2, 24_001, 2))
    late = "with recursive r(i) as (select 1 union all select i + 1 from r where i < 12000) select case when i = 10001 then 3 else 9 end as id from r"
    pieces = "def bad(rows):\n    if any(row['id'] == 3 for row in rows): raise ValueError('late')\n    return rows\n"
    (here / "later.py").write_text(pieces)
    summary, rows = await go_named("later:bad", late)
    assert (summary.exit_code, summary.failed, rows) == (1, 1, [])
    assert summary.failures[0].message == "--map later:bad: ValueError: late"


async def go_named(name: str, sql: str) -> tuple[RunSummary, list[dict[str, object]]]:
    """As `go`, with the function of another module."""
    out = io.BytesIO()
    request = make_run(
        queries=(queries.inline(sql, "sqlite"),),
        targets=(Target(url="sqlite:///here.db"),),
        ledger="none",
        format="jsonl",
        map=name,
    )
    summary = await run(request, control=Control(), stdout=out)
    return summary, [json.loads(line) for line in out.getvalue().decode().splitlines()]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("functions", "write MODULE:FUNCTION"),
        ("functions:nothing", "has no attribute 'nothing'"),
        ("functions:not_a_function", "not_a_function is int, not a function"),
        ("functions:later", "later is a coroutine function"),
        ("no_such_module:f", "No module named 'no_such_module'"),
    ],
)
async def test_what_cannot_be_imported(here: Path, name: str, words: str) -> None:
    """One line and exit 2, before anything is connected."""
    with pytest.raises(UsageError, match=words):
        await go_named(name, "select 1 as one")


async def test_what_a_function_prints(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Goes to stderr, at once: stdout is for rows."""
    summary, rows = await go("prints", sets=3)
    assert (summary.exit_code, len(rows)) == (0, 3)
    said = capfd.readouterr()
    assert (said.out, sorted(said.err.splitlines())) == ("", ["printed 1", "printed 2", "printed 3"])


async def test_rows_that_are_no_dicts(here: Path) -> None:
    """The failure says what was given instead."""
    summary, _ = await go("odd", sets=1)
    assert summary.failures[0].message == "--map functions:odd: returned a row of type tuple: return dicts"


async def test_the_library_maps_too(here: Path) -> None:
    """`db.run(..., map=)` gives the function's rows."""
    async with bulkq.open("sqlite:///here.db", concurrency=2) as db:
        rows = [row async for row in db.run("select :id as id", [{"id": 1}, {"id": 2}], map="functions:double")]
    assert [row["id"] for row in rows] == [2, 4]
