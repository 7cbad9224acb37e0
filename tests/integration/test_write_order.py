"""Sets of a write that name the same row take effect in the order of the input, on every driver, with eight lanes."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from asyncpg import FeatureNotSupportedError

import bulkq
from tests.support import databases
from tests.support.databases import SCHEMES, Database, fresh
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.command import Cli

DRIVERS = ("asyncpg", "psycopg", "psycopg2", "pymysql", "aiomysql", "duckdb", "aiosqlite")
IDS, VERSIONS = 200, 20
UPDATE = "update t set v = :v where id = :id"


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    """Every driver."""
    return str(request.param)


@pytest.fixture
def base(request: pytest.FixtureRequest, driver: str) -> Database:
    """A database with a table `t` of rows 1 to 200 and their `v`."""
    made = fresh(databases.DRIVERS[driver].kind, request)
    made.execute(
        "create table t (id integer primary key, v varchar(20))",
        f"insert into t (id) values {', '.join(f'({n})' for n in range(1, IDS + 1))}",
    )
    return made


@pytest.fixture
def pg(request: pytest.FixtureRequest) -> Database:
    """An empty database of PostgreSQL."""
    return fresh("postgresql", request)


@pytest.fixture
def maria(request: pytest.FixtureRequest) -> Database:
    """An empty database of MariaDB."""
    return fresh("mariadb", request)


def csv(folder: Path, rows: Iterable[tuple[object, ...]], names: str = "id,v") -> str:
    """A file of parameter sets."""
    lines = [names, *(",".join(map(str, row)) for row in rows)]
    (folder / "sets.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "sets.csv"


def versions(ids: int = IDS, count: int = VERSIONS) -> list[tuple[object, ...]]:
    """Every id, again and again, each time with a later version."""
    return [(n, f"v{k}") for k in range(count) for n in range(1, ids + 1)]


def write(cli: Cli, url: str, sql: str, params: str, *more: str) -> str:
    """Run a write that must go well; the first line of stderr."""
    got = cli("run", "-e", sql, "-t", url, "-p", params, "--write", "--progress", "none", *more)
    assert got.code == 0, got.err
    return next(line for line in got.err.splitlines() if " lanes=" in line)


OTHERS = [("--ordered",), ("-j", "1"), ("--idempotent", "--batch", "9")]


@pytest.mark.parametrize(
    ("driver", "more"),
    [*((name, more) for name in DRIVERS for more in ((), ("--batch", "77"))), *(("asyncpg", more) for more in OTHERS)],
    indirect=["driver"],
)
def test_the_last_line_of_a_key_wins(
    base: Database, driver: str, cli: Cli, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """Each id has the value of its last line, whatever the lanes and the size of batches."""
    write(cli, base.url(SCHEMES[driver]), UPDATE, csv(tmp_path, versions()), *more)
    assert base.execute("select v, count(*) from t group by v") == [(f"v{VERSIONS - 1}", IDS)]


def test_spellings_of_a_key(base: Database, driver: str, cli: Cli, tmp_path: Path) -> None:
    """`1`, `01` and ` 1` are one row: the last line wins, also inside a batch, where keys are sorted as texts."""
    spelled = itertools.cycle(["{}", "0{}", " {}", "00{}"])
    rows = [(next(spelled).format(n), f"v{k:03}") for k in range(25) for n in range(1, 41)]
    write(cli, base.url(SCHEMES[driver]), UPDATE, csv(tmp_path, rows), "--batch", "60")
    assert base.execute("select v, count(*) from t where id <= 40 group by v") == [("v024", 40)]


def test_values_do_not_sort_the_sets_of_a_row(base: Database, driver: str, cli: Cli, tmp_path: Path) -> None:
    """Inside one batch, a later line wins over one whose value sorts behind it."""
    write(cli, base.url(SCHEMES[driver]), UPDATE, csv(tmp_path, [(1, "b"), (2, "x"), (1, "a")]), "--batch", "10")
    assert base.execute("select v from t where id = 1") == [("a",)]


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg", "pymysql"], indirect=True)
def test_locks_that_are_waited_for_keep_the_order(base: Database, driver: str, cli: Cli, tmp_path: Path) -> None:
    """Every tenth set takes long, so that lanes finish in another order than they began; the last line wins all the same."""
    sleep = "pg_sleep(case when :v like '%0' then 0.02 else 0 end) is not null"
    if base.kind == "mariadb":
        sleep = "sleep(case when :v like '%0' then 0.02 else 0 end) is not null"
    rows = [(n, f"v{k}") for k in range(12) for n in range(1, 11)]
    write(cli, base.url(SCHEMES[driver]), f"{UPDATE} and {sleep}", csv(tmp_path, rows), "--batch", "3")
    assert base.execute("select v, count(*) from t where id <= 10 group by v") == [("v11", 10)]


def test_deadlocks_that_are_retried_keep_the_order(pg: Database, cli: Cli, tmp_path: Path) -> None:
    """A trigger makes lanes lock two common rows crosswise; batches that are rolled back and repeated keep each key's order."""
    pg.execute(
        "create table t (id integer primary key, v text)",
        "create table totals (id integer primary key, n integer)",
        "insert into totals values (0, 0), (1, 0)",
        "insert into t select generate_series(1, 40)",
        """create function count_it() returns trigger language plpgsql as $$ begin
             update totals set n = n + 1 where id = new.id % 2; return new; end $$""",
        "create trigger counted after update on t for each row execute function count_it()",
    )
    rows = [(n if k % 2 else 41 - n, f"v{k}") for k in range(10) for n in range(1, 41)]
    got = cli(
        *("run", "-e", UPDATE, "-t", pg.url("postgresql"), "-p", csv(tmp_path, rows), "--write"),
        *("--batch", "4", "--retries", "50", "--lock-timeout", "1s"),
    )
    assert got.code == 0, got.err
    assert pg.execute("select v, count(*) from t group by v") == [("v9", 40)]
    assert pg.execute("select sum(n) from totals") == [(400,)]


def test_a_failed_set_does_not_let_others_pass(pg: Database, cli: Cli, tmp_path: Path) -> None:
    """The sets around a culprit are sent again in their order."""
    pg.execute("create table t (id integer primary key, v text check (v <> 'bad'))", "insert into t values (1), (2)")
    rows = [(1, "a"), (2, "a"), (1, "bad"), (2, "b"), (1, "c"), (2, "bad"), (2, "d")]
    url = pg.url("postgresql")
    got = cli("run", "-e", UPDATE, "-t", url, "-p", csv(tmp_path, rows), "--write", "--batch", "7")
    assert (got.code, got.counts["ok"], got.counts["failed"]) == (1, "5", "2")
    assert pg.execute("select id, v from t order by id") == [(1, "c"), (2, "d")]


PROMISED = "sets with equal {} take effect in input order"
NOT_TOLD = "lanes apply sets in no order: --ordered keeps that of the input"

TYPES = {
    "numeric": ["1.10", "1.1", "01.100"],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}"],
    "char(5)": ["ab", "ab  "],
    "boolean": ["t", "TRUE", "yes"],
    "date": ["2024-01-02", "20240102", "2024-1-2"],
    "timestamptz": ["2024-01-01 10:00:00+00", "2024-01-01 12:00:00+02", "2024-01-01 10:00:00"],
    "double precision": ["1.5", "15e-1", "1.50"],
    "real": ["1.1", "1.10", "1.1000000001"],
    "inet": ["10.0.0.1", "10.0.0.1/32"],
    "bytea": ["\\xDEAD", "\\xdead"],
    "jsonb": ["1", "1 "],
    "code": ["a", "a"],
    "mood": ["sad", "sad"],
}


@pytest.mark.parametrize(
    ("driver", "kind"),
    [*(("asyncpg", kind) for kind in TYPES), *(("psycopg", kind) for kind in ("numeric", "uuid", "inet"))],
)
def test_equal_is_what_the_database_calls_equal(pg: Database, driver: str, kind: str, cli: Cli, tmp_path: Path) -> None:
    """A key that the file spells in several ways is one row, for every type: by its canonical form, or one batch at a time."""
    spellings = TYPES[kind]
    pg.execute(
        "create domain code as text",
        "create type mood as enum ('sad', 'ok')",
        f"create table t (id {kind} primary key, v text)",
    )
    pg.execute(f"insert into t values ('{spellings[0]}')")
    rows = [(spellings[k % len(spellings)], f"v{k:03}") for k in range(120)]
    first = write(cli, pg.url(SCHEMES[driver]), UPDATE, csv(tmp_path, rows), "--batch", "2")
    assert PROMISED.format("id") in first
    assert pg.execute("select v from t") == [("v119",)]


def test_a_collation_that_ignores_case(pg: Database, cli: Cli, tmp_path: Path) -> None:
    """Text of a collation that is not deterministic has one batch at a time, and the first line says so."""
    try:
        pg.execute("create collation any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
    except FeatureNotSupportedError as error:
        pytest.skip(str(error))
    pg.execute("create table t (id text collate any_case primary key, v text)", "insert into t values ('ab')")
    rows = [(("ab", "AB", "aB")[k % 3], f"v{k:03}") for k in range(120)]
    first = write(cli, pg.url("postgresql"), UPDATE, csv(tmp_path, rows), "--batch", "2")
    assert f"{PROMISED.format('id')}, one batch at a time: how its type compares is not known" in first
    assert pg.execute("select v from t") == [("v119",)]


def test_text_of_mariadb_compares_by_its_collation(maria: Database, cli: Cli, tmp_path: Path) -> None:
    """Case, accents and trailing blanks do not tell rows apart."""
    maria.execute(
        "create table t (id varchar(20) primary key, v varchar(20)) character set utf8mb4 collate utf8mb4_unicode_ci",
        "insert into t values ('resume', null)",
    )
    spelled = itertools.cycle(["resume", "RESUME", "résumé", "Resume ", "re\u0301sume"])
    rows = [(next(spelled), f"v{k:03}") for k in range(100)]
    first = write(cli, maria.url(SCHEMES["pymysql"]), UPDATE, csv(tmp_path, rows), "--batch", "2")
    assert PROMISED.format("id") in first
    assert maria.execute("select v from t") == [("v099",)]


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg2", "pymysql"], indirect=True)
def test_upserts_and_inserts(base: Database, driver: str, cli: Cli, tmp_path: Path) -> None:
    """Of an upsert the last line of a key wins, of a plain INSERT the first."""
    base.execute("delete from t")
    on = (
        "on duplicate key update v = values(v)"
        if base.kind == "mariadb"
        else "on conflict (id) do update set v = excluded.v"
    )
    url, params = base.url(SCHEMES[driver]), csv(tmp_path, versions(count=10))
    first = write(cli, url, f"insert into t (id, v) values (:id, :v) {on}", params, "--batch", "30")
    assert PROMISED.format("id") in first
    assert base.execute("select v, count(*) from t group by v") == [("v9", IDS)]
    base.execute("delete from t")
    rows = [(n, f"v{k}") for n in range(1, 41) for k in range(3)]
    got = cli(
        *("run", "-e", "insert into t (id, v) values (:id, :v)", "-t", url, "-p", csv(tmp_path, rows)),
        *("--write", "--batch", "5"),
    )
    assert (got.code, got.counts["ok"], got.counts["failed"]) == (1, "40", "80")
    assert base.execute("select v, count(*) from t group by v") == [("v0", 40)]


def test_what_cannot_be_told_is_said(pg: Database, cli: Cli, tmp_path: Path) -> None:
    """The first line says where lanes keep no order, and `--ordered` keeps it."""
    pg.execute(
        "create table t (id integer primary key, v text)",
        "insert into t select generate_series(1, 20)",
        "create function f(i integer, w text) returns void language sql as 'update t set v = w where id = i'",
    )
    url, params = pg.url("postgresql"), csv(tmp_path, versions(20, 30))
    for sql in (
        "select f(:id, :v)",
        "update t set v = :v where id = :id or id = -1",
        "update t set v = :v where id in (:id)",
    ):
        assert NOT_TOLD in write(cli, url, sql, params)
        first = write(cli, url, sql, params, "--ordered", "--batch", "7")
        assert "sets take effect in input order, on one lane" in first
        assert " lanes=1 " in first
        assert pg.execute("select v, count(*) from t group by v") == [("v29", 20)]


def test_ranges_of_ours_do_not_meet(pg: Database, cli: Cli) -> None:
    """The ranges of `range:` share no row, so the first line says nothing of order."""
    pg.execute("create table t (id integer primary key, v text)")
    first = write(cli, pg.url("postgresql"), "update t set v = 1 where id > :lo and id <= :hi", "range:id=1..100/10")
    assert "order" not in first


def test_a_resume_stays_ordered(pg: Database, cli: Cli, tmp_path: Path) -> None:
    """A run with `--ordered` that was stopped is resumed on one lane, also with `-j 8`."""
    pg.execute("create table t (id integer primary key, v text check (v <> 'v0'))", "insert into t values (1)")
    url, params = pg.url("postgresql"), csv(tmp_path, versions(1, 30))
    sql = "update t set v = :v where id = :id or id = -1"
    got = cli("run", "-e", sql, "-t", url, "-p", params, "--write", "--ordered", "--batch", "1", "--max-failures", "1")
    assert got.code == 5, got.err
    got = cli("resume", "--last", "-j", "8", "--batch", "1", "--max-failures", "9")
    assert "sets take effect in input order, on one lane" in got.err
    assert (got.code, pg.execute("select v from t")) == (1, [("v29",)])


def test_a_retry_does_not_undo_a_later_set(pg: Database, cli: Cli, tmp_path: Path) -> None:
    """A failed set whose row a later set has changed is not done again: the retry is refused, with both numbers."""
    pg.execute("create table t (id integer primary key, v text constraint barred check (v <> 'bad'))")
    pg.execute("insert into t values (1), (2)")
    url, params = pg.url("postgresql"), csv(tmp_path, [(1, "bad"), (2, "a"), ("01", "c")])
    got = cli("run", "-e", UPDATE, "-t", url, "-p", params, "--write", "--failures", "failed.jsonl")
    assert got.code == 1, got.err
    pg.execute("alter table t drop constraint barred")
    got = cli("retry", "--last")
    assert got.code == 4
    assert "sql: 1 failed sets name a row that a later set has changed since (set 1: by set 3)" in got.err
    assert pg.execute("select v from t where id = 1") == [("c",)]
    got = cli("run", "-e", UPDATE, "-t", url, "-p", "failed.jsonl", "--write")
    assert (got.code, pg.execute("select v from t where id = 1")) == (0, [("bad",)]), (
        "a new run applies what it is given"
    )


def test_a_retry_of_sets_that_nothing_overtook(pg: Database, cli: Cli, tmp_path: Path) -> None:
    """Sets whose rows no later set has changed are done again; the first line says that they come last."""
    pg.execute("create table t (id integer primary key, v text constraint barred check (v <> 'bad'))")
    pg.execute("insert into t values (1), (2)")
    params = csv(tmp_path, [(1, "a"), (1, "bad"), (2, "a")])
    assert cli("run", "-e", UPDATE, "-t", pg.url("postgresql"), "-p", params, "--write").code == 1
    pg.execute("alter table t drop constraint barred")
    got = cli("retry", "--last")
    assert got.code == 0, got.err
    assert "the failed sets are applied now, after later ones" in got.err
    assert pg.execute("select v from t where id = 1") == [("bad",)]


def test_a_target_that_was_away_in_a_retry_keeps_later_sets(pg: Database, cli: Cli, tmp_path: Path) -> None:
    """The resume of the retry refuses, on the target that was away, to undo what the run has applied since."""
    here, name = pg.url("postgresql"), f"away_{uuid4().hex[:8]}"
    pg.execute(f"create database {name}")
    there = urlunsplit(urlsplit(here)._replace(path=f"/{name}"))
    try:
        for url, barred in ((here, "late"), (there, "early")):
            servers.execute(
                url, f"create table t (id integer primary key, v text constraint barred check (v <> '{barred}'))"
            )
            servers.execute(url, "insert into t values (1), (2)")
        params = csv(tmp_path, [(1, "early"), (1, "new"), (2, "late")])
        got = cli("run", "-e", UPDATE, "-t", here, "-t", there, "-p", params, "--write")
        assert (got.code, got.counts["failed"]) == (1, "2"), got.err
        for url in (here, there):
            servers.execute(url, "alter table t drop constraint barred")
        pg.execute(f"alter database {name} allow_connections false")
        got = cli("retry", "--last")
        pg.execute(f"alter database {name} allow_connections true")
        assert got.code == 3, got.err
        got = cli("resume", "--last")
        assert got.code in {3, 4}, got.err
        assert "a later set has changed since (set 1: by set 2)" in got.err
        assert servers.execute(there, "select v from t where id = 1") == [("new",)]
        assert pg.execute("select v from t where id = 2") == [("late",)]
    finally:
        pg.execute(f"drop database {name} with (force)")


def test_repeated_keys_are_counted(pg: Database, cli: Cli, tmp_path: Path) -> None:
    """`plan`, the last lines of a run and the JSON report say how many sets name a row again; of none, nothing is said."""
    pg.execute("create table t (id integer primary key, v text)")
    asked = ("run", "-e", UPDATE, "-t", pg.url("postgresql"), "--write", "--report", "json:report.json", "-p")
    params = csv(tmp_path, [*versions(50, 3), ("007", "x")])
    assert "repeats     101 sets name a row that an earlier set names" in cli("plan", *asked, params).text
    got = cli(*asked, params)
    assert got.err.splitlines()[-2].endswith("101 sets name a row that an earlier set names")
    counts = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["counts"]
    assert (counts["repeated"], counts["repeated_exact"]) == (101, True)
    params = csv(tmp_path, versions(50, 1))
    assert "repeats" not in cli("plan", *asked, params).text
    assert "earlier set" not in cli(*asked, params).err


async def test_the_python_api_keeps_the_order(pg: Database) -> None:
    """`execute` keeps the order of each row's sets; `ordered=True` that of all sets."""
    pg.execute("create table t (id integer primary key, v text)", "insert into t select generate_series(1, 20)")
    sets = [{"id": n, "v": f"v{k}"} for k in range(60) for n in range(1, 21)]
    async with bulkq.open(pg.url("postgresql")) as db:
        await db.execute(UPDATE, sets, write=True)
        assert pg.execute("select v, count(*) from t group by v") == [("v59", 20)]
        unseen = UPDATE + " or id = -1"
        await db.execute(unseen, sets[: 20 * 30], write=True, ordered=True)
    assert pg.execute("select v, count(*) from t group by v") == [("v29", 20)]
