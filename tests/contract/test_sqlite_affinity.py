"""Columns without affinity on SQLite: a number never equals the text there, which a run, a check, a plan and lint say."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.engines import ENGINES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.sqlite_files import SqliteFile

SHOP = """
create table t (id integer primary key, n int, code text, free, raw blob, day text, doc text,
                year generated always as (strftime('%Y', day)), typed text as (strftime('%Y', day)));
insert into t (id, n, code, free, raw, day, doc) values (1, 7, '7', '7', '7', '2024-05-01', '{"a": "7"}');
create table copied as select strftime('%Y', day) as year, code from t;
create view years as select id, strftime('%Y', day) as year, code from t;
create table strict (id integer primary key, kind any) strict;
insert into strict values (1, '7');
create virtual table words using fts5(word);
insert into words values ('7');
"""

WITHOUT = {
    "no-type": "select 1 from t where free = :v",
    "qualified": "select 1 from years as y join t on t.id = y.id where t.free = :v",
    "blob": "select 1 from t where raw = :v",
    "generated": "select 1 from t where year = :v",
    "copied": "select 1 from copied where year = :v",
    "view": "select 1 from years where year = :v",
    "strict-any": "select 1 from strict where kind = :v",
    "fts5": "select 1 from words where word = :v",
    "json_each": "select 1 from t, json_each(t.doc) as j where j.value = :v",
    "plus": "select 1 from t where +code = :v",
    "max": "select 1 from t group by id having max(code) = :v",
    "coalesce": "select 1 from t where coalesce(code, '') = :v",
    "json": "select 1 from t where doc ->> '$.a' = :v",
    "subquery": "select 1 from t where :v in (select free from t)",
    "renamed": "select 1 from (select free as x from t) where x = :v",
    "through": "select 1 from (select free from t) where free = :v",
    "update": "update t set n = 1 where free = :v",
    "quoted": 'select 1 from "T" where "Free" = :v',
}

WITH = {
    "text": "select 1 from t where code = :v",
    "generated": "select 1 from t where typed = :v",
    "copied": "select 1 from copied where code = :v",
    "view": "select 1 from years where code = :v",
    "key": "select 1 from words where rowid = :v",
    "cast": "select 1 from t where cast(free as text) = :v",
    "same-name": "select 1 from copied as c where exists (select 1 from t where t.code = :v and c.year = free)",
    "set": "update t set free = :v where id = 1",
    "text-expression": "select 1 from t where strftime('%Y', day) = :v",
}


EVERY = WITHOUT | {f"with-{name}": sql for name, sql in WITH.items()}


@pytest.fixture(params=["sqlite", "sqlite+pysqlite"])
def shop(request: pytest.FixtureRequest, sqlite_file: SqliteFile) -> str:
    """The URL of a database, for each driver of SQLite."""
    return f"{request.param}:///{sqlite_file(SHOP)}"


def _file(folder: Path, statements: dict[str, str]) -> Path:
    text = "".join(f"-- name: {name.replace('-', '_')}\n{sql};\n" for name, sql in statements.items())
    path = folder / "q.sql"
    path.write_text(text)
    return path


def _warned(lines: str) -> list[int]:
    """Lines of q.sql that BQ010 names."""
    return [int(line.split("q.sql:")[1].split(":")[0]) for line in lines.splitlines() if "BQ010" in line]


def test_a_run_warns_once_per_query(shop: str, cli: Cli, tmp_path: Path) -> None:
    """The value of CSV is compared as a number with a column without affinity: no row is found, and a line says why."""
    (tmp_path / "v.csv").write_text("v\n7\n7\n")
    path = _file(tmp_path, EVERY)
    done = cli("run", path, "-t", shop, "-p", "v.csv", "--write", "--format", "jsonl")
    assert done.code == 0, done.err
    assert _warned(done.err) == [2 * n + 2 for n in range(len(WITHOUT))], done.err


def test_the_warning_says_what_to_write(shop: str, cli: Cli, tmp_path: Path) -> None:
    """With what it says, the row is found and nothing is said."""
    sql = "select id from t where free = :v"
    done = cli("run", "-e", sql, "-t", shop, "--param", "v=7")
    assert (done.code, done.out) == (0, b"")
    assert (
        'warning: -e:1: BQ010: SQLite compares :v with column "free", which has no affinity, as a number if the value'
        ' looks like one, else as text: declare its type: "-- @param v text", or integer' in done.err
    )
    done = cli("run", "-e", f"-- @param v text\n{sql}", "-t", shop, "--param", "v=7")
    assert (done.code, done.out) == (0, b'{"id":1}\n'), done.err
    assert "BQ010" not in done.err


def test_typed_values_are_trusted(shop: str, cli: Cli, tmp_path: Path) -> None:
    """JSON says whether a value is text."""
    (tmp_path / "v.jsonl").write_text('{"v":"7"}\n{"v":7}\n')
    done = cli("run", "-e", "select id from t where free = :v", "-t", shop, "-p", "v.jsonl")
    assert (done.out, "BQ010" in done.err) == (b'{"id":1}\n', False)


def test_a_check_and_plans_warn(shop: str, cli: Cli, tmp_path: Path) -> None:
    """The same line from `check`, `plan run`, `plan check` and `lint --prepare`; exit codes stay."""
    reads = {name: sql for name, sql in EVERY.items() if not sql.startswith("update")}
    path = _file(tmp_path, reads)
    wrong = [2 * n + 2 for n, sql in enumerate(reads.values()) if sql in WITHOUT.values()]
    for words in (("check",), ("plan", "run"), ("plan", "check")):
        done = cli(*words, path, "-t", shop, "--param", "v=8")
        assert (done.code, sorted(_warned(done.err))) == (0, wrong), (words, done.err)
    done = cli("lint", path, "--prepare", "-t", shop)
    assert (done.code, sorted(_warned(done.text))) == (0, wrong)


def test_a_broken_view_beside_it(shop: str, cli: Cli, tmp_path: Path) -> None:
    """A view that SQLite cannot read says nothing of its columns, and its statement fails by itself."""
    with closing(sqlite3.connect(shop.split("///")[1])) as connection:
        connection.execute("create view broken as select x from gone")
    done = cli("run", "-e", "select 1 from broken where x = :v", "-t", shop, "--param", "v=7")
    assert (done.code, "BQ010" in done.err) == (1, False), done.err


@pytest.mark.parametrize("name", ["turso", "sqlcipher", "adbc"])
def test_other_libraries(name: str, tmp_path: Path, cli: Cli) -> None:
    """SQLite through a library of its own is looked at in the same way."""
    engine = next((engine for engine in ENGINES if engine.name == name), None)
    assert engine is not None, [engine.name for engine in ENGINES]
    if engine.missing():
        pytest.skip(engine.missing())
    url = engine.url.format(path=tmp_path / "shop.db")
    engine.execute(url, "create table t (id integer primary key, free)", "insert into t values (1, '7')")
    done = cli("run", "-e", "select id from t where free = :v", "-t", url, "--param", "v=7", env=engine.environment)
    assert (done.code, done.out) == (0, b""), done.err
    assert 'BQ010: SQLite compares :v with column "free"' in done.err
