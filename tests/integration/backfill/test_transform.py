"""A backfill whose logic is a Python function: rows are read, computed elsewhere, and applied only if they are still the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq import query as queries
from bulkq.engine.stop_control import Control
from bulkq.errors import RefusedError, UsageError
from bulkq.lifecycle.backfill.validate_request import complete_options, statement_of
from bulkq.model import Run, Target
from bulkq.model.own_error_states import MAP_FAILED, ROWS_CHANGED
from bulkq.model.run import BackfillOptions, LimitOptions, OutputOptions, QueryOptions, SafetyOptions, TargetOptions
from bulkq.tasks.backfill import backfill
from bulkq.tasks.retry import retry
from tests.support import targets

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import RunSummary
    from tests.support.targets import Target as Database

ROWS = 200
SELECT = "select id, a, b from numbers where :range and b is null"
GROUPED = "select t.id, max(t.a) as a from numbers as t where :range(t) and t.b is null group by t.id"
APPLY = "-- name: put\nupdate numbers set b = :b, n = n + 1 where id = :id"

FUNCTIONS = '''
import os, sqlite3
from contextlib import closing

URL = {url!r}

def change(*statements):
    """Another session, which commits while rows are being computed."""
    if URL.startswith("sqlite"):
        opened = sqlite3.connect(URL.removeprefix("sqlite:///"), timeout=10)
    else:
        import psycopg2
        opened = psycopg2.connect(URL)
    with closing(opened):
        for statement in statements:
            opened.cursor().execute(statement)
        opened.commit()

def double(rows):
    return [{{"id": row["id"], "b": row["a"] * 2}} for row in rows]

def odd(rows):
    """Fails for some rows, unless a file says otherwise."""
    if any(row["id"] % 50 == 7 for row in rows) and not os.path.exists("fixed"):
        raise ValueError("a seven")
    return double(rows)

def short(rows):
    """Lacks a name for one row, after the first ranges were right."""
    found = double(rows)
    for row in found:
        if row["id"] == 150:
            del row["b"]
    return found

def raced(rows):
    """Rows are changed, deleted and inserted while they are computed for the first time; the trial at the start has ten rows."""
    if len(rows) > 10 and not os.path.exists("raced"):
        open("raced", "w").close()
        change(
            "update numbers set a = 1000 where id = 20",
            "delete from numbers where id = 21",
            "update numbers set b = -1 where id = 22",
            "insert into numbers values (-5, 5, null, 0)",
        )
    return double(rows)

def hot(rows):
    """One row is changed each time."""
    if len(rows) > 10 or rows[0]["id"] == 30:
        change("update numbers set a = a + 1 where id = 30")
    return double(rows)

def twice(rows):
    """Any number of sets, in any order."""
    return [row for row in double(rows) if row["id"] % 2 for _ in range(2)]

def nothing(rows):
    return []

def missing(rows):
    return [{{"id": 1}}]
'''


@pytest.fixture(params=["sqlite", "postgresql"])
def base(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with numbers, in a folder with functions."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("database")
    made = targets.make(request.param, tmp_path, database, None)
    values = ", ".join(f"({n}, {n}, null, 0)" for n in range(1, ROWS + 1))
    made.execute("create table numbers (id integer primary key, a integer, b integer, n integer not null)")
    made.execute(f"insert into numbers values {values}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "functions.py").write_text(FUNCTIONS.format(url=made.url))
    return made


def request_for(base: Database, function: str, **more: object) -> Run:
    """A backfill of the numbers through a function."""
    apply = queries.inline(str(more.pop("apply", APPLY)), "sqlite" if base.url.startswith("sqlite") else "postgres")
    limits = LimitOptions(concurrency=int(str(more.pop("lanes", 1))), retries=2)
    values = {"select": SELECT, "map": f"functions:{function}", "map_timeout_s": 2.0, "max_rows": 60, **more}
    options = complete_options(BackfillOptions(over="numbers", **values), apply)  # type: ignore[arg-type]
    return Run(
        queries=QueryOptions(selected=(statement_of(options, apply, ""),)),
        targets=TargetOptions(selected=(Target(url=base.url),)),
        limits=limits,
        safety=SafetyOptions(write=True, ledger="ledger.db"),
        output=OutputOptions(format="none"),
        backfill=options,
    )


async def go(base: Database, function: str, **more: object) -> RunSummary:
    """Execute it."""
    return await backfill(request_for(base, function, **more), control=Control())


def wrong(base: Database) -> list[tuple[object, ...]]:
    """Rows that were not changed exactly once to what the function makes of them."""
    return base.execute("select id, a, b, n from numbers where b is null or b <> a * 2 or n <> 1 order by id")


async def test_each_row_is_applied_once(base: Database) -> None:
    """Ranges without rows are done too, and a second run finds nothing."""
    summary = await go(base, "double", lanes=2)
    assert (summary.exit_code, summary.changed, wrong(base)) == (0, ROWS, [])
    summary = await go(base, "double", where="b is null")
    assert (summary.exit_code, summary.changed) == (0, 0)
    assert summary.ok > 1


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
async def test_the_function_may_give_any_number_of_sets(base: Database) -> None:
    """Also none, and several for one row."""
    assert (await go(base, "nothing")).changed == 0
    assert (await go(base, "twice")).changed == ROWS
    assert base.execute("select n, count(*) from numbers group by n order by n") == [(0, 100), (2, 100)]


@pytest.mark.parametrize(
    ("base", "how"),
    [("postgresql", {}), ("postgresql", {"select": GROUPED}), ("sqlite", {"lock": False})],
    ids=["locked", "grouped", "unlocked"],
    indirect=["base"],
)
async def test_what_others_change_in_between_is_not_overwritten(base: Database, how: dict[str, object]) -> None:
    """It is computed again; what they have done or deleted is left out, what they have inserted is done too.

    A grouped query cannot lock its rows: those of the range are locked by a statement of their own.
    """
    summary = await go(base, "raced", **how)
    assert (summary.exit_code, summary.changed) == (0, ROWS - 1)
    assert wrong(base) == [(22, 22, -1, 0)]
    assert base.execute("select b from numbers where id in (-5, 20) order by id") == [(10,), (2000,)]
    assert base.execute("select count(*) from numbers") == [(ROWS,)]


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
async def test_a_row_that_changes_each_time_fails(base: Database) -> None:
    """With its key, and all others are done."""
    summary = await go(base, "hot")
    (failure,) = summary.failures
    assert (summary.exit_code, failure.sqlstate) == (1, ROWS_CHANGED)
    assert failure.message == "other sessions changed it each of 5 times that it was computed"
    assert [row[0] for row in wrong(base)] == [30]


async def test_rows_that_the_function_fails_for_are_failures(base: Database, tmp_path: Path) -> None:
    """With their keys; the rest is done, and a retry does them when the function is right."""
    summary = await go(base, "odd")
    bad = [7, 57, 107, 157]
    assert (summary.exit_code, summary.failed, summary.changed) == (1, 4, ROWS - 4)
    words = "--map functions:odd: ValueError: a seven"
    assert {(f.sqlstate, f.query, f.message) for f in summary.failures} == {(MAP_FAILED, "put", words)}
    found = {failure.key_range.replace("`", "").replace('"', "") for failure in summary.failures}
    assert found == {f"id > {n - 1} AND id <= {n}" for n in bad}
    assert [row[0] for row in wrong(base)] == bad
    (tmp_path / "fixed").touch()
    summary = await retry(None, ledger="ledger.db", changes={}, control=Control())
    assert (summary.exit_code, summary.failed, wrong(base)) == (0, 0, [])


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
async def test_a_wrong_answer_for_one_row_is_its_failure(base: Database) -> None:
    """After the function has given sets for others."""
    (failure,) = (await go(base, "short")).failures
    assert failure.message == '--map functions:short: returned a row without "b", which the query of --apply needs'
    assert [row[0] for row in wrong(base)] == [150]


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
async def test_a_function_that_is_wrong_is_refused(base: Database) -> None:
    """Before anything is applied or recorded."""
    with pytest.raises(RefusedError) as caught:
        await go(base, "missing")
    words = 'returned a row without "b", which the query of --apply needs: nothing was applied'
    assert str(caught.value) == f"--map functions:missing: {words}"
    assert len(wrong(base)) == ROWS


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"select": "select a, b from numbers where :range"}, UsageError, '--select does not give "id" of the key'),
        ({"select": "select id, a, b as a from numbers where :range"}, UsageError, '--select gives two columns "a"'),
        ({"select": "select id, nix from numbers where :range"}, UsageError, "--select:put: .*nix"),
        ({"apply": "-- name: put\nupdate nix set b = :b where id = :id"}, RefusedError, "put: .*nix"),
        ({"map": "functions:nix"}, UsageError, '--map "functions:nix" cannot be imported'),
    ],
)
@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
async def test_bad_input_is_refused(
    base: Database, more: dict[str, object], error: type[Exception], words: str
) -> None:
    """In one line, with nothing applied."""
    with pytest.raises(error, match=words) as caught:
        await go(base, "double", **more)
    assert "\n" not in str(caught.value)
    assert len(wrong(base)) == ROWS
