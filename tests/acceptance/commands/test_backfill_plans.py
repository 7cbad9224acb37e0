"""A statement that would read the whole table for each range is refused before the start."""

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
        "bulkq: set: each range would read the whole of public.users: Seq Scan on public.users, Filter: "
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
