"""Which changes can be kept, and which are refused, on a file of SQLite."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import RefusedError, StoppedError, UsageError
from bulkq.lifecycle.backfill.validate_request import complete_options, statement_of
from bulkq.model import Run, Target
from bulkq.model.run import BackfillOptions, LimitOptions, OutputOptions, QueryOptions, SafetyOptions, TargetOptions
from bulkq.query import inline
from bulkq.tasks.backfill import backfill

if TYPE_CHECKING:
    from pathlib import Path

    from bulkq.model import RunSummary

SCRIPT = """
create table t (id integer primary key, v int, g as (v + 1));
create table plain (v int, w text not null unique);
create table o (t int references t on delete cascade on update set null);
insert into t (id, v) values (1, 1), (2, 2), (3, 3);
insert into plain values (1, 'a');
"""


async def captured(folder: Path, query: str | None = None, url: str = "", **options: object) -> RunSummary:
    """A backfill of `t` that keeps what its rows were."""
    with sqlite3.connect(folder / "app.db") as opened:
        if not opened.execute("select 1 from sqlite_master").fetchall():
            opened.executescript(SCRIPT)
    statement = inline(query, "sqlite") if query is not None else None
    made = complete_options(BackfillOptions(**{"over": "t", "capture": True, **options}), statement)  # type: ignore[arg-type]
    request = Run(
        queries=QueryOptions(selected=(statement_of(made, statement, "sqlite"),)),
        targets=TargetOptions(selected=(Target(url=f"sqlite:///{folder}/app.db{url}"),)),
        limits=LimitOptions(concurrency=1),
        safety=SafetyOptions(write=True, ledger=str(folder / "ledger.db")),
        output=OutputOptions(format="none"),
        backfill=replace(made, min_rows=1, first_rows=1, max_rows=1),
    )
    return await backfill(request, control=Control())


def images(folder: Path) -> list[tuple[object, ...]]:
    """Key, old and new values that are kept."""
    with sqlite3.connect(folder / "app.db") as opened:
        return opened.execute("select k1, o1, n1 from bulkq_images where state = 0 order by k1").fetchall()


async def test_rows_that_a_range_changes_are_kept(tmp_path: Path) -> None:
    """Of `--set`, and of one UPDATE of a file, which keeps only rows that are different afterwards."""
    await captured(tmp_path, assignments=("v = v + 1",), where="id < 3")
    assert images(tmp_path) == [(1, 1, 2), (2, 2, 3)]
    summary = await captured(tmp_path, "-- name: up\nupdate t set v = 3 where :range")
    assert (summary.changed, len(images(tmp_path))) == (3, 3)


@pytest.mark.parametrize(
    ("query", "options", "why"),
    [
        (None, {"assignments": ("v = 1",), "over": "plain", "key": ("rowid",)}, "needs a key that is stored"),
        (None, {"delete": True, "where": "true"}, r"deleting rows of `t` changes rows of o\.t too"),
        (None, {"assignments": ("g = 1",)}, 'cannot UPDATE generated column "g"'),
        ("update plain set v = 1 where w in (select 'a' from t where :range)", {}, "keeps the rows of one UPDATE or DELETE of `t`"),
        ("update t set v = 1 where :range returning id", {}, "without RETURNING"),
        (None, {"assignments": ("v = 1",), "capture_table": "no.such.table"}, "--capture"),
    ],
)  # fmt: skip
async def test_what_cannot_be_kept(tmp_path: Path, query: str | None, options: dict[str, object], why: str) -> None:
    """It is refused before anything is changed."""
    with pytest.raises((RefusedError, UsageError), match=why):
        await captured(tmp_path, query, "?foreign_keys=on", **options)
    with sqlite3.connect(tmp_path / "app.db") as opened:
        assert opened.execute("select sum(v) from t").fetchone() == (6,)


async def test_a_limit_of_bytes_stops_the_run(tmp_path: Path) -> None:
    """It can be resumed with another one."""
    summary = await captured(tmp_path, assignments=("v = v + 1",), where="id > 0", capture_max=1)
    assert (summary.exit_code, summary.changed) == (5, 0)
    assert "and --capture-max is 1 bytes: go on with bulkq resume" in summary.reason
    assert StoppedError.exit_code == summary.exit_code
