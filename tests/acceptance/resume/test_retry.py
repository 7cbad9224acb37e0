"""`bulkq retry`, and maintenance that was cut off."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.interrupted_runs import TARGET, assert_one_line, killed, query, stopped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli


# --- retry ----------------------------------------------------------------------------------------------------------


def test_what_failed_is_tried_again(cli: Cli, folder: Path) -> None:
    """A new run over the failed sets with their old numbers, into a file beside the first; then nothing is left."""
    first = cli("run", "q.sql:inverse", "-t", TARGET, "-p", "range:id=1..6", "-o", "x.csv", "--include", "n")
    assert (first.code, first.counts["ok"], first.counts["failed"]) == (1, "3", "3"), first.err
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("""update j set v = '{"x": 2}' where id in (2, 6)""")
        database.commit()
    second = cli("retry", "--last")
    assert (second.code, second.counts["ok"], second.counts["failed"]) == (1, "2", "1"), second.err
    old, new = first.counts["run"], second.counts["run"]
    assert old != new
    assert (folder / "x.csv").read_text() == "_n,x\n1,1\n3,1\n5,1\n"
    assert (folder / f"x.retry-{old}.csv").read_text() == "_n,x\n2,2\n6,2\n"
    assert f"retry of     {old}" in cli("runs", new).text
    assert "n=4" in cli("retry", new).err


def test_a_retried_write_is_applied_once(cli: Cli, folder: Path) -> None:
    """The sets that went through are not sent again."""
    (folder / "ref.sql").write_text(
        "-- name: ref(id: bigint)\n-- @mode write\nupdate t set n = n + json_extract((select v from j where id = :id), '$.x') where id = :id;\n"
    )
    first = cli("run", "ref.sql", "-t", TARGET, "-p", "range:id=1..6", "--write")
    assert (first.code, first.counts["ok"], first.counts["failed"]) == (1, "3", "3"), first.err
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("""update j set v = '{"x": 1}'""")
        database.commit()
    second = cli("retry", first.counts["run"])
    assert (second.code, second.counts["ok"], second.counts["changed"]) == (0, "3", "3"), second.err
    assert query(folder, "select id, n from t where n > 0") == [(i, 1) for i in range(1, 7)]


def test_a_retry_that_was_stopped_goes_on_with_its_own_sets(cli: Cli, folder: Path) -> None:
    """What had gone through in the run that it repeats is none of its business, when it is resumed as well."""
    ask = lambda sql: query(folder, sql)  # noqa: E731 - short in the lines below
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("create table acc(id integer primary key, v integer check (v < 1000))")
        database.executemany("insert into acc values (?, ?)", [(i, 999 if i in {3, 4, 7} else 0) for i in range(1, 11)])
        database.commit()
    change = ("run", "-e", "update acc set v = v + 1 where id = :id", "-t", TARGET, "-p", "range:id=1..10", "--write")
    first = cli(*change)
    assert (first.code, first.counts["ok"], first.counts["failed"]) == (1, "7", "3"), first.err
    stopped = cli("retry", "--last", "--max-failures", "1", "-j", "1", "--batch", "1")
    assert (stopped.code, stopped.counts["failed"], stopped.counts["skipped"]) == (5, "1", "2"), stopped.err
    again = cli("resume", "--last", "--max-failures", "50")
    assert (again.code, again.counts["ok"], again.counts["failed"]) == (1, "0", "3"), again.err
    assert ask("select v, count(*) from acc group by v order by v") == [(1, 7), (999, 3)]
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("update acc set v = 0 where v = 999")
        database.commit()
    done = cli("retry", "--last")
    assert (done.code, done.counts["ok"], done.counts["changed"]) == (0, "3", "3"), done.err
    assert ask("select v, count(*) from acc group by v") == [(1, 10)]


def test_a_killed_retry_of_standard_input_goes_on(cli: Cli, folder: Path) -> None:
    """It reads the spool of the run that it repeats, which goes when all has gone well."""
    ids = b"id\n" + b"".join(b"%d\n" % i for i in range(1, 7))
    first = cli("run", "q.sql:inverse", "-t", TARGET, "-p", "-", "--params-format", "csv", "-o", "x.csv", stdin=ids)
    assert (first.code, first.counts["failed"]) == (1, "3"), first.err
    spools = lambda: sorted(path.name for path in folder.rglob("*.spool"))  # noqa: E731
    assert len(spools()) == 1
    stopped = cli("retry", "--last", "-j", "1", "--batch", "1", "--max-failures", "1")
    assert (stopped.code, stopped.counts["skipped"]) == (5, "2"), stopped.err
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("""update j set v = '{"x": 2}' where id in (4, 6)""")
        database.commit()
    again = cli("resume", "--last", "--max-failures", "50")
    assert (again.code, again.counts["ok"], again.counts["failed"]) == (1, "2", "1"), again.err
    assert (folder / f"x.retry-{first.counts['run']}.csv").read_text() == "x\n2\n2\n"
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("""update j set v = '{"x": 3}' where id = 2""")
        database.commit()
    last = cli("retry", "--last")
    assert (last.code, last.counts["ok"]) == (0, "1"), last.err
    assert spools() == []


def test_maintenance_that_was_cut_off_is_listed(cli: Cli, folder: Path) -> None:
    """Killed while a set was on its way: the resume tells which, with line and values, and the next one does not tell it again."""
    count = "with recursive c(i) as (select 1 union all select i + 1 from c where i < 300000) select count(*) from c"
    sql = f"-- name: m(id: bigint)\n-- @mode maintenance\nupdate t set n = n + 1 where id = :id and ({count}) > 0;\n"
    (folder / "m.sql").write_text(sql)
    process = cli.start("run", "m.sql", "-t", TARGET, "-p", "ids.csv", "--write", "-j", "1", "--failures", "f.jsonl")
    run = killed(process, lambda: int(str(query(folder, "select sum(n) from t")[0][0])) >= 3)
    resumed = cli("resume", run, "--max-failures", "1000", "--deadline", "1s")
    assert resumed.code in {3, 5}, resumed.err
    lines = [json.loads(line) for path in folder.glob("f.jsonl*") for line in path.read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["unknown"]
    (line,) = lines
    assert line["source"] == f"ids.csv:{line['n'] + 1}"
    assert line["params"] == {"id": line["n"]}
    again = cli("resume", run, "--deadline", "1s")
    assert again.code in {3, 5}, again.err
    told = [json.loads(line)["n"] for path in folder.glob("f.jsonl*") for line in path.read_text().splitlines()]
    assert told.count(line["n"]) == 1
    assert len(told) == len(set(told))


def test_what_was_retried_is_not_retried_again(cli: Cli, folder: Path) -> None:
    """The second retry of a run goes on from the first: what went well there is not applied twice."""
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("create table acc(id integer primary key, v integer check (v < 100))")
        database.executemany("insert into acc values (?, ?)", [(1, 0), (2, 95), (3, 95)])
        database.commit()
    first = cli(
        *("run", "-e", "update acc set v = v + 10 where id = :id", "-t", TARGET, "-p", "range:id=1..3", "--write")
    )
    run = first.counts["run"]
    assert (first.code, first.counts["failed"]) == (1, "2"), first.err
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("update acc set v = 0 where id = 2")
        database.commit()
    second = cli("retry", run)
    assert (second.code, second.counts["ok"], second.counts["failed"]) == (1, "1", "1"), second.err
    assert f"next         bulkq runs {second.counts['run']}" in cli("runs", run).text
    third = cli("retry", run)
    assert (third.code, third.counts["ok"], third.counts["failed"]) == (1, "0", "1"), third.err
    assert f"was retried by run {second.counts['run']}" in third.err
    assert query(folder, "select v from acc order by id") == [(10,), (10,), (95,)]


def test_maintenance_that_went_well_is_settled(cli: Cli, folder: Path) -> None:
    """What is on record as sent is none of the unknowns once its end is known: nothing to retry, nothing to resume."""
    sql = "-- name: m(id: bigint)\n-- @mode maintenance\nupdate t set n = n + 1 where id = :id;\n"
    (folder / "m.sql").write_text(sql)
    options = ("-t", TARGET, "-p", "range:id=1..20", "--write", "--deadline", "10m")
    done = cli("run", "m.sql", *options)
    assert (done.code, done.counts["ok"], done.counts["unknown"]) == (0, "20", "0"), done.err
    shown = cli("runs", done.counts["run"]).text
    assert "failure" not in shown
    again = cli("retry", "--last")
    assert (again.code, "nothing to retry" in again.err) == (0, True), again.err
    assert query(folder, "select sum(n) from t") == [(20,)]


@pytest.mark.usefixtures("folder")
def test_an_unfinished_run_is_resumed_first(cli: Cli) -> None:
    """`retry` of a run with missing sets: exit code 4, and the command that comes first."""
    run = stopped(cli).counts["run"]
    assert_one_line(cli("retry", run), 4, f"bulkq resume {run}")


@pytest.mark.usefixtures("folder")
def test_a_run_without_failures_has_nothing_to_retry(cli: Cli) -> None:
    """Exit code 0, and it says so."""
    done = cli("run", "q.sql:add", "-t", TARGET, "-p", "ids.csv", "--write")
    again = cli("retry", done.counts["run"])
    assert again.code == 0, again.err
    assert query(cli.folder, "select distinct n from t") == [(1,)]


# --- the databases of a retry ---------------------------------------------------------------------------------------


def _table(file: Path, condition: str) -> None:
    """A database with two rows, in which `condition` holds for each value."""
    with closing(sqlite3.connect(file)) as database:
        database.execute(f"create table t(id integer primary key, v integer check ({condition}))")
        database.executemany("insert into t values (?, 0)", [(1,), (2,)])
        database.commit()


def _without_condition(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        database.executescript(
            "create table u(id integer primary key, v integer); insert into u select * from t; drop table t; alter table u rename to t"
        )


def _values(file: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(file)) as database:
        return database.execute("select id, v from t order by id").fetchall()


@pytest.fixture
def two(cli: Cli, folder: Path) -> str:
    """A run on two databases, of which each has failed a set: `a` its last line, `b` its first, which the next one overtakes."""
    _table(folder / "a.db", "v <> 30")
    _table(folder / "b.db", "v <> 10")
    (folder / "ov.csv").write_text("id,v\n1,10\n1,20\n2,30\n")
    change = "update t set v = cast(:v as integer) where id = :id"
    found = cli("run", "-e", change, "-t", "sqlite:///a.db", "-t", "sqlite:///b.db", "-p", "ov.csv", "--write")
    assert (found.code, found.counts["ok"], found.counts["failed"]) == (1, "4", "2"), found.err
    assert (_values(folder / "a.db"), _values(folder / "b.db")) == ([(1, 20), (2, 0)], [(1, 20), (2, 30)])
    for name in ("a.db", "b.db"):
        _without_condition(folder / name)
    return str(found.counts["run"])


@pytest.mark.usefixtures("two")
def test_a_retry_refuses_another_database_of_the_same_name(cli: Cli, folder: Path) -> None:
    """As a resume does: nothing is changed there."""
    (folder / "a.db").unlink()
    _table(folder / "a.db", "true")
    found = cli("retry", "--last")
    assert found.code in {3, 4}, found.err
    assert "is not the database that the run began with" in found.err
    assert _values(folder / "a.db") == [(1, 0), (2, 0)]
