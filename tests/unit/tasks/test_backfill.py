"""A backfill of a SQLite file, from a request to its summary."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, cast

from bulkq.cli.commands.backfill import command
from bulkq.cli.options import build_backfill
from bulkq.engine.stop_control import Control
from bulkq.tasks.backfill import backfill
from bulkq.tasks.resume import resume
from bulkq.tasks.retry import retry

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from bulkq.model import Run


def request(folder: Path, *arguments: str) -> Run:
    """`bulkq backfill` of `app.db`, recorded in `ledger.db`."""
    common = ["-t", f"sqlite:///{folder}/app.db", "--ledger", f"sqlite:///{folder}/ledger.db", "--over", "t"]
    with cast("click.Command", command).make_context("backfill", [*common, *arguments]) as ctx:
        return build_backfill.build(cast("Any", ctx.params), ctx)


def database(folder: Path, rows: int) -> sqlite3.Connection:
    """`app.db` with a table `t(id, v, n)`, whose row 17 cannot be changed while its `v` is 0."""
    opened = sqlite3.connect(folder / "app.db", isolation_level=None)
    opened.execute("create table t (id integer primary key, v int, n int default 0, check (v <> 0 or n = 0))")
    opened.executemany("insert into t (id, v) values (?, ?)", [(i, int(i != 17)) for i in range(1, rows + 1)])
    return opened


async def test_a_failed_range_is_done_by_a_retry(tmp_path: Path) -> None:
    """All other ranges are done at once; each row is changed once."""
    opened = database(tmp_path, 100)
    made = request(tmp_path, "--set", "n = n + 1", "--where", "n = 0", "--max-rows", "20", "-j", "1")
    summary = await backfill(made, control=Control())
    assert (summary.exit_code, summary.failed, summary.changed) == (1, 1, 90)
    opened.execute("update t set v = 1")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    summary = await retry(summary.run, ledger=ledger, changes={}, control=Control())
    assert (summary.exit_code, summary.failed, summary.changed) == (0, 0, 100)
    assert opened.execute("select n, count(*) from t group by n").fetchall() == [(1, 100)]
    assert opened.execute("select * from bulkq_ranges").fetchall() == []


async def test_rows_that_are_left_are_done_once_more(tmp_path: Path) -> None:
    """A trigger keeps a row; the verification counts it, and the whole key is gone over again."""
    opened = database(tmp_path, 30)
    opened.execute("create trigger keep before update on t when new.id = 5 begin select raise(ignore); end")
    made = request(tmp_path, "--set", "n = n + v", "--where", "n = 0 and v = 1", "-j", "1")
    summary = await backfill(made, control=Control())
    assert (summary.exit_code, summary.status) == (1, "incomplete")
    opened.execute("drop trigger keep")
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    summary = await resume(summary.run, ledger=ledger, changes={}, control=Control(), ranges="all")
    assert (summary.exit_code, summary.changed) == (0, 29)
    assert opened.execute("select n, count(*) from t group by n").fetchall() == [(0, 1), (1, 29)]


async def test_an_empty_table_has_nothing_to_do(tmp_path: Path) -> None:
    """It is no failure."""
    database(tmp_path, 0)
    summary = await backfill(request(tmp_path, "--set", "n = 1"), control=Control())
    assert (summary.exit_code, summary.ok) == (0, 0)
