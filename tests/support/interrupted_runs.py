"""Runs on SQLite that are stopped or killed."""

from __future__ import annotations

import re
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.support.servers.processes import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.command import Cli, Finished


TARGET = "sqlite:///app.db"
ROWS = 400
SETUP = f"""
create table t(id integer primary key, n integer not null default 0);
with recursive c(i) as (select 1 union all select i + 1 from c where i < {ROWS}) insert into t(id) select i from c;
create table parent(id integer primary key);
"""


QUERIES = """\
-- name: slow(id: bigint)
with recursive c(i) as (select 1 union all select i + 1 from c where i < 8000)
select :id as id, count(*) as n from c;

-- name: add(id: bigint)
-- @mode write
update t set n = n + 1 where id = :id;

-- name: add_slowly(id: bigint)
-- @mode write
update t set n = n + 1 where id = :id and (
  with recursive c(i) as (select 1 union all select i + 1 from c where i < 10000) select count(*) from c) > 0;

-- name: inverse(id: bigint)
select json_extract(v, '$.x') as x from j where id = :id;
"""


def query(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows of the SQLite target."""
    with closing(sqlite3.connect(folder / "app.db", timeout=10)) as database:
        return database.execute(sql).fetchall()


def begun(process: subprocess.Popen[bytes]) -> str:
    """The id in the first line of a run."""
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    found = re.match(r"run=([0-9a-z]{10}) ", line)
    assert found, line + process.stderr.read().decode()
    return found[1]


def killed(process: subprocess.Popen[bytes], when: Callable[[], bool]) -> str:
    """The id of a run that is killed with -9 as soon as `when`."""
    run = begun(process)
    wait_until(when, "the run has not come so far")
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    return run


def stopped(cli: Cli, *arguments: str) -> Finished:
    """A run over six sets that stopped at the second, consistent and resumable."""
    options = ("-t", TARGET, "-p", "range:id=1..6", "-j", "1", "--batch", "1", "--max-failures", "1")
    done = cli("run", "q.sql:inverse", *options, *arguments)
    assert (done.code, done.counts["ok"], done.counts["failed"]) == (5, "1", "1"), done.err
    return done


def assert_one_line(done: Finished, code: int, *words: str) -> None:
    """One line on stderr that holds all `words`."""
    assert done.code == code, done.err
    assert len(done.err.splitlines()) == 1, done.err
    for word in words:
        assert word in done.err
