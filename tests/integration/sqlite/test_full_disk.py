"""A SQLite file that cannot grow: COMMIT fails again and again."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

ROWS = 20_000
LEAST = 1_000_000
"""Bytes that a file of a process may have; the ledger needs less."""


def test_a_file_that_cannot_grow_ends_the_run(cli: Cli, tmp_path: Path) -> None:
    """The run does not send the same range for ever. A resume and a retry change the other rows once the file may grow, each row once."""
    path = tmp_path / "small.db"
    with sqlite3.connect(path) as database:
        database.execute("create table t (id integer primary key, n integer default 0, w text)")
        database.executemany("insert into t (id, w) values (?, 'x')", ((n,) for n in range(ROWS)))
    database.close()
    most = max(LEAST, path.stat().st_size + 500_000)
    url = f"sqlite:///{path}"
    sets = ("--over", "t", "--set", "w = hex(randomblob(100))", "--set", "n = n + 1")
    ended = subprocess.run(
        [sys.executable, "-m", "bulkq", "backfill", "-t", url, *sets, "--retries", "1", "--progress", "none"],
        cwd=tmp_path,
        env=cli.environment(None),
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode in {3, 5}, ended.stderr
    assert "disk" in ended.stderr
    resumed = cli("resume", "--last")
    if resumed.code == 1:
        resumed = cli("retry", "--last")
    assert resumed.code == 0, resumed.err
    with sqlite3.connect(path) as database:
        assert database.execute("select n, count(*) from t group by 1").fetchall() == [(1, ROWS)]
    database.close()
