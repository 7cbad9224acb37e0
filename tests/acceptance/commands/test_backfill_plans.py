"""The plan of a backfill, and statements that are refused because each range would read the whole table."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import psycopg2
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

TABLES = """
create table users (id integer primary key, n integer not null);
insert into users select g, 1 from generate_series(1, 40) g;
create table events (id integer, day date, n integer, primary key (id, day)) partition by range (day);
create table events_1 partition of events for values from ('2024-01-01') to ('2024-02-01');
create table events_2 partition of events for values from ('2024-02-01') to ('2024-03-01');
insert into events select g, date '2024-01-20' + g % 20, 1 from generate_series(1, 400) g;
create index events_todo on events (n) where n = 0;
analyze;
"""


@pytest.fixture
def url(database: str) -> str:
    """A database with a small table and a partitioned one."""
    connection = psycopg2.connect(database)
    connection.cursor().execute(TABLES)
    connection.commit()
    connection.close()
    return database


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The URL of a file with a table that has no statistics."""
    connection = sqlite3.connect(tmp_path / "app.db")
    connection.execute("create table users (id integer primary key, n integer not null)")
    connection.executemany("insert into users values (?, 1)", [(n,) for n in range(1, 41)])
    connection.commit()
    connection.close()
    return f"sqlite:///{tmp_path / 'app.db'}"


COUNT = "n = (select count(*) from users as u where u.n > 0)"


def test_a_scan_in_each_range_is_refused(cli: Cli, url: str) -> None:
    """It is named with its conditions and the next step, nothing is changed, and it can be allowed."""
    refused = cli("backfill", "-t", url, "--over", "users", "--set", COUNT)
    assert refused.code == 4
    assert refused.last.startswith(
        "bulkq: users: each range would read the whole of public.users: Seq Scan on public.users, Filter: "
    )
    assert refused.last.endswith(
        ": write the statement so that the index of (id) bounds what it reads, or add --allow seqscan"
    )
    assert cli("backfill", "-t", url, "--over", "users", "--set", COUNT, "--allow", "seqscan").code == 0


def test_small_and_partitioned_tables_are_not(cli: Cli, url: str) -> None:
    """A planner reads a small table as a whole, though it has another way; an index of a few rows is read as a whole too."""
    for table in ("users", "events"):
        done = cli("backfill", "-t", url, "--over", table, "--set", "n = 2", "--where", "n = 1")
        assert (done.code, done.counts["changed"]) == (0, {"users": "40", "events": "400"}[table])
    assert cli("backfill", "-t", url, "--over", "events", "--set", "n = 3", "--where", "n = 0").code == 0


def test_a_scan_of_a_file_is_refused(cli: Cli, file: str) -> None:
    """Also of a table under another name; a statement without one runs."""
    refused = cli("backfill", "-t", file, "--over", "users", "--set", COUNT)
    assert (refused.code, "the whole of `users`: SCAN u: write" in refused.last) == (4, True)
    assert cli("backfill", "-t", file, "--over", "users", "--set", "n = 2").code == 0


def test_a_plan_of_a_server(cli: Cli, url: str) -> None:
    """It names what is changed, by which key, what is locked and read, and makes nothing."""
    planned = cli("plan", "backfill", "-t", url, "--over", "events", "--set", "n = 2", "--where", "n = 1")
    assert (planned.code, planned.err) == (0, "")
    lines = {line[:14].strip(): line[14:] for line in planned.text.splitlines() if line[:1] != " "}
    assert lines["table"].startswith("public.events, about 400 rows, ")
    assert lines["key"] == "(id integer, day date), index events_pkey"
    assert lines["notice"] == "partitioned by RANGE (day) into 2 partitions"
    assert lines["statement"].startswith('UPDATE public.events SET n = 2 WHERE ("id"')
    assert "ROW EXCLUSIVE" in lines["locks"]
    assert lines["verification"] == "no row up to the last row at the start may still match --where n = 1"
    assert lines["plan"].startswith("first range: up to (")
    assert "on public.events_1" in planned.text
    assert "on public.events_2" in planned.text
    connection = psycopg2.connect(url)
    cursor = connection.cursor()
    cursor.execute("select (select sum(n) from events), count(*) from pg_class where relname like 'bulkq%'")
    assert cursor.fetchone() == (400, 0)
    connection.close()


def test_a_plan_of_a_file(cli: Cli, file: str, tmp_path: Path) -> None:
    """The file keeps its bytes, no ledger is made, and the plan has the exit code of the run."""
    before = (tmp_path / "app.db").read_bytes()
    hold = tmp_path / "hold"
    hold.touch()
    planned = cli("plan", "backfill", "-t", file, "--over", "users", "--set", COUNT, "--throttle", f"file:{hold}")
    assert planned.code == 4
    assert f"throttles     file:{hold}: would wait now: file {hold} exists\n" in planned.text
    assert "\nrefused       users: each range would read the whole of `users`: SCAN u: " in planned.text
    assert cli("plan", "backfill", "-t", file, "--over", "users", "--set", COUNT, "--allow", "seqscan").code == 0
    assert (tmp_path / "app.db").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.db", "hold"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--over", "usrs", "--set", "n = 2"], 2, 'there is no table "usrs" (did you mean "users"?): correct the name'),
        (["--over", "users", "--set", "m = 2"], 2, "m"),
        (["--over", "users"], 2, "nothing to do with users"),
        (["--over", "users", "--set", "n = f(n)"], 2, "no such function: f"),
    ],
)
def test_what_cannot_be_planned(cli: Cli, file: str, options: list[str], code: int, message: str) -> None:
    """One line, with the exit code of the run."""
    planned = cli("plan", "backfill", "-t", file, *options)
    assert (planned.code, planned.text, planned.err.count("\n")) == (code, "", 1)
    assert message in planned.err
