"""A rehearsal of a backfill: ranges are executed and rolled back, and the whole is forecast."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import psycopg2
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

TABLES = """
create table users (id bigserial primary key, n integer not null check (n <> 13));
insert into users (n) select g % 10 from generate_series(1, 5000) g;
create table log (id bigint, was integer);
create function keep() returns trigger language plpgsql as
    $$ begin insert into log values (old.id, old.n); return new; end $$;
create trigger keep after update on users for each row execute function keep();
analyze;
"""

STATE = """
select (select md5(string_agg(u::text || u.xmin::text, ',' order by id)) from users as u), (select count(*) from log),
       (select string_agg(relname, ',' order by relname) from pg_class where relname like 'bulkq%'),
       (select last_value from users_id_seq)
"""


def state(url: str) -> object:
    """All that a rehearsal might have changed."""
    connection = psycopg2.connect(url)
    cursor = connection.cursor()
    cursor.execute(STATE)
    found = cursor.fetchone()
    connection.close()
    return found


@pytest.fixture
def url(database: str) -> str:
    """A database with a table whose changes a trigger keeps."""
    connection = psycopg2.connect(database)
    connection.cursor().execute(TABLES)
    connection.commit()
    connection.close()
    return database


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The URL of a file."""
    connection = sqlite3.connect(tmp_path / "app.db")
    connection.executescript(
        "create table users (id integer primary key, n integer not null); create table log (was integer);"
        "create trigger keep after update on users begin insert into log values (old.n); end; create table none (id integer primary key);"
    )
    connection.executemany("insert into users values (?, 1)", [(n,) for n in range(1, 3001)])
    connection.commit()
    connection.close()
    return f"sqlite:///{tmp_path / 'app.db'}"


def rows(text: str) -> dict[str, str]:
    """The lines of a rehearsal by their names."""
    return {line[:14].strip(): line[14:] for line in text.splitlines() if line[:1] != " "}


def test_a_rehearsal_changes_nothing(cli: Cli, url: str, tmp_path: Path) -> None:
    """Neither rows nor what a trigger writes; it is not recorded; sequences are pointed out."""
    before = state(url)
    done = cli("backfill", "-t", url, "--over", "users", "--set", "n = n + 20", "--rehearse", "6")
    assert done.code == 0, done.err
    found = rows(done.text)
    assert found["rehearsed"].startswith("6 ranges with 2 lanes, ")
    changed, rolled_back = found["changed"].split(" of ")
    assert int(changed.replace(",", "")) > 2000
    assert rolled_back == f"{changed} rows, all rolled back"
    assert {"speed", "whole", "WAL", "lock waits"} <= found.keys()
    assert "not undone    triggers and rules were executed too" in done.text
    assert "not undone    numbers that the statement took of the sequences of id were not given back" in done.text
    assert state(url) == before
    assert not list(tmp_path.rglob("*ledger*"))
    assert done.err == 'trigger "keep" is called AFTER UPDATE for each row\n'


def test_failures_are_shown(cli: Cli, url: str) -> None:
    """A range that would fail is an error of the rehearsal, too; nothing is changed."""
    before = state(url)
    done = cli("backfill", "-t", url, "--over", "users", "--set", "n = 13", "--where", "n > 0", "--rehearse", "3")
    assert done.code == 1
    assert 'failed        3 ranges: new row for relation "users" violates check constraint' in done.text
    assert state(url) == before


def test_a_rehearsal_of_a_file(cli: Cli, file: str, tmp_path: Path) -> None:
    """One lane, because the file has one writer."""
    done = cli(
        "backfill",
        "-t",
        file,
        "--over",
        "users",
        "--set",
        "n = 2",
        "--rehearse",
        "4",
        "--nice",
        "1",
        "--max-rate",
        "7rows/s",
    )
    assert done.code == 0, done.err
    found = rows(done.text)
    assert found["rehearsed"].startswith("4 ranges with 1 lane, ")
    assert found["table"] == "`users`, about 3,000 rows"
    assert found["speed"] == "7 rows/s (7 to 7), with the rests of --nice 1, bounded by --max-rate"
    assert found["whole"].endswith(", without throttled time")
    connection = sqlite3.connect(tmp_path / "app.db")
    assert connection.execute("select sum(n), (select count(*) from log) from users").fetchone() == (3000, 0)
    assert connection.execute("select count(*) from sqlite_master where name like 'bulkq%'").fetchone() == (0,)
    connection.close()
    empty = cli("backfill", "-t", file, "--over", "none", "--delete", "--where", "true", "--rehearse", "4")
    assert (empty.code, rows(empty.text)["table"]) == (0, "`none`: no rows: nothing to rehearse")
    assert cli("backfill", "-t", file, "--over", "users", "--set", "n = 2", "--rehearse", "0").code == 2


def test_what_cannot_be_rolled_back_is_refused(cli: Cli, url: str, tmp_path: Path) -> None:
    """A statement outside a transaction is not executed."""
    (tmp_path / "q.sql").write_text(
        "-- name: outside\n-- @over users\n-- @transaction off\nupdate users set n = 1 where :range;\n"
    )
    done = cli("backfill", "q.sql:outside", "-t", url, "--rehearse", "2")
    assert (done.code, done.text) == (4, "")
    assert done.last.endswith("it runs outside a transaction, so it cannot be rehearsed: leave out --rehearse")


def test_rows_that_go_through_a_function_are_refused(cli: Cli, file: str, tmp_path: Path) -> None:
    """What a statement that reads them takes says nothing about the whole."""
    (tmp_path / "double.py").write_text("def double(rows):\n    return [{**row, 'n': 2 * row['n']} for row in rows]\n")
    (tmp_path / "q.sql").write_text("-- name: keep\nupdate users set n = :n where id = :id;\n")
    options = ("--over", "users", "--select", "select id, n from users where :range", "--map", "double:double")
    done = cli("backfill", "-t", file, *options, "--apply", "q.sql:keep", "--rehearse", "2")
    assert (done.code, "go through a function, so it cannot be rehearsed" in done.last) == (4, True), done.err
